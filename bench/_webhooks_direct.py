"""The webhooks' use cases with stores in memory and a queue of threads, for soaks without the stack."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from forensics.domain.events import Event, EventType, RowChange
from forensics.domain.job import timestamp
from forensics.domain.webhooks import Delivery
from forensics.net.post import GuardedPost
from forensics.usecases.deliver_webhook import AttemptRef, DeliverWebhook, TellReceivers
from forensics.usecases.ports import Clock
from forensics.usecases.publish_changes import PublishChanges
from forensics.usecases.webhook_endpoints import WebhookEndpoints
from tests.support.webhook_fakes import FakeBox, FakeDeliveries, FakeEndpoints

WORKERS, SCALE, TIMEOUT_S = 10, 0.002, 2.0
TENANT, REGION = "soak", "us-east-1"


class LockedDeliveries(FakeDeliveries):
    """The fake's compare and set, made atomic as the table's is."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def advance(self, before: Delivery, after: Delivery) -> bool:
        with self.lock:
            return super().advance(before, after)


class ThreadedQueue:
    """The Timer over a heap that worker threads empty as messages fall due."""

    def __init__(self) -> None:
        self.heap: list[tuple[float, int, dict[str, Any]]] = []
        self.ready, self.order, self.open = threading.Condition(), itertools.count(), True

    def send(self, message: Mapping[str, object], *, delay_s: float, name: str) -> None:
        with self.ready:
            due = time.monotonic() + delay_s * SCALE
            heapq.heappush(self.heap, (due, next(self.order), json.loads(json.dumps(dict(message)))))
            self.ready.notify()

    def take(self) -> dict[str, Any] | None:
        with self.ready:
            while self.open:
                wait_s = self.heap[0][0] - time.monotonic() if self.heap else 1.0
                if wait_s <= 0:
                    return heapq.heappop(self.heap)[2]
                self.ready.wait(wait_s)
        return None

    def close(self) -> None:
        with self.ready:
            self.open = False
            self.ready.notify_all()


class Direct:
    """The service under soak; what ends a job goes the way of a change of its row."""

    def __init__(self) -> None:
        self.queue, clock = ThreadedQueue(), Clock()
        shared: dict[str, Any] = {
            "endpoints": FakeEndpoints(),
            "deliveries": LockedDeliveries(),
            "timer": self.queue,
            "box": FakeBox(),
            "clock": clock,
        }
        self.manage = WebhookEndpoints(**shared, guard=lambda url: None)
        self.tell = TellReceivers(**shared, callback_url=lambda tenant, job: None)
        post = GuardedPost(allow_loopback=True, timeout_s=TIMEOUT_S)
        self.deliver = DeliverWebhook(**shared, post=post, callback_url=lambda tenant, job: None)
        self.outbox = PublishChanges(self, REGION)
        self.endpoint_id = ""

    def publish(self, events: Sequence[Event]) -> None:
        for event in events:
            self.queue.send(event.detail(), delay_s=0, name="")

    def open(self, url: str) -> str:
        wanted = [EventType.DETECTION_COMPLETED]
        endpoint, secret = self.manage.create(TENANT, url=url, events=wanted, description="")
        self.endpoint_id = endpoint.endpoint_id
        return secret

    def end(self, job_id: str) -> None:
        now = datetime.now(UTC)
        document = {"job_id": job_id, "status": "completed", "completed_at": timestamp(now)}
        row = {"tenant": TENANT, "job_id": job_id, "status": "completed", "document": json.dumps(document)}
        self.outbox([RowChange({}, row, now)])

    def delete(self) -> None:
        self.manage.delete(TENANT, self.endpoint_id)

    def work(self) -> None:
        while (message := self.queue.take()) is not None:
            if "data" in message:
                self.tell(Event.from_detail(message))
            else:
                self.deliver(AttemptRef(**message))


@contextlib.contextmanager
def direct() -> Iterator[Direct]:
    """Run the service for the length of a `with` block."""
    service = Direct()
    workers = [threading.Thread(target=service.work, daemon=True) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    try:
        yield service
    finally:
        service.queue.close()
        for worker in workers:
            worker.join(timeout=TIMEOUT_S + 5)
