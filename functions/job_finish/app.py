"""The end of a job without a verdict: a task of the state machine, and its rule on executions that did not succeed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from forensics.wiring.service import Service
from functions.working import task_handler

service = Service.from_env()
fail = service.fail_job()


def finish(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take a Catch's error, or EventBridge's word of an execution that failed, timed out or was stopped."""
    if "detail" not in event:
        return fail(event)
    started_with = json.loads(event["detail"]["input"])
    return fail({"tenant": started_with["tenant"], "job_id": started_with["job_id"]})


handler = task_handler(finish)
