"""The nets under the privacy promise, in the deployed stack: the purge timer and the jobs whose worker died."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import httpx2
import pytest
from botocore.exceptions import ClientError

from forensics.domain.job import DetectOptions, Job, JobStatus, media_key
from forensics.domain.result import pending_document
from forensics.store.jobs import DynamoJobs
from localcloud.aws import CONFIG, session
from localcloud.cloud import DEMO_TENANT, LocalCloud

pytestmark = pytest.mark.e2e

DEADLINE_S = 30  # two cold starts on a busy machine


@dataclass(frozen=True)
class Stack:
    """The stack behind the API, with root's credentials."""

    cloud: LocalCloud

    def store_job(self, *, retain: bool = False) -> Job:
        """Store a queued job with its media, as the API does, but queue nothing."""
        job_id = f"job_useast1_{uuid4().hex}"
        job = Job(
            tenant=DEMO_TENANT,
            job_id=job_id,
            status=JobStatus.QUEUED,
            media_type="image",
            options=DetectOptions(retain=retain),
            request_id="request",
            created_at=datetime.now(UTC),
            media_key=media_key(DEMO_TENANT, job_id, retain=retain),
        )
        job = Job(**{**job.__dict__, "document": pending_document(job)})
        endpoint = self.cloud.emulator.endpoint
        dynamodb = session().client("dynamodb", endpoint_url=endpoint, config=CONFIG)
        DynamoJobs(lambda: dynamodb, self.cloud.outputs["JobsTableName"], ttl_days=1).create(job)
        s3 = session().client("s3", endpoint_url=endpoint, config=CONFIG)
        s3.put_object(Bucket=self.cloud.outputs["MediaBucketName"], Key=str(job.media_key), Body=b"media")
        return job

    def has_media(self, job: Job) -> bool:
        s3 = session().client("s3", endpoint_url=self.cloud.emulator.endpoint, config=CONFIG)
        try:
            s3.head_object(Bucket=self.cloud.outputs["MediaBucketName"], Key=str(job.media_key))
        except ClientError:
            return False
        return True

    def send(self, queue: str, **message: str | None) -> None:
        sqs = session().client("sqs", endpoint_url=self.cloud.emulator.endpoint, config=CONFIG)
        sqs.send_message(QueueUrl=self.cloud.outputs[queue], MessageBody=json.dumps(message))


@pytest.fixture
def stack(cloud: LocalCloud) -> Iterator[Stack]:
    yield Stack(cloud)


def until_gone(stack: Stack, job: Job) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while stack.has_media(job):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def test_the_timer_deletes_what_was_left(stack: Stack) -> None:
    job = stack.store_job()
    assert stack.has_media(job)
    stack.send("PurgeQueueUrl", tenant=job.tenant, job_id=job.job_id, purge=job.media_key)
    assert until_gone(stack, job)


def test_a_job_whose_worker_died_fails_and_its_media_goes(stack: Stack, api: httpx2.Client) -> None:
    job = stack.store_job()
    stack.send("ImageDlqUrl", tenant=job.tenant, job_id=job.job_id, media_key=job.media_key)
    assert until_gone(stack, job)
    answer = api.get(f"/jobs/{job.job_id}?wait=5").json()
    assert answer["status"] == "failed"
    assert answer["error"]["code"] == "internal-error"
    assert answer["retention"]["deleted_at"] is not None


def test_a_message_that_makes_no_sense_harms_no_other(stack: Stack) -> None:
    job = stack.store_job()
    stack.send("PurgeQueueUrl", nonsense="yes")
    stack.send("PurgeQueueUrl", tenant=job.tenant, job_id=job.job_id, purge=job.media_key)
    assert until_gone(stack, job)
