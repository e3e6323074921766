"""Operation links: what in an answer leads to which other call, for tools that walk from one to the next.

None begins at a list, which may be empty: a link must hold for every answer of its status.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_JOB = {"job_id": "$response.body#/job_id"}
_BATCH_JOB = {"job_id": "$response.body#/jobs/0/job_id"}
_BATCH = {"batch_id": "$response.body#/batch_id"}
_MADE = {"endpoint_id": "$response.body#/id"}
_SAME = {"endpoint_id": "$request.path.endpoint_id"}
_PING = {**_SAME, "delivery_id": "$response.body#/id"}
_UPLOAD = {"upload_id": "$response.body#/upload_id"}
_AGAIN = {"job_id": "$request.path.job_id"}
_ABOUT_A_JOB = ("get_job", "leave_feedback", "delete_job")
_ABOUT_AN_ENDPOINT = (
    "get_webhook_endpoint",
    "rotate_webhook_secret",
    "ping_webhook_endpoint",
    "list_webhook_deliveries",
    "delete_webhook_endpoint",
)
_DETECT = ("detect", "detect_image", "detect_audio", "detect_video")

Link = dict[str, Any]


def _to(operations: tuple[str, ...], parameters: Mapping[str, str], text: str) -> dict[str, Link]:
    return {name: {"operationId": name, "parameters": dict(parameters), "description": text} for name in operations}


LINKS: Mapping[tuple[str, str], dict[str, Link]] = {
    **{(name, status): _to(_ABOUT_A_JOB, _JOB, "The job") for name in _DETECT for status in ("200", "202")},
    ("create_upload", "201"): {
        **{
            name: {"operationId": name, "requestBody": _UPLOAD, "description": "Once the file is posted to `url`"}
            for name in _DETECT
        },
        "create_batch": {
            "operationId": "create_batch",
            "requestBody": {"items": [_UPLOAD]},
            "description": "Once the file is posted to `url`",
        },
    },
    ("create_batch", "202"): {
        **_to(("get_batch",), _BATCH, "The batch"),
        **_to(_ABOUT_A_JOB, _BATCH_JOB, "Its first job"),
    },
    ("get_batch", "200"): _to(_ABOUT_A_JOB, _BATCH_JOB, "Its first job"),
    ("get_job", "200"): _to(("leave_feedback", "delete_job"), _AGAIN, "The same job"),
    ("create_webhook_endpoint", "201"): _to(_ABOUT_AN_ENDPOINT, _MADE, "The endpoint"),
    ("get_webhook_endpoint", "200"): _to(_ABOUT_AN_ENDPOINT[1:], _SAME, "The same endpoint"),
    ("ping_webhook_endpoint", "202"): {
        **_to(("replay_webhook",), _PING, "The same ping again"),
        **_to(("list_webhook_deliveries",), _SAME, "What became of it"),
    },
}


def describe_links(document: dict[str, Any]) -> None:
    """Add the links to the answers; raises KeyError for one that starts at no answer of the document."""
    operations = {o["operationId"]: o for item in document["paths"].values() for o in item.values()}
    for (operation, status), links in LINKS.items():
        operations[operation]["responses"][status]["links"] = links
