"""The doors of other systems of a deployed local cloud, seen by a producer and by an administrator."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import httpx2

from localcloud.aws import CONFIG, session
from localcloud.cloud import LocalCloud

DEADLINE_S = 240  # cold starts with models on a busy machine
POISON = (
    "no JSON",
    '["no object"]',
    '{"media_url": "https://example.org/a.jpg"}',
    '{"tenant": "nobody-knows-it"}',
    "{}",
)
Message = dict[str, Any]


@dataclass(frozen=True)
class Intake:
    """Sends as a producer does, and looks at what became of it with root's credentials."""

    cloud: LocalCloud

    def client(self, service: str) -> Any:
        return session().client(service, endpoint_url=self.cloud.emulator.endpoint, config=CONFIG)  # type: ignore[call-overload]

    def send(self, *messages: Message | str) -> None:
        """Put messages into the queue, ten at a time."""
        sqs, bodies = self.client("sqs"), (m if isinstance(m, str) else json.dumps(m) for m in messages)
        while batch := list(islice(bodies, 10)):
            entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(batch)]
            assert not sqs.send_message_batch(QueueUrl=self.cloud.outputs["IntakeQueueUrl"], Entries=entries).get(
                "Failed"
            )

    def publish(self, detail: Message, *, source: str = "newsroom.cms") -> None:
        """Put an event that asks for a detection on the bus."""
        entry = {"Source": source, "DetailType": "detection.requested", "Detail": json.dumps(detail)}
        entry["EventBusName"] = self.cloud.outputs["EventBusName"]
        assert self.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0

    def drop(self, tenant: str, path: str, data: bytes) -> str:
        """Put a file into a tenant's folder; return its key."""
        key = f"intake/{tenant}/{path}"
        self.client("s3").put_object(Bucket=self.cloud.outputs["MediaBucketName"], Key=key, Body=data)
        return key

    def dropped(self) -> list[str]:
        """Return the keys of what still lies in the folders."""
        found = self.client("s3").list_objects_v2(Bucket=self.cloud.outputs["MediaBucketName"], Prefix="intake/")
        return [o["Key"] for o in found.get("Contents", [])]

    def waiting(self, queue: str) -> int:
        """Return how many messages a queue holds, those that are being worked on too; `queue` is its output's name."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = self.cloud.outputs[queue]
        told = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(told[name]) for name in names)

    def dead(self) -> int:
        return self.waiting("IntakeDlqUrl")


def jobs_of(api: httpx2.Client, **only: str) -> Iterator[Message]:
    """Yield every line of the caller's list of jobs."""
    cursor: dict[str, str] = {}
    while True:
        page = answered(api, "/jobs", **{"limit": "100", **only, **cursor})
        yield from page["data"]
        if not page["has_more"]:
            return
        cursor = {"cursor": page["next_cursor"]}


def answered(api: httpx2.Client, path: str, **params: str) -> Message:
    """Return what a GET answers, however busy the machine: a cold start may take more than a function's time."""
    for _ in range(10):
        if (answer := api.get(path, params=params)).status_code < 500:
            return dict(answer.json())
        time.sleep(1)
    raise AssertionError(f"{path} answers {answer.status_code}")


def ended(api: httpx2.Client, names: Iterable[str]) -> dict[str, list[Message]]:
    """Return the caller's jobs by external_id once every one of the names has a job and every job has ended."""
    names = set(names)
    found: dict[str, list[Message]] = {}

    def all_over() -> bool:
        found.clear()
        for line in jobs_of(api):
            found.setdefault(line["external_id"], []).append(line)
        over = all(line["status"] in ("completed", "failed") for lines in found.values() for line in lines)
        return over and names <= found.keys()

    eventually(all_over)
    return found


def eventually(holds: Callable[[], object], *, within_s: float = DEADLINE_S) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.5)
