"""The recorded events of the webhooks' functions, replayed against their real handlers over moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from examples.webhook_receiver import verify
from forensics.domain.webhooks import Answer
from forensics.net.post import GuardedPost
from forensics.store import clients
from forensics.store.clients import AwsClients
from forensics.web.schemas import Problem
from forensics.web.webhook_schemas import WebhookEndpoints, WebhookEndpointWithSecret
from tests.integration.conftest import JOB_ID, Load, _table, event
from tests.support.events import LambdaContext

BUS, QUEUE = "events", "webhooks"
ARN = "arn:aws:sqs:eu-west-1:123456789012:"


@pytest.fixture
def webhooks(stack: AwsClients, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClients]:
    """The stack with what events and webhooks need; a second queue holds all that the bus delivers."""
    for factory in (clients._events, clients._kms, clients._scheduler):
        factory.cache_clear()
    _table(stack, "webhooks", "tenant", "item")
    for name in (QUEUE, "told"):
        stack.sqs().create_queue(QueueName=name)
    stack.events().create_event_bus(Name=BUS)
    stack.events().put_rule(Name="all", EventBusName=BUS, EventPattern='{"source": ["deepfake-detection"]}')
    stack.events().put_targets(Rule="all", EventBusName=BUS, Targets=[{"Id": "told", "Arn": ARN + "told"}])
    for name, value in {
        "EVENT_BUS": BUS,
        "WEBHOOKS_TABLE": "webhooks",
        "WEBHOOK_KEY_ID": stack.kms().create_key()["KeyMetadata"]["KeyId"],
        "WEBHOOK_QUEUE_URL": stack.sqs().get_queue_url(QueueName=QUEUE)["QueueUrl"],
        "WEBHOOK_QUEUE_ARN": ARN + QUEUE,
        "WEBHOOK_SCHEDULE_ROLE": "arn:aws:iam::123456789012:role/late",
    }.items():
        monkeypatch.setenv(name, value)
    yield stack
    for factory in (clients._events, clients._kms, clients._scheduler):
        factory.cache_clear()


def received(aws: AwsClients, queue: str) -> list[Any]:
    url = aws.sqs().get_queue_url(QueueName=queue)["QueueUrl"]
    found = aws.sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


def answer(handler: Load, name: str) -> tuple[int, dict[str, Any]]:
    got = handler("webhook_endpoints")(event(name), LambdaContext())
    return got["statusCode"], json.loads(got["body"])


def test_changes_of_a_job_are_put_on_the_bus(handler: Load, webhooks: AwsClients) -> None:
    assert handler("publish_events")(event("publish_events_failed_and_purged"), LambdaContext()) is None
    told = received(webhooks, "told")
    assert [envelope["detail-type"] for envelope in told] == ["detection.failed", "detection.deleted"]
    assert {(e["source"], e["detail"]["tenant"], e["detail"]["data"]["job_id"]) for e in told} == {
        ("deepfake-detection", "acme", JOB_ID)
    }
    assert told[1]["detail"]["data"]["external_id"] == "order-7"


def test_an_endpoint_is_made_and_listed_without_its_secret(handler: Load, webhooks: AwsClients) -> None:
    status, body = answer(handler, "webhook_endpoints_create")
    made = WebhookEndpointWithSecret.model_validate(body)
    assert (status, made.events) == (201, ["detection.completed", "detection.failed"])
    status, listed = answer(handler, "webhook_endpoints_list")
    (found,) = WebhookEndpoints.model_validate(listed).data
    assert (status, found.id) == (200, made.id) and made.secret not in json.dumps(listed)
    rows = webhooks.dynamodb().scan(TableName="webhooks")["Items"]
    assert rows and made.secret not in json.dumps(rows, default=str)


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("webhook_endpoints_forbidden_url", 422, "media-url-forbidden"),
        ("webhook_endpoints_bad_cursor", 400, "invalid-request"),
    ],
)
def test_faults_are_problems(handler: Load, webhooks: AwsClients, name: str, status: int, code: str) -> None:
    got, body = answer(handler, name)
    assert (got, Problem.model_validate(body).code) == (status, code)


def test_an_event_becomes_a_signed_post(handler: Load, webhooks: AwsClients, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[bytes, dict[str, str]]] = []

    def post(self: GuardedPost, url: str, *, body: bytes, headers: dict[str, str]) -> Answer:
        sent.append((body, headers))
        return Answer(204, None, 3)

    monkeypatch.setattr(GuardedPost, "__call__", post)
    secret = answer(handler, "webhook_endpoints_create")[1]["secret"]
    sender = handler("webhook_sender")
    assert sender(event("webhook_sender_event"), LambdaContext()) == {"batchItemFailures": []}
    (asked,) = received(webhooks, QUEUE)
    record = event("webhook_sender_event")["Records"][0] | {"body": json.dumps(asked)}
    assert sender({"Records": [record, record]}, LambdaContext()) == {"batchItemFailures": []}
    verify(secret, sent[0][1], sent[0][0])
    assert json.loads(sent[0][0])["type"] == "detection.failed"


def test_a_message_for_an_endpoint_that_is_gone_is_done_with(handler: Load, webhooks: AwsClients) -> None:
    assert handler("webhook_sender")(event("webhook_sender_gone"), LambdaContext()) == {"batchItemFailures": []}


def test_a_malformed_message_fails_alone(handler: Load, webhooks: AwsClients) -> None:
    both = event("webhook_sender_malformed")
    failed = handler("webhook_sender")(both, LambdaContext())["batchItemFailures"]
    assert failed == [{"itemIdentifier": both["Records"][0]["messageId"]}]
