"""What holds for every route: RateLimit fields, Idempotency-Key, the headers of answers, the problems any call may meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forensics.domain.idempotency import MAX_KEY_CHARS
from forensics.web.schemas import problems

_TEXT, _SECONDS = {"type": "string"}, {"type": "integer", "minimum": 0}
_HEADERS: Mapping[str, tuple[str, Mapping[str, Any], Any]] = {
    "RateLimit-Policy": ("The limits: quota q in w seconds", _TEXT, '"minute";q=300;w=60, "monthly";q=50;w=2592000'),
    "RateLimit": ("What is left (r) of each limit, and seconds (t) until it is whole", _TEXT, '"minute";r=287;t=14'),
    "Retry-After": ("Seconds to wait", _SECONDS, 14),
    "Idempotency-Replayed": ("`true` on an answer that is given again", {"const": "true"}, "true"),
    "Location": ("Where it can be read", _TEXT, "/v1/jobs/job_useast1_01M82D0DMT16FEFNRTN8RT264F"),
    "Preference-Applied": ("What of `Prefer` was applied", _TEXT, "wait=5"),
    "Server-Timing": ("Milliseconds of each stage", _TEXT, "decode;dur=12.0, model;dur=146.2"),
    "ETag": ("Changes when the answer does", _TEXT, '"5d41402abc4b2a76"'),
    "Link": ("The next page, rel=next", _TEXT, '</v1/jobs?cursor=WyIyMDI2Il0>; rel="next"'),
    "WWW-Authenticate": ("How to authenticate", _TEXT, 'Bearer realm="deepfake-detection"'),
}
_DETECT = ("detect", "detect_image", "detect_audio", "detect_video")
_OWN_HEADERS: Mapping[tuple[str, str], tuple[str, ...]] = {
    **{(name, "200"): ("Preference-Applied", "Server-Timing") for name in _DETECT},
    **{(name, "202"): ("Location", "Retry-After", "Preference-Applied") for name in _DETECT},
    ("create_batch", "202"): ("Location", "Retry-After"),
    ("create_webhook_endpoint", "201"): ("Location",),
    ("get_job", "200"): ("ETag", "Retry-After"),
    ("get_job", "304"): ("ETag",),
    ("list_jobs", "200"): ("Link",),
}
_ANY_CALL = (429, 500, 503, 504)
_KEYED_CALL = (401, 403)
# One to 255 characters, bare or as a string of RFC 8941.
_KEY_PATTERN = rf'^([!#-~]{{1,{MAX_KEY_CHARS}}}|"([ !#-\[\]-~]|\\["\\]){{1,{MAX_KEY_CHARS}}}")$'
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key within 24 hours gives the same answer and no second effect; bare or as a quoted string",
    "schema": {"type": "string", "pattern": _KEY_PATTERN},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}


def describe_limits(document: dict[str, Any], *, public: tuple[str, ...]) -> None:
    """Add to every operation what holds for all of them; nothing of keys and limits to those that need no key."""
    document["components"]["headers"] = {
        name: {"description": text, "schema": dict(schema), "example": example}
        for name, (text, schema, example) in _HEADERS.items()
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _describe(operation, keyed=path not in public, repeatable=method == "post" and path not in public)


def _describe(operation: dict[str, Any], *, keyed: bool, repeatable: bool) -> None:
    responses = operation["responses"]
    met = _ANY_CALL + (_KEYED_CALL if keyed else ()) + ((400,) if repeatable else ())
    for status, response in problems(*met).items():
        responses.setdefault(str(status), response)
    if repeatable:
        operation["parameters"] = [*operation.get("parameters", []), _KEY]
        by_key = problems(409, 422)
        by_key[409]["description"] = "A call with this Idempotency-Key is running"
        by_key[422]["description"] = "The Idempotency-Key came with another body"
        for status, response in by_key.items():
            responses.setdefault(str(status), response)
    operation["responses"] = dict(sorted(responses.items()))
    for status, response in operation["responses"].items():
        names = _headers(status, keyed=keyed, repeatable=repeatable)
        names += [name for name in _OWN_HEADERS.get((operation["operationId"], status), ()) if name not in names]
        headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
        response["headers"] = {**response.get("headers", {}), **headers}


def _headers(status: str, *, keyed: bool, repeatable: bool) -> list[str]:
    names = ["RateLimit-Policy", "RateLimit"] if keyed else []
    names += ["Retry-After"] if status in ("429", "503") or (status == "409" and repeatable) else []
    names += ["Idempotency-Replayed"] if repeatable and status[0] in "24" else []
    return [*names, "WWW-Authenticate"] if status == "401" else names
