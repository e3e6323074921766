"""Every error a caller can meet: one tree, one code, one status each (RFC 9457 problem types).

DetectorError
├── InvalidRequest 400 · Unauthenticated 401 · Forbidden 403 · NotFound 404 · MethodNotAllowed 405
├── NoVerdict 409 · IdempotencyInFlight 409 · IdempotencyKeyReused 422 · TooManyEndpoints 409 · EndpointDisabled 409
├── Deleted 410 · PayloadTooLarge 413 · UnsupportedMediaType 415 · QuotaExceeded 429
├── MediaError 422
│   ├── MediaTypeMismatch · MediaCorrupt · MediaTooLong · MediaTooLargePixels · MediaFetchFailed · MediaUrlForbidden
│   └── UploadNotFound · UploadIncomplete · UploadUsed 409
└── InternalError 500 · ServiceUnavailable 503 · UpstreamTimeout 504
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

DOCS_BASE = "https://deepfakedetector.ai/docs/errors#"


@dataclass(frozen=True)
class FieldError:
    """One wrong field of a request; `pointer` is an RFC 6901 JSON pointer into the body."""

    pointer: str
    detail: str


class DetectorError(Exception):
    """An error that a caller may read; `detail` never holds media, keys, URLs or an unknown exception's text."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        extensions: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = tuple(errors)
        self.extensions = dict(extensions or {})
        self.headers = dict(headers or {})


class InvalidRequest(DetectorError):
    status, code, title = 400, "invalid-request", "The request is not valid"


class Unauthenticated(DetectorError):
    status, code, title = 401, "unauthenticated", "A valid API key is needed"


class Forbidden(DetectorError):
    status, code, title = 403, "forbidden", "This key may not do that"


class NotFound(DetectorError):
    status, code, title = 404, "not-found", "There is nothing here"


class MethodNotAllowed(DetectorError):
    status, code, title = 405, "method-not-allowed", "This path does not answer that method"


class NoVerdict(DetectorError):
    status, code, title = 409, "no-verdict", "The job has no verdict"


class TooManyEndpoints(DetectorError):
    status, code, title = 409, "too-many-endpoints", "The account has all the webhook endpoints it may have"


class EndpointDisabled(DetectorError):
    status, code, title = 409, "endpoint-disabled", "The webhook endpoint is disabled"


class Deleted(DetectorError):
    status, code, title = 410, "deleted", "It was deleted"


class PayloadTooLarge(DetectorError):
    status, code, title = 413, "payload-too-large", "The body is too large"


class UnsupportedMediaType(DetectorError):
    status, code, title = 415, "unsupported-media-type", "This kind of file is not supported"


class IdempotencyInFlight(DetectorError):
    status, code, title = 409, "idempotency-in-flight", "A call with this Idempotency-Key is running"


class IdempotencyKeyReused(DetectorError):
    status, code, title = 422, "idempotency-key-reused", "This Idempotency-Key came with another request"


class QuotaExceeded(DetectorError):
    """`violated-policies` names the limits that are used up; the gateway answers it too, when the whole stage is at its ceiling."""

    status, code, title = 429, "quota-exceeded", "Too many requests"


class MediaError(DetectorError):
    """The request is fine but the media is not; a job that fails on it carries the same problem. Each kind has its own code."""

    status = 422


class MediaTypeMismatch(MediaError):
    code, title = "media-type-mismatch", "The file is not of the medium asked for"


class MediaCorrupt(MediaError):
    code, title = "media-corrupt", "The file is damaged or incomplete"


class MediaTooLong(MediaError):
    code, title = "media-too-long", "The recording is too long"


class MediaTooLargePixels(MediaError):
    code, title = "media-too-large-pixels", "The picture has too many pixels"


class MediaFetchFailed(MediaError):
    code, title = "media-fetch-failed", "The media URL could not be fetched"


class MediaUrlForbidden(MediaError):
    code, title = "media-url-forbidden", "This URL is not allowed"


class UploadNotFound(MediaError):
    code, title = "upload-not-found", "There is no such upload"


class UploadIncomplete(MediaError):
    code, title = "upload-incomplete", "The upload holds no whole file"


class UploadUsed(MediaError):
    status, code, title = 409, "upload-used", "This upload has served a detection"


class InternalError(DetectorError):
    """Stands for every unknown exception, whose text stays in the log."""


class ServiceUnavailable(DetectorError):
    status, code, title = 503, "service-unavailable", "Try again shortly"


class UpstreamTimeout(DetectorError):
    status, code, title = 504, "timeout", "The answer did not come in time"


def problem(error: DetectorError, *, request_id: str | None = None) -> dict[str, Any]:
    """Return the RFC 9457 object of an error; empty members are left out."""
    body: dict[str, Any] = {
        "type": f"{DOCS_BASE}{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
    }
    if request_id:
        body["request_id"] = request_id
    if error.errors:
        body["errors"] = [{"pointer": e.pointer, "detail": e.detail} for e in error.errors]
    return body | error.extensions


def from_problem(body: Mapping[str, Any]) -> DetectorError:
    """Return the error whose `code` and `detail` an object has; InternalError without a detail for a code that is none of ours."""
    kind = codes().get(body.get("code", ""))
    return kind(body.get("detail")) if kind else InternalError()


def codes() -> dict[str, type[DetectorError]]:
    """Return every error of this module by its code; neither MediaError, which stands for several, nor what others derive."""
    return {kind.code: kind for kind in _below(DetectorError) if kind.__module__ == __name__ and kind is not MediaError}


def _below(kind: type[DetectorError]) -> list[type[DetectorError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in _below(child))]
