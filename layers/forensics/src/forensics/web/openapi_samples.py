"""What answers look like, object by object: the examples of the OpenAPI document, one made-up story through all of them."""

from __future__ import annotations

from typing import Any

Sample = dict[str, Any]  # JSON

REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
JOB_ID = "job_useast1_01M82D0DMT16FEFNRTN8RT264F"
UPLOAD_ID = "upload_01M82D0C8Q4XJ6N5T0P3V7Y9ZB"
BATCH_ID = "batch_01M82D1Z4W8S2R6K9H3G7F5E0D"
ENDPOINT_ID = "whe_01M82CZY3V5B8N1M4Q7R0S2T6W"
DELIVERY_ID = "dlv_01M82D0EF6G7H8J9K0M1N2P3Q4"
EVENT_ID = "evt_ge3tqmbrgezdgnbvgy3tqojqge"
MADE_AT, ENDED_AT = "2026-11-22T19:51:24.058Z", "2026-11-22T19:51:24.220Z"
NEXT_MINUTE, NEXT_MONTH = "2026-11-22T19:52:00.000Z", "2026-12-01T00:00:00.000Z"
_SAID = "the pixels carry the invisible watermark SDXL (correlation 1.00)"
_OWN: Sample = {"external_id": "desk-7", "metadata": {"desk": "news"}}
_THRESHOLDS: Sample = {"synthetic": 0.8337, "authentic": 0.4776}
_POINT: Sample = {"fpr": 0.0199, "recall": 0.4933, "measured_on": "pictures of sources never trained on"}

IMAGE_RESULT: Sample = {
    "job_id": JOB_ID,
    "status": "completed",
    "media_type": "image",
    "verdict": "synthetic",
    "confidence": 0.98,
    "generator": "sdxl-v1.0",
    "signals": {"spectrum": "sharp", "provenance": "declares_synthetic", "watermark": "SDXL"},
    "flagged_segments": [],
    "latency_ms": 162,
    "score": 0.98,
    "thresholds": _THRESHOLDS,
    "strict_mode": False,
    "operating_point": _POINT,
    "reasons": [_SAID],
    "signal_details": [{"name": "provenance", "value": "declares_synthetic", "score": 0.98, "what": _SAID}],
    "models": [{"name": "image-whole-view", "version": "0.2.0", "score": 0.0942, "status": "ok", "latency_ms": 146}],
    "provenance": {
        "c2pa": None,
        "digital_source_type": None,
        "watermark": {"name": "SDXL", "generator": "sdxl-v1.0", "correlation": 0.9999, "threshold": 0.7152},
        "metadata": None,
        "evidence": [
            {
                "source": "watermark",
                "claim": "synthetic",
                "strength": 0.98,
                "what": _SAID,
                "generator": "sdxl-v1.0",
            }
        ],
    },
    "regions": [],
    "artifacts": {},
    "media": {
        "sha256": "1908f2a4568d331c092c23ba94e5dbd4726162de04b9fb1864f2c333375f2ac7",
        "bytes": 237502,
        "format": "png",
        "width": 512,
        "height": 512,
        "duration_s": None,
        "coverage": 1.0,
    },
    "retention": {"mode": "purge", "delete_by": "2026-11-22T19:52:24.220Z", "deleted_at": ENDED_AT},
    "warnings": [],
    "created_at": MADE_AT,
    "completed_at": ENDED_AT,
    "request_id": REQUEST_ID,
    **_OWN,
}


def _result(medium: str, verdict: str, kind: str, format: str, **changes: Any) -> Sample:
    """Return the result of something that lasts: a span of it is flagged, nothing is said by the file itself."""
    media = {**IMAGE_RESULT["media"], "format": format, "duration_s": 12.0, **changes.pop("media", {})}
    return {
        **IMAGE_RESULT,
        "media_type": medium,
        "verdict": verdict,
        "confidence": 0.91,
        "generator": None,
        "signals": {},
        "flagged_segments": [{"start": 2.4, "end": 5.8, "score": 0.93, "kind": kind, "track": None}],
        "score": 0.91,
        "reasons": ["2.4 s to 5.8 s: above the threshold"],
        "signal_details": [],
        "provenance": {**IMAGE_RESULT["provenance"], "watermark": None, "evidence": []},
        "media": media,
        **changes,
    }


AUDIO_RESULT = _result("audio", "synthetic", "audio", "wav", media={"width": None, "height": None})
VIDEO_RESULT = _result("video", "manipulated", "frame", "mp4", latency_ms=6920)

