"""The recorded events of the intake, replayed against its real handler over moto."""

from __future__ import annotations

import json
from typing import Any

import pytest

from forensics.domain.errors import IdempotencyInFlight
from forensics.domain.job import Job
from forensics.domain.keys import KeyRecord
from forensics.store.clients import AwsClients
from forensics.store.jobs import DynamoJobs
from forensics.store.keys import DynamoKeys
from tests.integration.conftest import Load, event
from tests.support.events import LambdaContext


def told(handler: Load, name: str) -> list[str]:
    """Return the ids of the messages that are to come again."""
    answer = handler("intake")(event(name), LambdaContext())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def items(stack: AwsClients) -> list[dict[str, Any]]:
    url = stack.sqs().get_queue_url(QueueName="batch")["QueueUrl"]
    found = stack.sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


def objects(stack: AwsClients) -> list[str]:
    return [o["Key"] for o in stack.s3().list_objects_v2(Bucket="media").get("Contents", [])]


def all_jobs(stack: AwsClients, jobs: DynamoJobs) -> list[Job]:
    rows = stack.dynamodb().scan(TableName="jobs")["Items"]
    return [job for row in rows if (job := jobs.get(row["tenant"]["S"], row["job_id"]["S"]))]


@pytest.mark.parametrize("name", ["intake_message", "intake_event"])
def test_a_request_is_handed_to_the_items_queue_once(
    handler: Load, stack: AwsClients, jobs: DynamoJobs, name: str
) -> None:
    for _ in range(2):
        assert told(handler, name) == []
    (job,) = all_jobs(stack, jobs)
    url = "https://www.example.org/photo.jpg"
    assert items(stack) == [{"tenant": "acme", "job_id": job.job_id, "live": False, "media_url": url}]
    assert job.options.external_id in ("story-4711", "story-4712")


def test_a_message_that_was_sent_again_is_the_same(handler: Load, stack: AwsClients, jobs: DynamoJobs) -> None:
    first = event("intake_redriven")
    record = first["Records"][0]
    record |= {"messageId": record["messageAttributes"].pop("first-id")["stringValue"]}
    assert handler("intake")(first, LambdaContext()) == {"batchItemFailures": []}
    assert told(handler, "intake_redriven") == []
    assert len(all_jobs(stack, jobs)) == 1


def test_a_dropped_file_moves_to_its_job(
    handler: Load, stack: AwsClients, jobs: DynamoJobs, capsys: pytest.CaptureFixture[str]
) -> None:
    DynamoKeys(stack.dynamodb, "keys").add(KeyRecord("h", "acme", "pro", ("detect",), "active"))
    put = stack.s3().put_object(Bucket="media", Key="intake/acme/2026/holiday photo.png", Body=b"a picture")
    dropped = event("intake_drop")
    body = json.loads(dropped["Records"][0]["body"])
    body["Records"][0]["s3"]["object"]["eTag"] = put["ETag"].strip('"')
    dropped["Records"][0]["body"] = json.dumps(body)
    for _ in range(2):
        assert handler("intake")(dropped, LambdaContext()) == {"batchItemFailures": []}
    (job,) = all_jobs(stack, jobs)
    assert objects(stack) == [f"media/acme/{job.job_id}"]
    assert items(stack) == [{"tenant": "acme", "job_id": job.job_id, "live": True}]
    assert job.options.external_id == "2026/holiday photo.png"
    assert "holiday" not in "".join(capsys.readouterr())


def test_a_file_that_is_gone_is_a_failed_job(handler: Load, stack: AwsClients, jobs: DynamoJobs) -> None:
    DynamoKeys(stack.dynamodb, "keys").add(KeyRecord("h", "acme", "pro", ("detect",), "active"))
    assert told(handler, "intake_drop") == []
    (job,) = all_jobs(stack, jobs)
    assert job.document["error"]["code"] == "upload-not-found"


def test_what_s3_says_when_it_is_set_up_is_nothing(handler: Load, stack: AwsClients, jobs: DynamoJobs) -> None:
    assert told(handler, "intake_test_event") == []
    assert all_jobs(stack, jobs) == []


def test_each_message_has_its_own_fate(
    handler: Load, stack: AwsClients, jobs: DynamoJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_back: list[int] = []
    monkeypatch.setattr(
        "forensics.store.intake.IntakeQueue.hand_back", lambda self, receipt, after_s: handed_back.append(after_s)
    )
    came_again = told(handler, "intake_mixed")
    assert [message[:4] for message in came_again] == ["2222", "3333"] and handed_back == [0, 0]
    by_name = {job.options.external_id: job for job in all_jobs(stack, jobs)}
    assert by_name["story-4713"].document["error"]["errors"][0]["pointer"] == "/retain"
    assert [item["job_id"] for item in items(stack)] == [by_name["story-4711"].job_id]
    assert len(by_name) == 2


@pytest.mark.parametrize("receives, after_s", [(1, 10), (2, 40), (4, 320)])
def test_a_message_behind_another_with_its_key_comes_again_soon(
    handler: Load, stack: AwsClients, jobs: DynamoJobs, monkeypatch: pytest.MonkeyPatch, receives: int, after_s: int
) -> None:
    handed_back: list[int] = []
    monkeypatch.setattr(
        "forensics.store.intake.IntakeQueue.hand_back", lambda self, receipt, after_s: handed_back.append(after_s)
    )
    with monkeypatch.context() as busy:
        busy.setattr("forensics.usecases.idempotency.Idempotency.begin", _in_flight)
        waits = event("intake_message")
        waits["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(receives)
        failures = handler("intake")(waits, LambdaContext())["batchItemFailures"]
    assert len(failures) == 1 and handed_back == [after_s]
    assert all_jobs(stack, jobs) == []


def test_a_message_that_cannot_be_handed_back_takes_no_other_down(
    handler: Load, stack: AwsClients, jobs: DynamoJobs
) -> None:
    came_again = told(handler, "intake_mixed")  # their receipts are made up, so that the queue refuses them
    assert [message[:4] for message in came_again] == ["2222", "3333"]
    assert len(all_jobs(stack, jobs)) == 2


def _in_flight(*_: Any, **__: Any) -> None:
    raise IdempotencyInFlight
