from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from forensics.domain.events import Event, EventType, event_id
from forensics.domain.webhooks import CALLBACK, MAX_ENDPOINTS, Attempt, Delivery, Endpoint, EndpointStatus
from forensics.store import clients
from forensics.store.clients import AwsClients
from forensics.store.deliveries import DynamoDeliveries
from forensics.store.events import EventBus, NotPublished
from forensics.store.secrets import KmsAnswers, KmsBox
from forensics.store.timers import QueueTimer, ScheduleTimer
from forensics.store.webhooks import MAX_TRIES, DynamoEndpoints

NOW = datetime(2026, 11, 22, 14, 40, tzinfo=UTC)
ENDPOINT = Endpoint(
    tenant="acme",
    endpoint_id="whe_01ARZ3NDEKTSV4RRFFQ69G5FAV",
    url="https://example.org/hook?a=b",
    events=(EventType.DETECTION_COMPLETED, EventType.BATCH_COMPLETED),
    description="",
    created_at=NOW,
    sealed_secret="sealed",
)
DELIVERY = Delivery(
    tenant="acme",
    endpoint_id=ENDPOINT.endpoint_id,
    delivery_id="dlv_01ARZ3NDEKTSV4RRFFQ69G5FA0",
    event_id="evt_1",
    event_type=EventType.DETECTION_COMPLETED,
    subject="job_1",
    created_at=NOW,
)
FACTORIES = (clients._dynamodb, clients._sqs, clients._events, clients._scheduler, clients._kms)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClients]:
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for factory in FACTORIES:
        factory.cache_clear()
    with mock_aws():
        yield AwsClients()
    for factory in FACTORIES:
        factory.cache_clear()


@pytest.fixture
def table(aws: AwsClients) -> str:
    keys = [("tenant", "HASH"), ("item", "RANGE")]
    aws.dynamodb().create_table(
        TableName="webhooks",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],  # type: ignore[typeddict-item]
    )
    return "webhooks"


@pytest.fixture
def endpoints(aws: AwsClients, table: str) -> DynamoEndpoints:
    return DynamoEndpoints(aws.dynamodb, table)


@pytest.fixture
def deliveries(aws: AwsClients, table: str) -> DynamoDeliveries:
    return DynamoDeliveries(aws.dynamodb, table, ttl_days=30)


def numbered(number: int) -> Endpoint:
    return replace(ENDPOINT, endpoint_id=f"whe_{number:026d}")


def test_an_endpoint_comes_back_as_it_went(endpoints: DynamoEndpoints) -> None:
    assert endpoints.add(ENDPOINT)
    assert endpoints.get("acme", ENDPOINT.endpoint_id) == ENDPOINT
    assert endpoints.get("rival", ENDPOINT.endpoint_id) is None
    assert endpoints.all("acme") == [ENDPOINT] and endpoints.all("rival") == []


def test_a_tenant_has_at_most_ten_and_a_deletion_makes_room(endpoints: DynamoEndpoints) -> None:
    assert all(endpoints.add(numbered(n)) for n in range(MAX_ENDPOINTS))
    assert not endpoints.add(numbered(99))
    assert [e.endpoint_id for e in endpoints.all("acme")] == [numbered(n).endpoint_id for n in range(MAX_ENDPOINTS)]
    assert not endpoints.delete("acme", "whe_unknown")
    assert endpoints.delete("acme", numbered(3).endpoint_id)
    assert endpoints.add(numbered(99)) and not endpoints.add(numbered(98))


