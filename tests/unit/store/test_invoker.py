from __future__ import annotations

import io
import json
from typing import Any

import pytest

from forensics.domain.errors import ServiceUnavailable
from forensics.store.functions import LambdaInvoker


class Lambda:
    """Answers invoke with what it was given."""

    def __init__(self, payload: Any, **extra: str) -> None:
        self.answer = {"Payload": io.BytesIO(json.dumps(payload).encode()), **extra}
        self.calls: list[dict[str, Any]] = []

    def invoke(self, **call: Any) -> dict[str, Any]:
        self.calls.append(call)
        return self.answer


def test_the_proxy_answer_comes_back() -> None:
    client = Lambda({"statusCode": 200, "body": "{}"})
    assert LambdaInvoker(lambda: client)("fn", {"path": "/x"}) == {"statusCode": 200, "body": "{}"}  # type: ignore[arg-type,return-value]
    assert client.calls == [{"FunctionName": "fn", "Payload": b'{"path": "/x"}'}]


@pytest.mark.parametrize(
    "client",
    [Lambda({"errorMessage": "secret"}, FunctionError="Unhandled"), Lambda(None), Lambda([1]), Lambda({"odd": 1})],
)
def test_a_crashed_function_is_unavailable_and_tells_nothing(client: Lambda) -> None:
    with pytest.raises(ServiceUnavailable) as caught:
        LambdaInvoker(lambda: client)("fn", {})  # type: ignore[arg-type,return-value]
    assert "secret" not in caught.value.detail and caught.value.headers == {"Retry-After": "2"}
