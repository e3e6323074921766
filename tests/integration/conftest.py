"""A moto AWS with the stack's resources, each function's handler under its own environment, and the recorded events."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from forensics.domain.job import DetectOptions, Job, JobStatus
from forensics.domain.keys import KeyRecord, hash_key
from forensics.domain.result import pending_document
from forensics.store import clients
from forensics.store.clients import AwsClients
from forensics.store.jobs import DynamoJobs
from forensics.store.keys import DynamoKeys
from forensics.usecases.ports import Clock
from tests.support.events import LambdaContext

EVENTS = Path(__file__).resolve().parents[2] / "events"
JOB_ID = "job_euwest1_01ARZ3NDEKTSV4RRFFQ69G5FAV"
DEMO_KEY = "dd_test_0123456789abcdefghijABCDEFGHIJ014JZU4H"
ENVIRONMENT = {
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "JOBS_TABLE": "jobs",
    "KEYS_TABLE": "keys",
    "COUNTERS_TABLE": "counters",
    "IDEMPOTENCY_TABLE": "idempotency",
    "ANSWERS_KEY_ID": "arn:aws:kms:eu-west-1:123456789012:key/answers",
    "UPLOADS_TABLE": "uploads",
    "BATCHES_TABLE": "batches",
    "AUDIT_TABLE": "audit",
    "PURGE_QUEUE_ARN": "arn:aws:sqs:eu-west-1:123456789012:purge",
    "HOLD_SCHEDULE_ROLE": "arn:aws:iam::123456789012:role/holds",
    "MEDIA_BUCKET": "media",
    "DETECT_IMAGE_FUNCTION": "detect-image",
    "POWERTOOLS_SERVICE_NAME": "tests",
    "POWERTOOLS_METRICS_NAMESPACE": "tests",
    "POWERTOOLS_TRACE_DISABLED": "true",
}
Handler = Callable[[dict[str, Any], Any], Any]
Load = Callable[[str], Handler]


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClients]:
    """Tables, bucket and queues as template.yaml names them, and the demo key."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        aws = AwsClients()
        _table(aws, "jobs", "tenant", "job_id", newest=("tenant", "created_at"))
        _keys_table(aws)
        _table(aws, "counters", "owner", "entry", charged=("charged", "entry"))
        _table(aws, "idempotency", "record_id")
        _table(aws, "uploads", "tenant", "upload_id")
        _table(aws, "batches", "tenant", "batch_id")
        _table(aws, "audit", "subject", "step")
        aws.s3().create_bucket(Bucket="media", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        for name in ("IMAGE", "AUDIO", "PURGE", "BATCH", "INTAKE"):
            monkeypatch.setenv(f"{name}_QUEUE_URL", aws.sqs().create_queue(QueueName=name.lower())["QueueUrl"])
        monkeypatch.setenv("VIDEO_STATE_MACHINE", _state_machine(aws))
        key = KeyRecord(hash_key(DEMO_KEY), "acme", "free", ("detect", "jobs"), "active", live=False, per_minute=20)
        DynamoKeys(aws.dynamodb, "keys").add(key)
        yield aws
    for factory in (clients._dynamodb, clients._s3, clients._sqs, clients._lambda, clients._stepfunctions):
        factory.cache_clear()


@pytest.fixture
def handler(stack: AwsClients) -> Iterator[Callable[[str], Handler]]:
    """Return a function's handler by the function's name, freshly imported as at a cold start."""
    loaded: list[str] = []

    def load(function: str) -> Handler:
        name = f"functions.{function}.app"
        sys.modules.pop(name, None)
        loaded.append(name)
        found: Handler = importlib.import_module(name).handler
        return found

    yield load
    for name in loaded:
        sys.modules.pop(name, None)


@pytest.fixture
def jobs(stack: AwsClients) -> DynamoJobs:
    return DynamoJobs(stack.dynamodb, "jobs", ttl_days=30)


@pytest.fixture
def queued(stack: AwsClients, jobs: DynamoJobs) -> Callable[[bytes], Job]:
    """Store media and a queued job for it, as the asynchronous door does."""

    def put(data: bytes) -> Job:
        key = f"media/acme/{JOB_ID}"
        job = Job("acme", JOB_ID, JobStatus.QUEUED, "image", DetectOptions(), "r1", Clock().now(), key)
        job = Job(**{**job.__dict__, "document": pending_document(job)})
        stack.s3().put_object(Bucket="media", Key=key, Body=data)
        jobs.create(job)
        return job

    return put


def event(name: str) -> dict[str, Any]:
    """Return a recorded event of events/."""
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def objects(stack: AwsClients) -> list[str]:
    """Return the keys of all that is in the bucket."""
    return [o["Key"] for o in stack.s3().list_objects_v2(Bucket="media").get("Contents", [])]


def answer(handler: Load, name: str) -> tuple[int, dict[str, Any]]:
    """Replay the recorded call of an API against the function that its name begins with; return status and body."""
    function = next(
        f
        for f in ("detect_image", "detect_audio", "detect_video", "detect", "jobs", "uploads", "batches", "usage")
        if name.startswith(f + "_")
    )
    got = handler(function)(event(name), LambdaContext())
    return got["statusCode"], json.loads(got["body"])


def _state_machine(aws: AwsClients) -> str:
    """A machine that ends at once: the real one is executed by the end-to-end tests."""
    definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
    role = "arn:aws:iam::123456789012:role/video"
    made = aws.stepfunctions().create_state_machine(name="video", definition=definition, roleArn=role)
    return made["stateMachineArn"]


def _keys_table(aws: AwsClients) -> None:
    by_tenant: Any = {"IndexName": "tenant", "KeySchema": _schema("tenant"), "Projection": {"ProjectionType": "ALL"}}
    attributes: Any = [{"AttributeName": name, "AttributeType": "S"} for name in ("key_hash", "tenant")]
    aws.dynamodb().create_table(
        TableName="keys",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=attributes,
        KeySchema=_schema("key_hash"),
        GlobalSecondaryIndexes=[by_tenant],
    )


def _table(aws: AwsClients, name: str, *keys: str, **indexes: tuple[str, str]) -> None:
    """Make a table; an index is named with its partition and what it sorts by."""
    named = dict.fromkeys(name for pair in (keys, *indexes.values()) for name in pair)
    attributes: Any = [{"AttributeName": key, "AttributeType": "S"} for key in named]
    more: Any = [
        {"IndexName": index, "KeySchema": _schema(*pair), "Projection": {"ProjectionType": "ALL"}}
        for index, pair in indexes.items()
    ]
    aws.dynamodb().create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=attributes,
        KeySchema=_schema(*keys),
        **({"GlobalSecondaryIndexes": more} if more else {}),
    )


def _schema(*keys: str) -> Any:
    return [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)]
