"""Media gone, provably: holds, the sweeper, the audit, and no trace of what callers sent in logs, tables or temporary files."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psutil  # type: ignore[import-untyped]
import pytest

from forensics.domain.audit import Step
from forensics.domain.job import DetectOptions, Job, JobStatus, media_key
from forensics.store.audit import DynamoAudit
from forensics.store.jobs import DynamoJobs
from localcloud.aws import CONFIG, session
from localcloud.cloud import DEMO_TENANT, LocalCloud
from localcloud.demo import MEDIA, file_server
from localcloud.logs import function_logs
from tests.support.bucket import Bucket
from tests.support.clips import clip
from tests.support.polling import finished

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

DEADLINE_S = 90  # cold starts on a busy machine
NAME, QUERY, PIXELS, FACT = (f"marked-{kind}-5f1d7c20" for kind in ("name", "query", "pixels", "metadata"))


@dataclass(frozen=True)
class Aws:
    """The stack with root's credentials."""

    cloud: LocalCloud

    def client(self, service: str) -> Any:
        return session().client(service, endpoint_url=self.cloud.emulator.endpoint, config=CONFIG)  # type: ignore[call-overload]

    def name(self, output: str) -> str:
        return self.cloud.outputs[output]

    def put(self, key: str) -> None:
        self.client("s3").put_object(Bucket=self.name("MediaBucketName"), Key=key, Body=PIXELS.encode())

    def steps(self, subject: str) -> set[Step]:
        audit = DynamoAudit(lambda: self.client("dynamodb"), self.name("AuditTableName"))
        return {entry.step for entry in audit.of(subject)}

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield table and text of every item of every table."""
        dynamodb = self.client("dynamodb")
        for table in dynamodb.list_tables()["TableNames"]:
            for page in dynamodb.get_paginator("scan").paginate(TableName=table):
                yield from ((table, json.dumps(item, default=str)) for item in page["Items"])

    def store_ended_job(self, job_id: str) -> str:
        """Store a job that failed two minutes ago, with its file still there; return the file's key."""
        key, ended = media_key(DEMO_TENANT, job_id, retain=False), datetime.now(UTC) - timedelta(minutes=2)
        retention = {"mode": "purge", "delete_by": ended.isoformat(), "deleted_at": None}
        document = {"job_id": job_id, "status": "failed", "completed_at": ended.isoformat(), "retention": retention}
        document["error"] = {"code": "internal-error"}
        job = Job(DEMO_TENANT, job_id, JobStatus.FAILED, "image", DetectOptions(), "r1", ended, key, document=document)
        DynamoJobs(lambda: self.client("dynamodb"), self.name("JobsTableName"), ttl_days=1).create(job)
        self.put(key)
        return key


@pytest.fixture
def aws(cloud: LocalCloud) -> Aws:
    return Aws(cloud)


