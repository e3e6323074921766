"""What every model of the contract shares."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]
VerdictName = Literal["authentic", "synthetic", "manipulated", "inconclusive"]
MediumName = Literal["image", "audio", "video"]


class Model(BaseModel):
    """An object without unknown members."""

    model_config = ConfigDict(extra="forbid")
