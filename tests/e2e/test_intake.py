"""The doors of other systems, deployed: messages, events and dropped files become jobs; what names nobody is kept apart."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import boto3
import httpx2
import pytest
from botocore.exceptions import ClientError

from forensics.domain.intake import REQUESTED
from forensics.web.schemas import FailedJob, Result
from localcloud.aws import CONFIG, REGION, ROOT_KEY
from localcloud.cloud import LocalCloud
from localcloud.demo import MEDIA, file_server
from localcloud.emulator import ROOT
from localcloud.logs import function_logs
from tests.support.bucket import Bucket
from tests.support.intake import POISON, Intake, ended, eventually, jobs_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

MESSAGES, POISONED, LIVE = 100, 5, 5
MONTH = 2  # detections, of the tenant that runs out of them
TIMEOUT_S = 120
POLICY = re.compile(r"```json\n(\{\"Version\".*?)```", re.DOTALL)
PAGE = (ROOT / "docs/integrations.md").read_text(encoding="utf-8")


@pytest.fixture
def intake(cloud: LocalCloud) -> Intake:
    return Intake(cloud)


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with file_server(MEDIA) as url:
        yield url


def client(cloud: LocalCloud, tenant: str, *, per_month: int | None = None) -> httpx2.Client:
    """A caller of the API who reads what the intake made; its key is what lets its tenant in."""
    key = cloud.create_key(tenant=tenant, live=True, per_month=per_month)
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=TIMEOUT_S, trust_env=False)


def test_a_hundred_messages_of_which_five_are_poison(cloud: LocalCloud, intake: Intake, web: str) -> None:
    before, told_apart = intake.dead(), time.strftime("%H%M%S")
    with client(cloud, "queue") as api:
        asked = {f"m{number}-{told_apart}": number for number in range(MESSAGES - POISONED)}
        good = [
            {"tenant": "queue", "external_id": name, "media_url": f"{web}/photo.jpg", "test": number >= LIVE}
            for name, number in asked.items()
        ]
        twice = {"tenant": "queue", "external_id": "twice", "media_url": f"{web}/photo.jpg", "test": True}
        twice["idempotency_key"] = told_apart
        bad = {"tenant": "queue", "external_id": "bad", "media_url": "https://x.example/a", "retain": "often"}
        intake.send(*good, *POISON, twice, twice, bad)
        found = ended(api, [*asked, "twice", "bad"])
        assert {len(lines) for lines in found.values()} == {1}
        told = {name: line["verdict"] for name, (line,) in found.items()}
        assert {told[name] for name, number in asked.items() if number >= LIVE} == {"synthetic"}  # a fixture
        assert all(told[name] for name in asked)
        (refused,) = found["bad"]
        problem = FailedJob.model_validate(api.get(f"/jobs/{refused['job_id']}").json()).error
        assert (problem.code, problem.errors[0].pointer) == ("invalid-request", "/retain")
        assert api.get("/usage").json()["month"]["used"] == LIVE
        eventually(lambda: intake.dead() == before + POISONED)
        eventually(lambda: intake.waiting("IntakeQueueUrl") == 0)
        assert len(list(jobs_of(api))) == MESSAGES - POISONED + 2


def test_an_event_asks_for_a_detection_and_is_answered_by_one(cloud: LocalCloud, intake: Intake, web: str) -> None:
    sqs, events, bus = intake.client("sqs"), intake.client("events"), cloud.outputs["EventBusName"]
    url = sqs.create_queue(QueueName="answers")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="answers", EventBusName=bus, EventPattern=json.dumps({"detail": {"tenant": ["bus"]}}))
    events.put_targets(Rule="answers", EventBusName=bus, Targets=[{"Id": "answers", "Arn": arn}])
    before = intake.waiting("WebhookDlqUrl")
    with client(cloud, "bus") as api:
        intake.publish({"tenant": "bus", "external_id": "told", "media_url": f"{web}/photo.jpg", "test": True})
        intake.publish({"tenant": "bus", "external_id": "ours", "test": True}, source="deepfake-detection")
        (line,) = ended(api, ["told"])["told"]
        kinds: list[str] = []

        def answered() -> bool:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                kinds.append(json.loads(message["Body"])["detail-type"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return {"detection.completed", "detection.deleted"} <= set(kinds)

        eventually(answered)
        assert line["verdict"] == "synthetic" and kinds.count(REQUESTED) == 2
        assert [found["external_id"] for found in jobs_of(api)] == ["told"]  # what bears our own name is no request
    assert intake.waiting("WebhookDlqUrl") == before
    events.remove_targets(Rule="answers", EventBusName=bus, Ids=["answers"])
    events.delete_rule(Name="answers", EventBusName=bus)


def test_a_dropped_file_is_judged_and_gone(cloud: LocalCloud, intake: Intake, bucket: Bucket) -> None:
    generated = (MEDIA / "generated_a1111.png").read_bytes()
    with client(cloud, "folder") as api:
        intake.drop("folder", "2026/a picture ü.png", generated)
        key = intake.drop("folder", "named/waits.png", generated)
        intake.drop("folder", "no picture.txt", b"just words")
        found = ended(api, ["2026/a picture ü.png", "no picture.txt"])
        (line,), (words,) = found["2026/a picture ü.png"], found["no picture.txt"]
        result = Result.model_validate(api.get(f"/jobs/{line['job_id']}").json())
        assert result.verdict == "synthetic"
        assert words["error_code"] == "unsupported-media-type"
        assert intake.dropped() == [key]  # it waits for its message
        intake.send({"tenant": "folder", "external_id": "named", "key": key, "test": True})
        ended(api, ["named"])
        assert intake.dropped() == []
        eventually(lambda: not any(bucket.objects(job=job["job_id"]) for job in jobs_of(api)))
        receipt = api.get(f"/jobs/{line['job_id']}").json()["retention"]["deleted_at"]
        assert receipt is not None
    assert [line for line in function_logs(cloud) if "a picture" in line or "waits.png" in line] == []


def test_beyond_the_month_a_request_fails_with_its_problem(cloud: LocalCloud, intake: Intake, web: str) -> None:
    with client(cloud, "spent", per_month=MONTH) as api:
        names = [f"s{number}" for number in range(MONTH + 3)]
        intake.send(*({"tenant": "spent", "external_id": n, "media_url": f"{web}/photo.jpg"} for n in names))
        lines = [line for found in ended(api, names).values() for line in found]
        assert sorted(str(line["error_code"]) for line in lines) == ["None"] * MONTH + ["quota-exceeded"] * 3
        assert api.get("/usage").json()["month"]["used"] == MONTH


def test_dead_letters_are_sent_again(cloud: LocalCloud, intake: Intake, web: str) -> None:
    before = intake.dead()
    intake.send({"tenant": "late", "external_id": "early", "media_url": f"{web}/photo.jpg", "test": True})
    eventually(lambda: intake.dead() == before + 1)
    with client(cloud, "late") as api:
        assert redrive(cloud) == f"{before + 1} sent again.\n"
        (line,) = ended(api, ["early"])["early"]
        assert line["verdict"] == "synthetic"
        eventually(lambda: intake.dead() == before)


def redrive(cloud: LocalCloud) -> str:
    """Run the administrator's command, and return what it says at the end."""
    names = {"AWS_ACCESS_KEY_ID": ROOT_KEY, "AWS_SECRET_ACCESS_KEY": ROOT_KEY, "AWS_DEFAULT_REGION": REGION}
    environment = {**os.environ, **names, "AWS_ENDPOINT_URL": cloud.emulator.endpoint, "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "-m", "forensics.cli.admin", "intake", "redrive"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stderr


def producer(cloud: LocalCloud, policy: dict[str, Any]) -> boto3.Session:
    """Return the credentials of somebody who has one of the page's policies and no other right."""
    aws, name = Intake(cloud), f"producer-{policy['Statement'][0]['Sid']}"
    arns = {
        "INTAKE_QUEUE_ARN": "arn:aws:sqs:us-east-1:000000000000:" + cloud.outputs["IntakeQueueUrl"].rpartition("/")[2],
        "EVENT_BUS_ARN": f"arn:aws:events:us-east-1:000000000000:event-bus/{cloud.outputs['EventBusName']}",
        "MEDIA_BUCKET_ARN": f"arn:aws:s3:::{cloud.outputs['MediaBucketName']}",
    }
    policy["Statement"][0].pop("Condition", None)  # the emulator does not know what an event says of itself
    text = json.dumps(policy)
    for placeholder, arn in arns.items():
        text = text.replace(placeholder, arn)
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="send", PolicyDocument=text)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)