PENDING: Sample = {
    "job_id": JOB_ID,
    "status": "queued",
    "media_type": "image",
    "created_at": MADE_AT,
    "estimated_seconds": 2,
    "links": {"self": f"/v1/jobs/{JOB_ID}"},
    "verdict": None,
    **_OWN,
}
MEDIA_CORRUPT: Sample = {
    "type": "https://deepfakedetector.ai/docs/errors#media-corrupt",
    "title": "The file is damaged or incomplete",
    "status": 422,
    "code": "media-corrupt",
    "detail": "The image cannot be decoded.",
    "request_id": REQUEST_ID,
}
FAILED: Sample = {
    "job_id": JOB_ID,
    "status": "failed",
    "media_type": "image",
    "verdict": None,
    "error": MEDIA_CORRUPT,
    "retention": IMAGE_RESULT["retention"],
    "created_at": MADE_AT,
    "completed_at": ENDED_AT,
    "request_id": REQUEST_ID,
    **_OWN,
}
JOB_LINE: Sample = {
    "job_id": JOB_ID,
    "status": "completed",
    "media_type": "image",
    "verdict": "synthetic",
    "confidence": 0.98,
    "error_code": None,
    "external_id": "desk-7",
    "created_at": MADE_AT,
    "completed_at": ENDED_AT,
}
JOB_LIST: Sample = {"data": [JOB_LINE], "has_more": False, "next_cursor": None}

UPLOAD: Sample = {
    "upload_id": UPLOAD_ID,
    "url": "https://deepfake-detection-mediabucket-1a2b3c.s3.amazonaws.com/",
    "fields": {
        "key": f"uploads/acme/{UPLOAD_ID}",
        "policy": "eyJleHBpcmF0aW9uIjoi…",
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-signature": "5f2c…",
    },
    "max_bytes": 83886080,
    "expires_at": "2026-11-22T20:06:24.058Z",
}
_COUNTS: Sample = {"queued": 0, "processing": 0, "completed": 0, "failed": 0, "deleted": 0}
_QUEUED_LINE: Sample = {**JOB_LINE, "status": "queued", "verdict": None, "confidence": None, "completed_at": None}
BATCH_ACCEPTED: Sample = {
    "batch_id": BATCH_ID,
    "status": "processing",
    "total": 1,
    "counts": {**_COUNTS, "queued": 1},
    "jobs": [_QUEUED_LINE],
    "created_at": MADE_AT,
    "completed_at": None,
    "links": {"self": f"/v1/batches/{BATCH_ID}"},
}
BATCH_COMPLETED: Sample = {
    **BATCH_ACCEPTED,
    "status": "completed",
    "counts": {**_COUNTS, "completed": 1},
    "jobs": [JOB_LINE],
    "completed_at": ENDED_AT,
}
FEEDBACK: Sample = {
    "job_id": JOB_ID,
    "label": "authentic",
    "comment": "taken by our own reporter",
    "given_at": ENDED_AT,
}
USAGE: Sample = {
    "plan": "free",
    "mode": "live",
    "minute": {"limit": 300, "used": 13, "remaining": 287, "resets_at": NEXT_MINUTE},
    "month": {"limit": 50, "used": 1, "remaining": 49, "resets_at": NEXT_MONTH, "by_media_type": {"image": 1}},
}
_MODE: Sample = {"thresholds": _THRESHOLDS, "operating_point": _POINT}
MODELS: Sample = {
    "data": [
        {
            "name": "image-whole-view",
            "version": "0.2.0",
            "licence": "Apache-2.0",
            "operating_points": {"normal": _MODE, "strict": _MODE},
            "guards": {"min_side_px": 64.0},
            "generators": [],
            "card": "# image-whole-view\n…",
        }
    ]
}
ENDPOINT: Sample = {
    "id": ENDPOINT_ID,
    "url": "https://example.org/hooks/deepfake",
    "events": ["detection.completed", "detection.failed"],
    "description": "the news desk",
    "status": "enabled",
    "disabled_reason": None,
    "disabled_at": None,
    "failing_since": None,
    "previous_secret_until": None,
    "created_at": MADE_AT,
}
ENDPOINT_WITH_SECRET: Sample = {**ENDPOINT, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
DELIVERY: Sample = {
    "id": DELIVERY_ID,
    "webhook_id": EVENT_ID,
    "type": "detection.completed",
    "job_id": JOB_ID,
    "batch_id": None,
    "status": "delivered",
    "attempts": [{"at": ENDED_AT, "status": 204, "error": None, "ms": 87}],
    "next_attempt_at": None,
    "created_at": ENDED_AT,
}
DELIVERY_BEGUN: Sample = {**DELIVERY, "status": "pending", "attempts": [], "next_attempt_at": ENDED_AT}
PING_BEGUN: Sample = {**DELIVERY_BEGUN, "type": "webhook.ping", "job_id": None}
DELIVERIES: Sample = {"data": [DELIVERY], "has_more": False, "next_cursor": None}
STATUS: Sample = {
    "status": "degraded",
    "components": [{"name": "image", "status": "operational"}, {"name": "webhooks", "status": "degraded"}],
    "checked_at": ENDED_AT,
    "version": "0.1.0",
    "region": "us-east-1",
}
HEALTH: Sample = {"status": "ok", "version": "0.1.0", "region": "us-east-1"}
DOCUMENT: Sample = {"openapi": "3.1.0", "info": {"title": "Deepfake Detection API", "version": "1"}, "paths": {}}
DELETED_DATA: Sample = {"job_id": JOB_ID, "media_type": "image", "deleted": "media", "deleted_at": ENDED_AT, **_OWN}
BATCH_DATA: Sample = {
    "batch_id": BATCH_ID,
    "status": "completed",
    "total": 1,
    "counts": {"completed": 1},
    "created_at": MADE_AT,
    "completed_at": ENDED_AT,
}
