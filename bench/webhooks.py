"""Soak the webhooks: events to a receiver that fails, hangs and restarts; every one must arrive, signed, and none after DELETE.

Usage: python -m bench.webhooks [--events 1000] [--direct] [--json bench/results/webhooks.json]

With --direct: the outbox, the use cases and the guarded post over real sockets, ten at a time, with stores in memory. Else:
the local cloud with its own template, but for two senders at a time. Jobs are ended in its table, as any function ends them;
from there on everything is the deployed stack. Both shrink the schedule of retries five hundredfold (a day becomes three minutes,
so that the two seconds of a restart stand for a quarter of an hour) and give an attempt 2 s. Which messages fail is drawn with
a fixed seed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import httpx2
from botocore.config import Config

from bench._webhooks_direct import direct
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
MOST_FAULTS = (
    5  # of one event, so that with the restarts' no event uses up its ten attempts, which would be no loss of ours
)
TIMEOUT_S = 2
RESTARTS_AT = (0.3, 0.6)  # of the events accepted
DOWN_S = 2.0
AFTER_DELETE = 20  # events that nobody must hear of
QUIET_S = 10.0
SETTINGS = {"WEBHOOK_TIME_SCALE": "0.002", "WEBHOOK_TIMEOUT_SECONDS": str(TIMEOUT_S)}
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
def soaked_cloud() -> Iterator[Deployed]:
    """The stack for soaks: settings that tests alone use."""
    template: Template = parse((ROOT / "template.yaml").read_text())
    template["Resources"]["WebhookSenderFunction"]["Properties"]["Environment"]["Variables"] |= SETTINGS
    template["Resources"]["WebhookQueueReader"]["Properties"]["ScalingConfig"]["MaximumConcurrency"] = 2
    with local_cloud(template=template) as cloud, contextlib.closing(Deployed(cloud)) as source:
        yield source


class Source(Protocol):
    """A service under soak: it has one endpoint, and jobs that end."""

    def open(self, url: str) -> str:
        """Make the endpoint, and return its secret."""
        ...

    def end(self, job_id: str) -> None: ...

    def delete(self) -> None:
        """Delete the endpoint."""
        ...


def soak(
    source: Source,
    *,
    events: int,
    patience_s: float,
    restarts_at: Sequence[float] = RESTARTS_AT,
    most_faults: int = MOST_FAULTS,
) -> Soak:
    """End `events` jobs and wait until all were told, or `patience_s` seconds have passed."""
    moods, start = Moods(most_faults), time.monotonic()
    with contextlib.ExitStack() as doors:
        door = doors.enter_context(receiver())
        door.reply = moods
        secret = source.open(door.url)
        for number in range(events):
            source.end(f"job_useast1_soak{number:08d}")
        for share in restarts_at:
            door.wait_for(lambda part=share: told(door) >= part * events, within_s=patience_s)  # type: ignore[misc]
            doors.close()
            time.sleep(DOWN_S)
            doors.enter_context(receiver(port=int(door.url.split(":")[2].split("/")[0]), known=door))
        door.wait_for(lambda: told(door) == events, within_s=patience_s)
        seconds = time.monotonic() - start
        source.delete()
        time.sleep(TIMEOUT_S)  # what was on its way has arrived
        before = len(door.messages)
        for number in range(AFTER_DELETE):
            source.end(f"job_useast1_late{number:08d}")
        time.sleep(QUIET_S)
        return figures(door, secret, moods, events=events, before=before, seconds=seconds, restarts=len(restarts_at))


def told(door: Receiver) -> int:
    return len({message.webhook_id for message in door.accepted})


def figures(
    door: Receiver, secret: str, moods: Moods, *, events: int, before: int, seconds: float, restarts: int
) -> Soak:
    attempts = Counter(message.webhook_id for message in door.messages)
    return Soak(
        events=events,
        lost=events - told(door),
        messages=len(door.messages),
        badly_signed=sum(not message.signed_with(secret) for message in door.messages),
        accepted_twice=len(door.accepted) - told(door),
        refused=moods.refused,
        hung=moods.hung,
        restarts=restarts,
        most_attempts=max(attempts.values(), default=0),
        after_delete=len(door.messages) - before,
        seconds=round(seconds, 1),
    )


class Moods:
    """How the receiver takes each message: mostly well."""

    def __init__(self, most_faults: int) -> None:
        self.most_faults = most_faults
        self.draw, self.refused, self.hung = random.Random(SEED), 0, 0
        self.seen: Counter[str] = Counter()

    def __call__(self, message: Message) -> Reply:
        self.seen[message.webhook_id] += 1
        if self.seen[message.webhook_id] > self.most_faults:
            return Reply()
        luck = self.draw.random()
        if luck < FAILING:
            self.refused += 1
            return Reply(500)
        if luck < FAILING + HANGING:
            self.hung += 1
            return Reply(500, after_s=TIMEOUT_S + 0.5)
        return Reply()


def ended(job_id: str) -> Job:
    now = datetime.now(UTC)
    document = {"job_id": job_id, "status": "completed", "completed_at": timestamp(now)}
    job = Job(TENANT, job_id, JobStatus.QUEUED, "image", DetectOptions(), "r", now)
    return job.finished(JobStatus.COMPLETED, document)


class Deployed:
    """The deployed stack: jobs are ended in its table, the endpoint is made over HTTP."""

    def __init__(self, cloud: LocalCloud) -> None:
        patient = CONFIG.merge(Config(read_timeout=300, retries={"total_max_attempts": 5}))  # the machine may be busy
        self.dynamodb: DynamoDBClient = session().client(
            "dynamodb", endpoint_url=cloud.emulator.endpoint, config=patient
        )
        self.jobs = DynamoJobs(lambda: self.dynamodb, cloud.outputs["JobsTableName"], ttl_days=1)
        headers = {"Authorization": f"Bearer {cloud.create_key(tenant=TENANT, live=True)}"}
        self.api = httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=300, trust_env=False)
        self.path = ""

    def open(self, url: str) -> str:
        made = self.api.post("/webhook-endpoints", json={"url": url, "events": ["detection.completed"]}).json()
        self.path = f"/webhook-endpoints/{made['id']}"
        return str(made["secret"])

    def end(self, job_id: str) -> None:
        self.jobs.finish(ended(job_id))

    def delete(self) -> None:
        assert self.api.delete(self.path).status_code == 204

    def close(self) -> None:
        self.api.close()
        self.dynamodb.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--patience", type=float, default=1800, help="seconds to wait for the last event")
    parser.add_argument("--direct", action="store_true", help="the use cases and real sockets, without the stack")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with direct() if options.direct else soaked_cloud() as source:
        found = soak(source, events=options.events, patience_s=options.patience)
    text = json.dumps(asdict(found), indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")
    raise SystemExit(not found.faultless)


if __name__ == "__main__":
    main()
