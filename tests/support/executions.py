"""The state machine of a deployed local cloud, its jobs and what happened in its executions, seen with root's credentials."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from forensics.domain.job import DetectOptions, Job, JobStatus, media_key
from forensics.domain.result import pending_document
from forensics.store.jobs import DynamoJobs
from localcloud.aws import CONFIG, session
from localcloud.cloud import DEMO_TENANT, LocalCloud

Event = dict[str, Any]  # of an execution's history


@dataclass(frozen=True)
class Executions:
    """Starts executions as the endpoint does, and reads what became of them."""

    cloud: LocalCloud

    def store_job(self, data: bytes | None) -> dict[str, str]:
        """Store a queued video job, with media when there is any, but start nothing; returns an execution's input."""
        job_id = f"job_useast1_{uuid4().hex}"
        key = media_key(DEMO_TENANT, job_id, retain=False)
        job = Job(DEMO_TENANT, job_id, JobStatus.QUEUED, "video", DetectOptions(), "request", datetime.now(UTC), key)
        self.jobs.create(replace(job, document=pending_document(job)))
        if data is not None:
            self.client("s3").put_object(Bucket=self.cloud.outputs["MediaBucketName"], Key=key, Body=data)
        return {"tenant": DEMO_TENANT, "job_id": job_id, "media_key": key}

    def start(self, message: dict[str, str], *, name: str | None = None) -> str:
        """Start an execution, named by the job unless told otherwise; returns its ARN."""
        started = self._states.start_execution(
            stateMachineArn=self.machine, name=name or message["job_id"], input=json.dumps(message)
        )
        arn: str = started["executionArn"]
        return arn

    def arn(self, name: str) -> str:
        return f"{self.machine.replace(':stateMachine:', ':execution:')}:{name}"

    def stop(self, name: str) -> None:
        self._states.stop_execution(executionArn=self.arn(name))

    def status(self, name: str) -> str:
        return str(self._states.describe_execution(executionArn=self.arn(name))["status"])

    def events(self, name: str) -> list[Event]:
        """What happened in the execution, in order, the children of a distributed Map after it."""
        return self._history(self.arn(name)) + [event for child in self.child_events(name) for event in child]

    def child_events(self, name: str) -> list[list[Event]]:
        """What happened in each of the executions that its distributed Maps started."""
        return [
            self._history(child["executionArn"])
            for run in self.map_runs(name)
            for child in self._states.list_executions(mapRunArn=run["mapRunArn"])["executions"]
        ]

    def _history(self, arn: str) -> list[Event]:
        pages = self._states.get_paginator("get_execution_history").paginate(executionArn=arn)
        return [event for page in pages for event in page["events"]]

    def history(self, name: str) -> list[str]:
        """The types of what happened."""
        return [event["type"] for event in self.events(name)]

    def map_runs(self, name: str) -> list[dict[str, Any]]:
        """The distributed Maps that the execution ran, each as DescribeMapRun tells it."""
        runs = self._states.list_map_runs(executionArn=self.arn(name))["mapRuns"]
        return [self._states.describe_map_run(mapRunArn=run["mapRunArn"]) for run in runs]

    def set_time_limit(self, seconds: int) -> int:
        """Give executions that start from now on so many seconds; returns what they had before."""
        definition = json.loads(self._states.describe_state_machine(stateMachineArn=self.machine)["definition"])
        before: int = definition["TimeoutSeconds"]
        definition["TimeoutSeconds"] = seconds
        self._states.update_state_machine(stateMachineArn=self.machine, definition=json.dumps(definition))
        return before

    def job(self, message: dict[str, str]) -> Job:
        found = self.jobs.get(message["tenant"], message["job_id"])
        assert found is not None
        return found

    def row(self, message: dict[str, str]) -> dict[str, Any]:
        """The job as the table has it."""
        key = {name: {"S": message[name]} for name in ("tenant", "job_id")}
        table = self.cloud.outputs["JobsTableName"]
        return dict(self.client("dynamodb").get_item(TableName=table, Key=key)["Item"])

    @property
    def jobs(self) -> DynamoJobs:
        dynamodb = self.client("dynamodb")
        return DynamoJobs(lambda: dynamodb, self.cloud.outputs["JobsTableName"], ttl_days=1)

    @property
    def machine(self) -> str:
        return self.cloud.outputs["VideoStateMachineArn"]

    @property
    def _states(self) -> Any:
        return self.client("stepfunctions")

    def client(self, service: str) -> Any:
        make: Any = session().client
        return make(service, endpoint_url=self.cloud.emulator.endpoint, config=CONFIG)
