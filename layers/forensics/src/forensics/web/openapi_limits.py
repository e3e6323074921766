"""What the guard before every route adds to the OpenAPI document: the RateLimit fields, 429, and Idempotency-Key."""

from __future__ import annotations

from typing import Any

from forensics.domain.idempotency import MAX_KEY_CHARS

_LIMIT_HEADERS = {
    "RateLimit-Policy": ("The limits: quota q in w seconds", '"minute";q=300;w=60, "monthly";q=50;w=2592000'),
    "RateLimit": ("What is left (r) of each limit, and seconds (t) until it is whole", '"minute";r=287;t=14'),
    "Retry-After": ("Seconds to wait", "14"),
    "Idempotency-Replayed": ("`true` on an answer that is given again", "true"),
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key within 24 hours gives the same answer and no second effect; bare or as a quoted string",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARS + 2},
}
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def describe_limits(document: dict[str, Any], *, public: tuple[str, ...]) -> None:
    """Add to every operation that needs a key what holds for all of them."""
    document["components"]["headers"] = {
        name: {"description": text, "schema": {"type": "string"}, "example": example}
        for name, (text, example) in _LIMIT_HEADERS.items()
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if path not in public:
                _describe(operation, repeatable=method == "post")


def _describe(operation: dict[str, Any], *, repeatable: bool) -> None:
    responses = operation["responses"]
    responses.setdefault("429", {"description": "A limit is used up", "content": _PROBLEM})
    if repeatable:
        operation["parameters"] = [*operation.get("parameters", []), _KEY]
        responses.setdefault("409", {"description": "A call with this Idempotency-Key is running", "content": _PROBLEM})
        responses.setdefault("422", {"description": "The Idempotency-Key came with another body", "content": _PROBLEM})
    for status, response in responses.items():
        names = ["RateLimit-Policy", "RateLimit"]
        names += ["Retry-After"] if status in ("429", "503") or (status == "409" and repeatable) else []
        names += ["Idempotency-Replayed"] if repeatable and status[0] in "24" else []
        headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
        response["headers"] = {**response.get("headers", {}), **headers}