@pytest.fixture
def told(aws: Aws) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return what reads the bus: every `detection.deleted` so far."""
    sqs, events = aws.client("sqs"), aws.client("events")
    url = sqs.create_queue(QueueName="deletions")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule: dict[str, Any] = {"Name": "deletions", "EventBusName": aws.name("EventBusName")}
    events.put_rule(**rule, EventPattern=json.dumps({"detail-type": ["detection.deleted"]}))
    events.put_targets(Rule="deletions", EventBusName=rule["EventBusName"], Targets=[{"Id": "deletions", "Arn": arn}])
    found: list[dict[str, Any]] = []

    def read() -> list[dict[str, Any]]:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            found.append(json.loads(message["Body"])["detail"]["data"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    yield read
    events.remove_targets(Rule="deletions", EventBusName=rule["EventBusName"], Ids=["deletions"])
    events.delete_rule(**rule)
    sqs.delete_queue(QueueUrl=url)


def until(holds: Callable[[], object]) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def test_a_held_file_goes_when_its_schedule_fires(
    aws: Aws, api: httpx2.Client, bucket: Bucket, told: Callable[[], list[dict[str, Any]]], photo: bytes
) -> None:
    held, deleted = (api.post("/detect/image", files={"file": photo}, data={"retain": "true"}).json() for _ in range(2))
    job_id, scheduler = held["job_id"], aws.client("scheduler")
    assert list(bucket.objects(job=job_id)) == [f"retained/{DEMO_TENANT}/{job_id}"]
    names = [f"hold-{job['job_id']}" for job in (held, deleted)]

    def hold(name: str) -> bool:
        return any(found["Name"] == name for found in scheduler.list_schedules()["Schedules"])

    assert until(lambda: hold(names[0]) and hold(names[1]))
    schedule = scheduler.get_schedule(Name=names[0])
    assert schedule["ScheduleExpression"] == f"at({held['retention']['delete_by'][:19]})"
    assert api.delete(f"/jobs/{deleted['job_id']}").status_code == 204
    assert bucket.objects(job=deleted["job_id"]) == {} and until(lambda: not hold(names[1]))

    # Thirty days later: the schedule's own message, queue and role, at another time.
    soon = datetime.now(UTC) + timedelta(seconds=1)
    scheduler.update_schedule(
        Name=names[0],
        ScheduleExpression=f"at({soon:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target=schedule["Target"],
    )
    assert until(lambda: bucket.objects(job=job_id) == {})
    assert until(lambda: api.get(f"/jobs/{job_id}").json()["retention"]["deleted_at"])
    assert until(
        lambda: {(job_id, "media"), (deleted["job_id"], "job")} <= {(e["job_id"], e["deleted"]) for e in told()}
    )
    steps = {Step.ACCEPTED, Step.RECEIVED, Step.STORED, Step.COMPLETED, Step.MEDIA_DELETED}
    assert until(lambda: aws.steps(job_id) == steps)
    assert until(lambda: aws.steps(deleted["job_id"]) == steps | {Step.DELETED})


def test_the_sweeper_deletes_what_nobody_has_and_tells(aws: Aws, api: httpx2.Client, bucket: Bucket) -> None:
    function, lambda_ = aws.name("SweeperFunctionName"), aws.client("lambda")
    variables = lambda_.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    made = f"job_useast1_{time.time_ns()}"
    left = aws.store_ended_job(made)
    orphans = [f"{area}/{DEMO_TENANT}/{made}x" for area in ("media", "retained")]
    orphans += [f"work/{DEMO_TENANT}/{made}x/sound.json", f"artifacts/{DEMO_TENANT}/{made}/heatmap.png"]
    for key in orphans:
        aws.put(key)
    aws.put(f"uploads/{DEMO_TENANT}/upload_{made}")

    def sweep() -> Any:
        answer = lambda_.invoke(FunctionName=function, Payload=b"{}")
        found = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, found
        return found

    assert sweep()["deleted"] == {"media": 1}  # what is young may belong to a job in the making
    assert left not in bucket.objects(job=made)
    changed = variables | {"SWEEP_AFTER_SECONDS": "-1"}
    lambda_.update_function_configuration(FunctionName=function, Environment={"Variables": changed})
    swept = sweep()["deleted"]
    lambda_.update_function_configuration(FunctionName=function, Environment={"Variables": variables})
    assert all(swept.get(area, 0) >= 1 for area in ("media", "retained", "work"))
    assert set(bucket.objects(job=made)) == {orphans[-1], f"uploads/{DEMO_TENANT}/upload_{made}"}
    assert until(lambda: aws.steps(made) >= {Step.ACCEPTED, Step.FAILED, Step.MEDIA_DELETED, Step.SWEPT})
    assert api.get(f"/jobs/{made}").json()["retention"]["deleted_at"] is not None
    assert aws.steps(f"{made}x") == {Step.SWEPT}


def test_nothing_that_a_caller_sent_is_left(
    cloud: LocalCloud, aws: Aws, api: httpx2.Client, key: str, bucket: Bucket, photo: bytes
) -> None:
    """Marked bytes, names, queries and metadata through every door; then every place where they could have stayed."""
    large = photo + PIXELS.encode() * 60_000  # more than a form keeps in memory
    form = {"metadata": json.dumps({"case": FACT}), "external_id": "order-7"}
    made = api.post("/detect/image", files={"file": (f"{NAME}.jpg", large)}, data=form)
    bad = api.post("/detect/image", files={"file": (f"{NAME}.jpg", PIXELS.encode())}, data=form)
    assert (made.status_code, bad.status_code) == (200, 415)
    later = {"Prefer": "respond-async"}
    upload = api.post("/uploads", json={"filename": f"{NAME}.jpg", "content_type": "image/jpeg", "size": len(large)})
    posted = httpx2.post(
        upload.json()["url"], data=upload.json()["fields"], files={"file": (f"{NAME}.jpg", large)}, trust_env=False
    )
    assert posted.status_code == 204
    with file_server(MEDIA) as files:
        bodies = [
            {"media_url": f"{files}/photo.jpg?signature={QUERY}", "metadata": {"case": FACT}},
            {"upload_id": upload.json()["upload_id"], "metadata": {"case": FACT}},
        ]
        queued = [api.post("/detect/image", json=body, headers=later) for body in bodies]
    film = {"file": (f"{NAME}.mp4", clip() + PIXELS.encode())}
    queued.append(api.post("/detect/video", files=film, data=form, headers=later))
    assert [answer.status_code for answer in queued] == [202, 202, 202]
    for answer in queued:
        document = finished(api, answer.json()["job_id"])
        assert until(lambda job=document["job_id"]: bucket.objects(job=job) == {})
        assert document["status"] == "completed"
        receipt = api.get(f"/jobs/{document['job_id']}").json()["retention"]["deleted_at"]
        lag = datetime.fromisoformat(receipt) - datetime.fromisoformat(document["completed_at"])
        assert lag <= timedelta(seconds=60)
    jobs = [answer.json()["job_id"] for answer in (made, *queued)]
    arrived = [Step.RECEIVED, Step.FETCHED, Step.UPLOADED, Step.RECEIVED]
    for job_id, step in zip(jobs, arrived, strict=True):
        assert until(lambda j=job_id, s=step: aws.steps(j) >= {Step.ACCEPTED, s, Step.COMPLETED, Step.MEDIA_DELETED})
    _nothing_is_left(cloud, aws, secrets=(NAME, QUERY, PIXELS, key, key[9:41]))


def _nothing_is_left(cloud: LocalCloud, aws: Aws, *, secrets: tuple[str, ...]) -> None:
    logged = "\n".join(function_logs(cloud))
    assert "SweeperFunction" in logged or "DetectImageFunction" in logged  # they are the right logs
    assert [secret for secret in (*secrets, FACT) if secret in logged] == []
    rows = list(aws.rows())
    assert [(table, secret) for table, row in rows for secret in secrets if secret in row] == []
    assert {table for table, row in rows if FACT in row} == {aws.name("JobsTableName")}
    assert [key for key in _keys(aws) if any(secret in key for secret in (*secrets, FACT))] == []
    scratch = cloud.emulator.log.parent  # TMPDIR and HOME of every function
    assert [
        file for file in _files(scratch) if any(s.encode() in file.read_bytes() for s in (NAME, PIXELS, QUERY))
    ] == []
    assert [file for file in _files(scratch) if not file.relative_to(scratch).parts[0].startswith("ministack-")] == []
    assert _open_files(cloud) == []


def _keys(aws: Aws) -> list[str]:
    pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=aws.name("MediaBucketName"))
    return [found["Key"] for page in pages for found in page.get("Contents", [])]


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and file.name != "emulator.log"]


def _open_files(cloud: LocalCloud) -> list[str]:
    """What warm functions hold open of files that were written: a form's or a library's temporary file, deleted or not."""
    group = psutil.Process(cloud.emulator.group)
    functions = [p for p in group.children(recursive=True) if any("functions." in word for word in p.cmdline())]
    assert functions
    held = [str(fd.readlink()) for p in functions for fd in Path(f"/proc/{p.pid}/fd").iterdir()]
    scratch = str(cloud.emulator.log.parent)
    return [path for path in held if "(deleted)" in path or path.startswith(scratch)]
