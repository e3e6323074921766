"""Calling a sibling function with the gateway's own event."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forensics.domain.errors import ServiceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True)
class LambdaInvoker:
    client: Callable[[], LambdaClient]

    def __call__(self, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the function's proxy response; raises ServiceUnavailable when it crashed or timed out."""
        answer = self.client().invoke(FunctionName=function, Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError") or not isinstance(payload, dict) or "statusCode" not in payload:
            raise ServiceUnavailable("The analysis did not finish. Try again.", headers={"Retry-After": "2"})
        return payload
