"""Events from the tables to a receiver's door, in the deployed stack: signed, tried again, logged, and not after an end.

The stack is the template's own, but for two settings that tests alone use: the schedule of retries is shrunk from three days to
half a minute, and an attempt may take two seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from bench.webhooks import Deployed, soak
from forensics.domain.job import DetectOptions, Job, JobStatus, timestamp
from forensics.store.jobs import DynamoJobs
from forensics.web.schemas import Problem, Result
from forensics.web.webhook_schemas import WebhookDelivery, WebhookEndpoint, WebhookEndpointWithSecret
from localcloud.aws import CONFIG, session
from localcloud.cloud import LocalCloud, local_cloud
from localcloud.emulator import ROOT
from localcloud.localise import parse
from localcloud.logs import function_logs
from tests.support.receiver import Receiver, Reply, receiver

pytestmark = pytest.mark.e2e

SETTINGS = {"WEBHOOK_TIME_SCALE": "0.00005", "WEBHOOK_TIMEOUT_SECONDS": "2"}
PATIENCE_S = 120.0  # cold starts on a busy machine


@pytest.fixture(scope="module", params=[False, True], ids=["open", "iam"])
def stack(request: pytest.FixtureRequest) -> Iterator[LocalCloud]:
    template = parse((ROOT / "template.yaml").read_text())
    sender = template["Resources"]["WebhookSenderFunction"]["Properties"]
    sender["Environment"]["Variables"] |= SETTINGS
    with local_cloud(iam=request.param, template=template) as running:
        yield running
        if request.session.testsfailed:  # the report of a failure in this module
            sys.stderr.write("\n".join(function_logs(running)))


@pytest.fixture
def tenant() -> str:
    return f"tenant-{uuid4().hex[:8]}"


def client_of(stack: LocalCloud, tenant: str, **key: Any) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {stack.create_key(tenant=tenant, **key)}"}
    return httpx2.Client(base_url=stack.base_url, headers=headers, timeout=60, trust_env=False)


@pytest.fixture
def client(stack: LocalCloud, tenant: str) -> Iterator[httpx2.Client]:
    with client_of(stack, tenant, live=True) as made:
        yield made


@pytest.fixture
def door() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def finish(stack: LocalCloud, tenant: str) -> Callable[..., Job]:
    """End a made-up job in the table, as any function does; nothing else is told."""
    dynamodb = session().client("dynamodb", endpoint_url=stack.emulator.endpoint, config=CONFIG)
    jobs = DynamoJobs(lambda: dynamodb, stack.outputs["JobsTableName"], ttl_days=1)

    def end(**options: Any) -> Job:
        now = datetime.now(UTC)
        made = Job(
            tenant=tenant,
            job_id=f"job_useast1_{uuid4().hex}",
            status=JobStatus.QUEUED,
            media_type="image",
            options=DetectOptions(**options),
            request_id="r",
            created_at=now,
        )
        document = {"job_id": made.job_id, "status": "completed", "completed_at": timestamp(now)}
        done = replace(made, status=JobStatus.COMPLETED, document=document)
        assert jobs.finish(done)
        return done

    return end


def make(client: httpx2.Client, door: Receiver, **fields: Any) -> WebhookEndpointWithSecret:
    answer = client.post("/webhook-endpoints", json={"url": door.url, **fields})
    assert answer.status_code == 201, answer.text
    return WebhookEndpointWithSecret.model_validate(answer.json())


def log(client: httpx2.Client, endpoint_id: str) -> list[WebhookDelivery]:
    answer = client.get(f"/webhook-endpoints/{endpoint_id}/deliveries")
    assert answer.status_code == 200, answer.text
    return [WebhookDelivery.model_validate(found) for found in answer.json()["data"]]


def read(client: httpx2.Client, endpoint_id: str) -> WebhookEndpoint:
    return WebhookEndpoint.model_validate(client.get(f"/webhook-endpoints/{endpoint_id}").json())


def until(check: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def test_a_verdict_arrives_signed(client: httpx2.Client, door: Receiver, generated_a1111: bytes) -> None:
    endpoint = make(client, door, events=["detection.completed"], description="the news desk")
    answer = client.post("/detect/image", files={"file": ("picture.png", generated_a1111)})
    assert answer.status_code == 200, answer.text
    assert door.wait_for(lambda: bool(door.accepted), within_s=PATIENCE_S)
    (message,) = door.messages
    assert message.signed_with(endpoint.secret)
    assert (message.event["type"], message.event["data"]) == ("detection.completed", answer.json() | {"artifacts": {}})
    assert Result.model_validate(message.event["data"]).verdict == "synthetic"
    assert until(lambda: [d.status for d in log(client, endpoint.id)] == ["delivered"])
    (delivery,) = log(client, endpoint.id)
    assert (delivery.webhook_id, delivery.job_id) == (message.webhook_id, answer.json()["job_id"])
    assert [attempt.status for attempt in delivery.attempts] == [204]


def test_a_callback_gets_its_own_jobs_verdict(client: httpx2.Client, door: Receiver, generated_a1111: bytes) -> None:
    secret = client.post("/webhook-endpoints/callback/rotate").json()["secret"]
    fields = {"callback_url": door.url + "?token=of-the-caller"}
    answer = client.post("/detect/image", files={"file": ("picture.png", generated_a1111)}, data=fields)
    assert answer.status_code == 202, answer.text
    assert door.wait_for(lambda: bool(door.accepted), within_s=PATIENCE_S)
    message = door.messages[0]
    assert message.signed_with(secret) and message.path.endswith("?token=of-the-caller")
    assert message.event["data"]["job_id"] == answer.json()["job_id"]
    assert until(lambda: [d.status for d in log(client, "callback")] == ["delivered"])
    assert "token" not in client.get("/webhook-endpoints/callback/deliveries").text


def test_a_receiver_that_fails_is_tried_again_under_the_same_id(
    client: httpx2.Client, door: Receiver, finish: Callable[..., Job]
) -> None:
    failures = [Reply(500), Reply(500, after_s=3), Reply(302, {"Location": door.url}), Reply(503, {"Retry-After": "1"})]
    door.reply = lambda message: failures.pop(0) if failures else Reply()
    endpoint = make(client, door)
    job = finish()
    assert door.wait_for(lambda: bool(door.accepted), within_s=PATIENCE_S)
    assert len(door.messages) == 5
    assert {m.webhook_id for m in door.messages} == {door.messages[0].webhook_id}
    assert len({m.body for m in door.messages}) == 1 and all(m.signed_with(endpoint.secret) for m in door.messages)
    assert int(door.messages[-1].headers["webhook-timestamp"]) > int(door.messages[0].headers["webhook-timestamp"])
    assert until(lambda: log(client, endpoint.id)[0].status == "delivered")
    (delivery,) = log(client, endpoint.id)
    tried = [(a.status, a.error) for a in delivery.attempts]
    assert tried == [(500, None), (None, "timeout"), (302, None), (503, None), (204, None)]
    assert delivery.job_id == job.job_id and read(client, endpoint.id).failing_since is None


def test_gone_disables_and_a_ping_enables(client: httpx2.Client, door: Receiver, finish: Callable[..., Job]) -> None:
    door.reply = lambda message: Reply(410)
    endpoint = make(client, door)
    finish()
    assert until(lambda: read(client, endpoint.id).status == "disabled")
    assert read(client, endpoint.id).disabled_reason == "gone"
    held = finish()
    assert until(lambda: [d.status for d in log(client, endpoint.id)] == ["skipped", "failed"])
    path = f"/webhook-endpoints/{endpoint.id}"
    skipped = next(d.id for d in log(client, endpoint.id) if d.status == "skipped")
    assert client.post(f"{path}/deliveries/{skipped}/replay").status_code == 409
    door.reply = lambda message: Reply()
    assert client.post(f"{path}/ping").status_code == 202
    assert until(lambda: read(client, endpoint.id).status == "enabled")
    assert client.post(f"{path}/deliveries/{skipped}/replay").status_code == 202
    assert door.wait_for(lambda: len(door.accepted) == 2, within_s=PATIENCE_S)
    assert [m.event["type"] for m in door.accepted] == ["webhook.ping", "detection.completed"]
    assert door.accepted[1].event["data"]["job_id"] == held.job_id


def test_two_secrets_sign_while_one_takes_over(client: httpx2.Client, door: Receiver) -> None:
    endpoint = make(client, door)
    rotated = client.post(f"/webhook-endpoints/{endpoint.id}/rotate").json()
    assert rotated["secret"] != endpoint.secret and rotated["previous_secret_until"]
    client.post(f"/webhook-endpoints/{endpoint.id}/ping")
    assert door.wait_for(lambda: bool(door.accepted), within_s=PATIENCE_S)
    assert door.messages[0].signed_with(endpoint.secret) and door.messages[0].signed_with(rotated["secret"])


def test_nothing_is_sent_after_the_endpoint_was_deleted(
    client: httpx2.Client, door: Receiver, finish: Callable[..., Job]
) -> None:
    door.reply = lambda message: Reply(500)
    endpoint = make(client, door)
    finish()
    assert door.wait_for(lambda: len(door.messages) >= 2, within_s=PATIENCE_S)
    assert client.delete(f"/webhook-endpoints/{endpoint.id}").status_code == 204
    time.sleep(0.5)  # what was on its way has arrived
    seen = len(door.messages)
    finish()
    time.sleep(4)  # the next three retries were due
    assert len(door.messages) == seen
    assert client.get(f"/webhook-endpoints/{endpoint.id}/deliveries").status_code == 404


def test_a_deleted_job_is_told_of_and_its_verdict_no_more(
    client: httpx2.Client, door: Receiver, finish: Callable[..., Job]
) -> None:
    door.reply = lambda message: Reply(204 if message.event["type"] == "detection.deleted" else 500)
    endpoint = make(client, door)
    job = finish(external_id="order-7")
    assert door.wait_for(lambda: len(door.messages) >= 1, within_s=PATIENCE_S)
    assert client.delete(f"/jobs/{job.job_id}").status_code == 204
    assert door.wait_for(lambda: bool(door.accepted), within_s=PATIENCE_S)
    data = door.accepted[0].event["data"]
    assert (data["job_id"], data["deleted"], data["external_id"]) == (job.job_id, "job", "order-7")
    assert until(lambda: {d.status for d in log(client, endpoint.id)} == {"delivered", "failed"})


def test_what_is_refused(stack: LocalCloud, client: httpx2.Client, tenant: str, door: Receiver) -> None:
    def refused(answer: httpx2.Response) -> tuple[int, str]:
        return answer.status_code, Problem.model_validate(answer.json()).code

    for url in ("https://169.254.169.254/", "http://example.org/", "https://10.0.0.1/hook", "ftp://example.org"):
        assert refused(client.post("/webhook-endpoints", json={"url": url})) == (422, "media-url-forbidden")
    body = {"media_url": door.url, "callback_url": "https://127.0.0.1.nip.internal/"}
    assert refused(client.post("/detect/image", json=body)) == (422, "media-url-forbidden")
    endpoints = [make(client, door).id for _ in range(10)]
    assert refused(client.post("/webhook-endpoints", json={"url": door.url})) == (409, "too-many-endpoints")
    assert [e["id"] for e in client.get("/webhook-endpoints").json()["data"]] == endpoints
    with client_of(stack, "rival") as rival, client_of(stack, tenant, scopes=("detect",)) as narrow:
        assert refused(rival.get(f"/webhook-endpoints/{endpoints[0]}")) == (404, "not-found")
        assert refused(rival.delete(f"/webhook-endpoints/{endpoints[0]}")) == (404, "not-found")
        assert refused(narrow.get("/webhook-endpoints")) == (403, "forbidden")


@pytest.mark.slow
def test_an_endpoint_that_fails_through_the_whole_schedule_is_disabled(
    client: httpx2.Client, door: Receiver, finish: Callable[..., Job]
) -> None:
    door.reply = lambda message: Reply(500)
    endpoint = make(client, door)
    finish()
    deadline = time.monotonic() + 120
    while read(client, endpoint.id).status == "enabled" and time.monotonic() < deadline:
        time.sleep(1)
    assert (read(client, endpoint.id).disabled_reason, len(door.messages)) == ("failing", 10)
    assert [d.status for d in log(client, endpoint.id)] == ["failed"]


def test_a_soak_loses_nothing(stack: LocalCloud) -> None:
    """The small form of `python -m bench.webhooks`, which sends a thousand; retries are a second apart here, so a few faults do."""
    with closing(Deployed(stack)) as source:
        found = soak(source, events=40, patience_s=240, restarts_at=(0.5,), most_faults=3)
    assert found.faultless, found
