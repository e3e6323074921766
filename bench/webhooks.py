"""Soak the webhooks: events to a receiver that fails, hangs and restarts; every one must arrive, signed, and none after DELETE.

Usage: python -m bench.webhooks [--events 1000] [--json bench/results/webhooks.json]

The local cloud with its own template but for the schedule of retries, which is shrunk two thousandfold (two days become
43 s), an attempt's time (2 s), and two senders at a time. Jobs are ended in the table, as any function ends them; from there on
everything is the deployed stack. Which messages fail is drawn with a fixed seed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
from botocore.config import Config

from forensics.domain.job import DetectOptions, Job, JobStatus, timestamp
from forensics.store.jobs import DynamoJobs
from localcloud.aws import CONFIG, session
from localcloud.cloud import LocalCloud, local_cloud
from localcloud.emulator import ROOT
from localcloud.localise import Template, parse
from tests.support.receiver import Message, Receiver, Reply, receiver

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SEED = 20261123
FAILING, HANGING = 0.3, 0.1
MOST_FAULTS = 7  # of one event: ten in a row would use its attempts up, once in 10,000 events, and be no loss of ours
TIMEOUT_S = 2
RESTARTS_AT = (0.3, 0.6)  # of the events accepted
DOWN_S = 2.0
AFTER_DELETE = 20  # events that nobody must hear of
QUIET_S = 10.0
SETTINGS = {"WEBHOOK_TIME_SCALE": "0.0005", "WEBHOOK_TIMEOUT_SECONDS": str(TIMEOUT_S)}
TENANT = "soak"


@dataclass(frozen=True)
class Soak:
    """What was found; a soak without loss has `lost`, `badly_signed` and `after_delete` at 0."""

    events: int
    lost: int
    messages: int
    badly_signed: int
    accepted_twice: int
    refused: int
    hung: int
    restarts: int
    most_attempts: int
    after_delete: int
    seconds: float

    @property
    def faultless(self) -> bool:
        return (self.lost, self.badly_signed, self.after_delete) == (0, 0, 0)


@contextlib.contextmanager
def soaked_cloud(*, iam: bool = False) -> Iterator[LocalCloud]:
    """The stack for soaks: settings that tests alone use."""
    template: Template = parse((ROOT / "template.yaml").read_text())
    template["Resources"]["WebhookSenderFunction"]["Properties"]["Environment"]["Variables"] |= SETTINGS
    template["Resources"]["WebhookQueueReader"]["Properties"]["ScalingConfig"]["MaximumConcurrency"] = 2
    with local_cloud(iam=iam, template=template) as cloud:
        yield cloud


def soak(cloud: LocalCloud, *, events: int, patience_s: float) -> Soak:
    """End `events` jobs and wait until all were told, or `patience_s` seconds have passed."""
    jobs, start = Jobs.of(cloud), time.monotonic()
    headers = {"Authorization": f"Bearer {cloud.create_key(tenant=TENANT, live=True)}"}
    with httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=300, trust_env=False) as api:
        moods = Moods()
        with contextlib.ExitStack() as doors:
            door = doors.enter_context(receiver())
            door.reply = moods
            made = api.post("/webhook-endpoints", json={"url": door.url, "events": ["detection.completed"]}).json()
            for number in range(events):
                jobs.end(f"job_useast1_soak{number:08d}")
            for share in RESTARTS_AT:
                door.wait_for(lambda part=share: told(door) >= part * events, within_s=patience_s)  # type: ignore[misc]
                doors.close()
                time.sleep(DOWN_S)
                doors.enter_context(receiver(port=int(door.url.split(":")[2].split("/")[0]), known=door))
            door.wait_for(lambda: told(door) == events, within_s=patience_s)
            seconds = time.monotonic() - start
            assert api.delete(f"/webhook-endpoints/{made['id']}").status_code == 204
            time.sleep(TIMEOUT_S)  # what was on its way has arrived
            before = len(door.messages)
            for number in range(AFTER_DELETE):
                jobs.end(f"job_useast1_late{number:08d}")
            time.sleep(QUIET_S)
            return figures(door, made["secret"], moods, events=events, before=before, seconds=seconds)


def told(door: Receiver) -> int:
    return len({message.webhook_id for message in door.accepted})


def figures(door: Receiver, secret: str, moods: Moods, *, events: int, before: int, seconds: float) -> Soak:
    attempts = Counter(message.webhook_id for message in door.messages)
    return Soak(
        events=events,
        lost=events - told(door),
        messages=len(door.messages),
        badly_signed=sum(not message.signed_with(secret) for message in door.messages),
        accepted_twice=len(door.accepted) - told(door),
        refused=moods.refused,
        hung=moods.hung,
        restarts=len(RESTARTS_AT),
        most_attempts=max(attempts.values(), default=0),
        after_delete=len(door.messages) - before,
        seconds=round(seconds, 1),
    )


class Moods:
    """How the receiver takes each message: mostly well."""

    def __init__(self) -> None:
        self.draw, self.refused, self.hung = random.Random(SEED), 0, 0
        self.seen: Counter[str] = Counter()

    def __call__(self, message: Message) -> Reply:
        self.seen[message.webhook_id] += 1
        if self.seen[message.webhook_id] > MOST_FAULTS:
            return Reply()
        luck = self.draw.random()
        if luck < FAILING:
            self.refused += 1
            return Reply(500)
        if luck < FAILING + HANGING:
            self.hung += 1
            return Reply(500, after_s=TIMEOUT_S + 0.5)
        return Reply()


@dataclass(frozen=True)
class Jobs:
    """Ends made-up jobs in the stack's table."""

    store: DynamoJobs

    @classmethod
    def of(cls, cloud: LocalCloud) -> Jobs:
        patient = CONFIG.merge(Config(read_timeout=300, retries={"total_max_attempts": 5}))  # the machine may be busy
        client: DynamoDBClient = session().client("dynamodb", endpoint_url=cloud.emulator.endpoint, config=patient)
        return cls(DynamoJobs(lambda: client, cloud.outputs["JobsTableName"], ttl_days=1))

    def end(self, job_id: str) -> None:
        now = datetime.now(UTC)
        document = {"job_id": job_id, "status": "completed", "completed_at": timestamp(now)}
        job = Job(TENANT, job_id, JobStatus.QUEUED, "image", DetectOptions(), "r", now)
        self.store.finish(job.finished(JobStatus.COMPLETED, document))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--patience", type=float, default=1800, help="seconds to wait for the last event")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with soaked_cloud() as cloud:
        found = soak(cloud, events=options.events, patience_s=options.patience)
    text = json.dumps(asdict(found), indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")
    raise SystemExit(not found.faultless)


if __name__ == "__main__":
    main()
