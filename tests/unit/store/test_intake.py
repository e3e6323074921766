"""The intake's adapters over moto: files that move once, keys by tenant, dead letters that keep their identity."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from forensics.domain.intake import Drop
from forensics.domain.keys import KeyRecord
from forensics.store import clients
from forensics.store.clients import AwsClients
from forensics.store.drops import S3Drops
from forensics.store.intake import FIRST_ID, DeadLetters, IntakeQueue
from forensics.store.keys import DynamoKeys

KEY, TO = "intake/acme/a b.png", "media/acme/job_1"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClients]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield AwsClients()
    for factory in (clients._dynamodb, clients._s3, clients._sqs):
        factory.cache_clear()


@pytest.fixture
def drops(aws: AwsClients) -> S3Drops:
    aws.s3().create_bucket(Bucket="media")
    return S3Drops(aws.s3, "media")


def keys(aws: AwsClients) -> list[str]:
    return [o["Key"] for o in aws.s3().list_objects_v2(Bucket="media").get("Contents", [])]


def put(aws: AwsClients, data: bytes) -> Drop:
    return Drop(KEY, aws.s3().put_object(Bucket="media", Key=KEY, Body=data)["ETag"].strip('"'))


def test_a_file_moves_once_and_again_without_harm(aws: AwsClients, drops: S3Drops) -> None:
    drop = put(aws, b"one")
    assert [drops.move(drop, TO) for _ in range(2)] == [True, True]
    assert keys(aws) == [TO]
    assert not drops.move(drop, "media/acme/job_2")
    drops.delete(drop)


def test_a_named_file_needs_no_etag(aws: AwsClients, drops: S3Drops) -> None:
    put(aws, b"one")
    assert drops.move(Drop(KEY), TO) and keys(aws) == [TO]


@pytest.fixture
def queues(aws: AwsClients) -> tuple[str, str]:
    return tuple(aws.sqs().create_queue(QueueName=name)["QueueUrl"] for name in ("intake", "dead"))  # type: ignore[return-value]


def received(aws: AwsClients, url: str) -> list[Any]:
    return (
        aws.sqs()
        .receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], VisibilityTimeout=0)
        .get("Messages", [])
    )


def test_dead_letters_go_back_with_their_first_ids(aws: AwsClients, queues: tuple[str, str]) -> None:
    intake, dead = queues
    sent = aws.sqs().send_message(QueueUrl=dead, MessageBody="one")["MessageId"]
    again = {FIRST_ID: {"DataType": "String", "StringValue": "the first"}}
    aws.sqs().send_message(QueueUrl=dead, MessageBody="two", MessageAttributes=again)  # type: ignore[arg-type]
    time.sleep(0.01)
    letters = DeadLetters(aws.sqs, intake, dead)
    assert {letter.first_id for letter in letters.redrive(most=100)} == {sent, "the first"}
    found = {m["Body"]: m["MessageAttributes"][FIRST_ID]["StringValue"] for m in received(aws, intake)}
    assert found == {"one": sent, "two": "the first"} and received(aws, dead) == []


def test_no_more_than_were_asked_for_go_back(aws: AwsClients, queues: tuple[str, str]) -> None:
    intake, dead = queues
    for body in ("one", "two", "three"):
        aws.sqs().send_message(QueueUrl=dead, MessageBody=body)
    time.sleep(0.01)
    assert len(list(DeadLetters(aws.sqs, intake, dead).redrive(most=2))) == 2
    assert len(received(aws, intake)) == 2


def test_what_comes_back_while_it_runs_is_left_alone(aws: AwsClients, queues: tuple[str, str]) -> None:
    intake, dead = queues
    aws.sqs().send_message(QueueUrl=dead, MessageBody="poison")
    time.sleep(0.01)
    sent = 0
    for letter in DeadLetters(aws.sqs, intake, dead).redrive(most=100):
        time.sleep(0.01)
        aws.sqs().send_message(QueueUrl=dead, MessageBody=letter.body)
        sent += 1
    assert sent == 1


def test_a_message_that_is_handed_back_comes_again_at_once(aws: AwsClients, queues: tuple[str, str]) -> None:
    intake, _ = queues
    aws.sqs().send_message(QueueUrl=intake, MessageBody="one")
    (first,) = aws.sqs().receive_message(QueueUrl=intake, VisibilityTimeout=300)["Messages"]
    assert received(aws, intake) == []
    IntakeQueue(aws.sqs, intake).hand_back(first["ReceiptHandle"], after_s=0)
    assert len(received(aws, intake)) == 1


def test_keys_are_found_by_tenant(aws: AwsClients) -> None:
    by_tenant: Any = {
        "IndexName": "tenant",
        "KeySchema": [{"AttributeName": "tenant", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    aws.dynamodb().create_table(
        TableName="keys",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("key_hash", "tenant")],
        KeySchema=[{"AttributeName": "key_hash", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[by_tenant],
    )
    store = DynamoKeys(aws.dynamodb, "keys")
    mine = KeyRecord("h1", "acme", "pro", ("detect",), "active", per_month=7)
    for record in (mine, KeyRecord("h2", "rival", "free", ("detect",), "active")):
        store.add(record)
    assert store.of("acme") == [mine] and store.of("nobody") == []