def test_a_producer_with_the_pages_policy_may_send_and_nothing_else(
    cloud: LocalCloud, request: pytest.FixtureRequest
) -> None:
    policies = {p["Statement"][0]["Sid"]: p for p in map(json.loads, POLICY.findall(PAGE))}
    queue, bucket = {"QueueUrl": cloud.outputs["IntakeQueueUrl"]}, {"Bucket": cloud.outputs["MediaBucketName"]}
    entry = {"Source": "cms", "DetailType": "x", "Detail": "{}", "EventBusName": cloud.outputs["EventBusName"]}
    ignored = json.dumps({"Event": "s3:TestEvent"})
    calls = {
        "Queue": ("sqs", [("send_message", {**queue, "MessageBody": ignored})], [("receive_message", queue)]),
        "Bus": ("events", [("put_events", {"Entries": [entry]})], [("list_rules", {})]),
        "Folder": (
            "s3",
            [("put_object", {**bucket, "Key": "intake/acme/folder/"})],
            [("put_object", {**bucket, "Key": "intake/rival/folder/"}), ("list_objects_v2", bucket)],
        ),
    }
    assert policies.keys() == calls.keys()
    for name, (service, allowed, forbidden) in calls.items():
        make: Any = producer(cloud, policies[name]).client
        client = make(service, endpoint_url=cloud.emulator.endpoint, config=CONFIG)
        for call, arguments in allowed:
            getattr(client, call)(**arguments)
        for call, arguments in forbidden if "iam" in request.node.name else []:  # the open mode forbids nothing
            with pytest.raises(ClientError, match="AccessDenied"):
                getattr(client, call)(**arguments)