def test_writers_that_race_wait_and_try_again(endpoints: DynamoEndpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    client, waits = endpoints.client(), []
    write = client.transact_write_items
    conflict = client.exceptions.TransactionCanceledException(
        {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": [{"Code": "TransactionConflict"}]},  # type: ignore[typeddict-unknown-key]
        "TransactWriteItems",
    )
    faults = [conflict, conflict]

    def racing(**call: Any) -> Any:
        if faults:
            raise faults.pop()
        return write(**call)

    monkeypatch.setattr(client, "transact_write_items", racing)
    assert replace(endpoints, sleep=waits.append).add(ENDPOINT)
    assert len(waits) == 2 and endpoints.get("acme", ENDPOINT.endpoint_id) == ENDPOINT
    faults = [conflict] * MAX_TRIES
    with pytest.raises(ClientError):
        replace(endpoints, sleep=waits.append).add(numbered(2))


def test_the_tenants_own_endpoint_is_made_once_and_never_listed(endpoints: DynamoEndpoints) -> None:
    first = replace(ENDPOINT, endpoint_id=CALLBACK, url="")
    assert endpoints.add_callback(first) == first
    assert endpoints.add_callback(replace(first, sealed_secret="other")) == first
    assert endpoints.all("acme") == []


def test_rotation_keeps_the_old_secret_beside_the_new(endpoints: DynamoEndpoints) -> None:
    endpoints.add(ENDPOINT)
    until = NOW + timedelta(hours=24)
    assert endpoints.rotate("acme", ENDPOINT.endpoint_id, sealed_secret="new", previous_until=until)
    found = endpoints.get("acme", ENDPOINT.endpoint_id)
    assert found is not None
    assert found.sealed_secrets(NOW) == ("new", "sealed") and found.sealed_secrets(until) == ("new",)
    assert not endpoints.rotate("acme", "whe_unknown", sealed_secret="new", previous_until=until)


def test_failures_are_dated_by_the_first_and_forgotten_with_a_success(endpoints: DynamoEndpoints) -> None:
    endpoints.add(ENDPOINT)
    where = ("acme", ENDPOINT.endpoint_id)
    assert endpoints.failed(*where, at=NOW) == NOW
    assert endpoints.failed(*where, at=NOW + timedelta(hours=1)) == NOW
    endpoints.disable(*where, reason="failing", at=NOW)
    found = endpoints.get(*where)
    assert found is not None
    assert (found.status, found.disabled_reason, found.disabled_at) == (EndpointStatus.DISABLED, "failing", NOW)
    endpoints.succeeded(*where)
    assert endpoints.get(*where) == ENDPOINT


def test_no_update_brings_a_deleted_endpoint_back(endpoints: DynamoEndpoints) -> None:
    endpoints.add(ENDPOINT)
    where = ("acme", ENDPOINT.endpoint_id)
    endpoints.delete(*where)
    endpoints.succeeded(*where)
    endpoints.disable(*where, reason="gone", at=NOW)
    assert endpoints.failed(*where, at=NOW) == NOW
    assert endpoints.get(*where) is None


def test_an_event_is_kept_once_and_forgotten(deliveries: DynamoDeliveries) -> None:
    kind = EventType.DETECTION_FAILED
    event = Event(event_id(kind, "acme", "job_1"), kind, "acme", "2026-11-22T14:40:00.000Z", {"note": "naïve", "n": 1})
    deliveries.keep_event(event)
    deliveries.keep_event(replace(event, data={}))
    assert deliveries.event("acme", event.event_id) == event
    assert deliveries.event("rival", event.event_id) is None
    deliveries.forget_events("acme", [event.event_id, "evt_unknown"])
    assert deliveries.event("acme", event.event_id) is None


def test_a_delivery_moves_on_once(deliveries: DynamoDeliveries) -> None:
    deliveries.add(DELIVERY)
    tried = DELIVERY.after(Attempt(NOW, None, "timeout", 15_000), next_attempt_at=NOW + timedelta(seconds=5))
    assert deliveries.advance(DELIVERY, tried)
    assert not deliveries.advance(DELIVERY, tried)
    deliveries.add(DELIVERY)  # told twice
    assert deliveries.get("acme", DELIVERY.endpoint_id, DELIVERY.delivery_id) == tried
    again = tried.after(Attempt(NOW, 500, None, 3), next_attempt_at=None).replayed()
    assert not deliveries.advance(again, again)


def test_the_log_is_read_in_pages_newest_first(deliveries: DynamoDeliveries) -> None:
    made = [replace(DELIVERY, delivery_id=f"dlv_{n:026d}") for n in range(7)]
    for delivery in [*made, replace(made[0], endpoint_id="whe_other")]:
        deliveries.add(delivery)
    seen: list[Delivery] = []
    more: str | None = None
    for size in (3, 3, 1):
        page, more = deliveries.page("acme", ENDPOINT.endpoint_id, limit=3, before_id=more)
        assert len(page) == size
        seen += page
    assert seen == made[::-1] and more is None
    exactly, none = deliveries.page("acme", ENDPOINT.endpoint_id, limit=7, before_id=None)
    assert len(exactly) == 7 and none is None


def test_a_secret_opens_for_its_own_endpoint_alone(aws: AwsClients) -> None:
    key = aws.kms().create_key()["KeyMetadata"]["KeyId"]
    sealed = KmsBox(aws.kms, key).seal("whsec_AAAA", tenant="acme", endpoint_id="whe_1")
    assert "whsec" not in sealed
    box = KmsBox(aws.kms, key)
    for _ in range(2):  # from the key, then from memory
        assert box.open(sealed, tenant="acme", endpoint_id="whe_1") == "whsec_AAAA"
    with pytest.raises(ClientError):
        box.open(sealed, tenant="rival", endpoint_id="whe_1")


def test_short_waits_go_to_the_queue_and_long_ones_to_the_scheduler(aws: AwsClients) -> None:
    url = aws.sqs().create_queue(QueueName="webhooks")["QueueUrl"]
    queue = QueueTimer(aws.sqs, url)
    timer = ScheduleTimer(
        queue, aws.scheduler, lambda: NOW, "arn:aws:sqs:eu-west-1:1:webhooks", "arn:aws:iam::123456789012:role/late"
    )
    timer.send({"attempt": 1}, delay_s=0, name="webhook-1")
    (message,) = aws.sqs().receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == {"attempt": 1}
    for _ in range(2):  # asking twice is one schedule
        timer.send({"attempt": 4}, delay_s=7200.2, name="webhook-4")
    (found,) = aws.scheduler().list_schedules()["Schedules"]
    schedule = aws.scheduler().get_schedule(Name=found["Name"])
    assert schedule["ScheduleExpression"] == "at(2026-11-22T16:40:01)"
    assert (schedule["ActionAfterCompletion"], schedule["Target"]["Input"]) == ("DELETE", '{"attempt": 4}')
    shrunk = replace(timer, queue=replace(queue, scale=0.001))
    shrunk.send({"attempt": 5}, delay_s=18_000, name="webhook-5")
    assert aws.scheduler().get_schedule(Name="webhook-5")["ScheduleExpression"] == "at(2026-11-22T14:40:18)"


class RecordingBus:
    """What PutEvents was called with; `refused` of each call."""

    def __init__(self, refused: int = 0) -> None:
        self.calls: list[list[dict[str, str]]] = []
        self.refused = refused

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, int]:  # noqa: N803 (boto3's own name)
        self.calls.append(Entries)
        return {"FailedEntryCount": self.refused}


def test_events_go_in_calls_that_the_bus_takes() -> None:
    kind = EventType.BATCH_COMPLETED
    events = [Event(f"evt_{n}", kind, "acme", "t", {"text": "x" * (30_000 if n > 20 else 1)}) for n in range(31)]
    client = RecordingBus()
    EventBus(lambda: client, "bus").publish(events)  # type: ignore[arg-type,return-value]
    assert [json.loads(e["Detail"])["id"] for call in client.calls for e in call] == [e.event_id for e in events]
    assert all(len(call) <= 10 and sum(len(e["Detail"]) for e in call) < 256_000 for call in client.calls)
    assert {(e["EventBusName"], e["Source"], e["DetailType"]) for call in client.calls for e in call} == {
        ("bus", "deepfake-detection", "batch.completed")
    }
    with pytest.raises(NotPublished):
        EventBus(lambda: RecordingBus(1), "bus").publish(events[:1])  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize("size", [0, 200, 4096, 20_000], ids="{} bytes".format)
def test_a_remembered_answer_opens_for_its_record_alone(aws: AwsClients, size: int) -> None:
    key = aws.kms().create_key()["KeyMetadata"]["KeyId"]
    body = b'{"secret": "whsec_AAAA"}' + random.Random(1).randbytes(size)  # noise: it cannot be deflated into one block
    box = KmsAnswers(aws.kms, key)
    sealed = box.seal(body, record_id="record-1")
    assert b"whsec" not in sealed and box.open(sealed, record_id="record-1") == body
    with pytest.raises(ClientError):
        box.open(sealed, record_id="record-2")
