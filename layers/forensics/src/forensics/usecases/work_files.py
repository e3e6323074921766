"""What a job's workers tell each other: JSON in S3 by key, so that the state machine's states and history hold no findings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forensics.domain.errors import InternalError
from forensics.domain.job import work_prefix
from forensics.usecases.ports import MediaStore


@dataclass(frozen=True)
class WorkFiles:
    """Files under work/<tenant>/<job>/, which the end of the job deletes; written again they are replaced."""

    media: MediaStore

    def put(self, task: Mapping[str, Any], name: str, value: object) -> str:
        """Store `value` for the job of `task`, which names `tenant` and `job_id`; return its key."""
        key = f"{work_prefix(task['tenant'], task['job_id'])}{name}.json"
        self.media.put(key, json.dumps(value).encode(), content_type="application/json")
        return key

    def get(self, key: str) -> Any:
        """Raise InternalError when it is gone."""
        data = self.media.get(key)
        if data is None:
            raise InternalError("A part of the analysis is missing.")
        return json.loads(data)

    def result(self, told: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a worker found: read from its `result_key`, or `told` itself when a state of the machine speaks for it."""
        found: Mapping[str, Any] = self.get(told["result_key"]) if "result_key" in told else told
        return found
