"""Pinned third-party encoders: where they lie once `models/fetch_encoders.py` has brought them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from forensics.detect.files import verify_file
from forensics.detect.onnx import ModelUnavailable

ENCODERS_TOML = "encoders.toml"


class EncoderMissing(ModelUnavailable):
    """A pinned encoder has not been fetched yet."""


@dataclass(frozen=True)
class EncoderSpec:
    """One encoder: a member of a wheel, its graph cut to `outputs` (tensor names; empty keeps it whole).

    `sha256` is of the finished file, `member_sha256` of the wheel's member, both hex; `any_size` leaves the
    size of the images open.
    """

    name: str
    requirement: str
    wheel_sha256: str
    member: str
    member_sha256: str
    outputs: tuple[str, ...]
    file: str
    sha256: str
    licence: str
    any_size: bool = False

    def path(self, encoders_dir: Path) -> Path:
        """Return where the finished file belongs: <encoders_dir>/<sha256>/<file>."""
        return encoders_dir / self.sha256 / self.file

    def located(self, encoders_dir: Path) -> Path:
        """Return the file, its checksum verified; raises EncoderMissing, or ModelUnavailable when it was changed."""
        path = self.path(encoders_dir)
        if not path.is_file():
            raise EncoderMissing(f"The encoder file {self.file} ({self.name}) is missing; run `make setup`.")
        return verify_file(path, sha256=self.sha256)


def read_encoders(models_dir: Path) -> dict[str, EncoderSpec]:
    """Read <models_dir>/encoders.toml; returns name -> spec; raises ModelUnavailable when it is missing."""
    path = models_dir / ENCODERS_TOML
    if not path.is_file():
        raise ModelUnavailable(f"The list of encoders {ENCODERS_TOML} is missing from the models folder.")
    with path.open("rb") as handle:
        rows = tomllib.load(handle)["encoder"]
    return {row["name"]: EncoderSpec(**{**row, "outputs": tuple(row["outputs"])}) for row in rows}
