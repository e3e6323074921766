"""API Gateway proxy events as the gateway sends them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

BOUNDARY = "----boundary7MA4YWxkTrZu0gW"


def api_event(
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    content_type: str | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    tenant: str | None = "acme",
    scopes: str = "detect jobs",
) -> dict[str, Any]:
    """Return a REST proxy event; `tenant` None is a call on a path without an authorizer."""
    sent = {"Host": "api.example.org", **({"Content-Type": content_type} if content_type else {}), **(headers or {})}
    authorizer = (
        {"authorizer": {"tenant": tenant, "plan": "free", "scopes": scopes, "principalId": tenant}} if tenant else {}
    )
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {k: [v] for k, v in query.items()} if query else None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "resourcePath": path,
            "httpMethod": method,
            "stage": "prod",
            "identity": {"sourceIp": "192.0.2.1"},
            **authorizer,
        },
        "body": None if body is None else base64.b64encode(body).decode(),
        "isBase64Encoded": body is not None,
    }


def multipart(data: bytes | None = None, *, filename: str = "picture.jpg", **fields: str) -> dict[str, Any]:
    """Return the body and content type of a multipart detect call."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    if data is not None:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        parts.append(head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n")
    body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    return {"body": body, "content_type": f"multipart/form-data; boundary={BOUNDARY}"}


def json_body(value: Any) -> dict[str, Any]:
    return {"body": json.dumps(value).encode(), "content_type": "application/json"}


class LambdaContext:
    """What Lambda passes beside the event."""

    function_name = "test-function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:test-function"
    aws_request_id = "52fdfc07-2182-454f-963f-5f0f9a621d72"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 25_000
