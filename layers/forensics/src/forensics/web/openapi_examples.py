"""Puts an example on every request body and on every answer, problems too, so that a reader sees what a program will get."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from forensics.domain import errors
from forensics.domain.errors import DetectorError, FieldError, problem
from forensics.web import openapi_samples as samples
from forensics.web.openapi_samples import Sample

PROBLEM_JSON = "application/problem+json"
_URL = "https://example.org/a.jpg"
_UPLOADED: Sample = {"upload_id": samples.UPLOAD_ID, "strict_mode": True, "external_id": "desk-7"}
_DETECT: Mapping[str, Sample] = {"by URL": {"media_url": _URL}, "of an upload": _UPLOADED}
_FORM: Sample = {"file": "(the bytes)", "strict_mode": False}
_DETECTED: Mapping[str, Mapping[str, Sample]] = {
    "detect": {"image": samples.IMAGE_RESULT, "audio": samples.AUDIO_RESULT, "video": samples.VIDEO_RESULT},
    "detect_image": {"image": samples.IMAGE_RESULT},
    "detect_audio": {"audio": samples.AUDIO_RESULT},
    "detect_video": {"video": samples.VIDEO_RESULT},
}
REQUESTS: Mapping[str, Mapping[str, Sample]] = {
    **dict.fromkeys(_DETECTED, _DETECT),
    "create_upload": {"a video": {"content_type": "video/mp4", "size": 83886080}},
    "create_batch": {
        "a URL and an upload": {
            "items": [{"media_url": _URL, "external_id": "a"}, {"upload_id": samples.UPLOAD_ID, "media_type": "video"}],
            "strict_mode": True,
        }
    },
    "leave_feedback": {"a false alarm": {"label": "authentic", "comment": samples.FEEDBACK["comment"]}},
    "create_webhook_endpoint": {
        "verdicts": {name: samples.ENDPOINT[name] for name in ("url", "events", "description")},
    },
}
ANSWERS: Mapping[tuple[str, str], Mapping[str, Sample]] = {
    **{(operation, "200"): results for operation, results in _DETECTED.items()},
    **{
        (f"detect{'_' if medium else ''}{medium}", "202"): {
            "accepted": {**samples.PENDING, "media_type": medium or None}
        }
        for medium in ("", "image", "audio", "video")
    },
    ("create_upload", "201"): {"made": samples.UPLOAD},
    ("create_batch", "202"): {"accepted": samples.BATCH_ACCEPTED},
    ("get_batch", "200"): {"running": samples.BATCH_ACCEPTED, "completed": samples.BATCH_COMPLETED},
    ("list_jobs", "200"): {"the last page": samples.JOB_LIST},
    ("get_job", "200"): {"completed": samples.IMAGE_RESULT, "queued": samples.PENDING, "failed": samples.FAILED},
    ("leave_feedback", "201"): {"the key's first word": samples.FEEDBACK},
    ("leave_feedback", "200"): {"a later word": samples.FEEDBACK},
    ("list_models", "200"): {"one model": samples.MODELS},
    ("usage", "200"): {"the plan free": samples.USAGE},
    ("create_webhook_endpoint", "201"): {"made": samples.ENDPOINT_WITH_SECRET},
    ("list_webhook_endpoints", "200"): {"one": {"data": [samples.ENDPOINT]}},
    ("get_webhook_endpoint", "200"): {"enabled": samples.ENDPOINT},
    ("rotate_webhook_secret", "200"): {
        "rotated": {**samples.ENDPOINT_WITH_SECRET, "previous_secret_until": "2026-11-23T19:51:24.058Z"}
    },
    ("ping_webhook_endpoint", "202"): {"begun": samples.PING_BEGUN},
    ("list_webhook_deliveries", "200"): {"delivered": samples.DELIVERIES},
    ("replay_webhook", "202"): {"begun": samples.DELIVERY_BEGUN},
    ("health", "200"): {"up": samples.HEALTH},
    ("status", "200"): {"degraded": samples.STATUS},
    ("openapi", "200"): {"shortened": samples.DOCUMENT},
}
EVENTS: Mapping[str, Sample] = {
    "detection.completed": samples.IMAGE_RESULT,
    "detection.failed": samples.FAILED,
    "detection.deleted": samples.DELETED_DATA,
    "batch.completed": samples.BATCH_DATA,
    "webhook.ping": {"endpoint_id": samples.ENDPOINT_ID},
}
_KEY_REUSED = (errors.IdempotencyKeyReused,)
_MEDIA = (
    errors.MediaTypeMismatch,
    errors.MediaCorrupt,
    errors.MediaTooLong,
    errors.MediaTooLargePixels,
    errors.MediaFetchFailed,
    errors.MediaUrlForbidden,
    errors.UploadNotFound,
    errors.UploadIncomplete,
)
# Which errors share a status, where more than one does; every other status has one error.
AMBIGUOUS: Mapping[tuple[str, str], tuple[type[DetectorError], ...]] = {
    **{(operation, "409"): (errors.IdempotencyInFlight, errors.UploadUsed) for operation in _DETECTED},
    **{(operation, "422"): (*_MEDIA, *_KEY_REUSED) for operation in _DETECTED},
    ("leave_feedback", "409"): (errors.IdempotencyInFlight, errors.NoVerdict),
    ("create_batch", "422"): (errors.MediaUrlForbidden, *_KEY_REUSED),
    ("create_webhook_endpoint", "409"): (errors.IdempotencyInFlight, errors.TooManyEndpoints),
    ("replay_webhook", "409"): (errors.IdempotencyInFlight, errors.EndpointDisabled),
    ("create_webhook_endpoint", "422"): (errors.MediaUrlForbidden, *_KEY_REUSED),
}
_FIRST = {"409": (errors.IdempotencyInFlight,), "422": _KEY_REUSED}
_FAULT = FieldError("/strict_mode", "Input should be a valid boolean")
_EXTRA: Mapping[type[DetectorError], Mapping[str, Any]] = {
    errors.InvalidRequest: {"errors": [_FAULT]},
    errors.PayloadTooLarge: {"extensions": {"upload_endpoint": "/v1/uploads"}},
    errors.QuotaExceeded: {"extensions": {"violated-policies": ["minute"]}},
}


def describe_examples(document: dict[str, Any]) -> None:
    """Add examples to every operation, and to the webhooks; raises KeyError for a success that no sample is known of."""
    for operation in _operations(document["paths"]):
        name = operation["operationId"]
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            content["examples"] = named({"a file": _FORM} if kind.startswith("multipart") else REQUESTS[name])
        for status, response in operation["responses"].items():
            for kind, content in response.get("content", {}).items():
                found = _problems(name, status, document) if kind == PROBLEM_JSON else named(ANSWERS[name, status])
                content["examples"] = found
    for kind, item in document["webhooks"].items():
        content = item["post"]["requestBody"]["content"]["application/json"]
        content["examples"] = named({kind: {"type": kind, "timestamp": samples.ENDED_AT, "data": EVENTS[kind]}})


def kinds_of(operation: str, status: str) -> Sequence[type[DetectorError]]:
    """Return the errors that an operation answers with a status."""
    by_status = [kind for kind in errors.codes().values() if str(kind.status) == status]
    return AMBIGUOUS.get((operation, status), _FIRST.get(status, by_status))


def _problems(operation: str, status: str, document: dict[str, Any]) -> dict[str, Any]:
    """Return references to the problems of a status, by code; each is written out once, among the components."""
    kinds = kinds_of(operation, status)
    written = document["components"].setdefault("examples", {})
    for kind in kinds:
        shown = problem(kind(**_EXTRA.get(kind, {})), request_id=samples.REQUEST_ID)
        written.setdefault(kind.code, {"summary": kind.title, "value": shown})
    return {kind.code: {"$ref": f"#/components/examples/{kind.code}"} for kind in kinds}


def named(found: Mapping[str, Sample]) -> dict[str, Any]:
    """Return OpenAPI's form of named examples."""
    return {name: {"value": value} for name, value in found.items()}


def _operations(paths: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    items: Iterable[Mapping[str, Any]] = paths.values()
    for item in items:
        yield from item.values()
