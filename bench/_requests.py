"""One function in this process, over the emulator's tables: which requests to AWS a call makes, and how long they take.

`python -m bench._requests CALLS` in the environment of a deployed detect_image prints JSON; `bench.jobs` starts it so. botocore's
own events tell of every request, so that none is forgotten.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from forensics.store.clients import AwsClients
from tests.support.events import LambdaContext, api_event, multipart
from tests.support.limits import TINY

FACTORIES: tuple[Callable[[AwsClients], Any], ...] = (AwsClients.dynamodb, AwsClients.s3, AwsClients.sqs)
GUARD = {
    "minute: UpdateItem of counters",
    "month: GetItem of counters",
    "bill: TransactWriteItems of counters",
    "begin: PutItem of answers",
    "end: UpdateItem of answers",
}


@dataclass
class Requests:
    """Milliseconds of every request of the calls so far, by what it was for."""

    took_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    started: float = 0.0
    name: str = ""

    def watch(self, client: Any) -> None:
        client.meta.events.register("before-call", self._before)
        client.meta.events.register("after-call", self._after)

    def _before(self, model: Any, params: Mapping[str, Any], **_: Any) -> None:
        self.started, self.name = time.perf_counter(), purpose(model.name, params.get("body") or b"")

    def _after(self, **_: Any) -> None:
        self.took_ms[self.name].append((time.perf_counter() - self.started) * 1000)


def purpose(operation: str, body: bytes | str) -> str:
    """Return what a request of a detect call is for."""
    asked = json.loads(body) if body else {}
    table = str(asked.get("TableName", "")).lower()
    for part, names in PURPOSES.items():
        if part in table and operation in names:
            return names[operation]
    return "bill: TransactWriteItems of counters" if operation == "TransactWriteItems" else f"{operation} of {table}"


PURPOSES = {
    "counters": {"UpdateItem": "minute: UpdateItem of counters", "GetItem": "month: GetItem of counters"},
    "idempotency": {"PutItem": "begin: PutItem of answers", "UpdateItem": "end: UpdateItem of answers"},
    "jobs": {"PutItem": "result: PutItem of jobs"},
}


def call(number: int, *, key: bool) -> None:
    from functions.detect_image.app import handler  # here, so that whoever reads GUARD needs no environment

    headers = {"Idempotency-Key": f"bench-{number}-{time.time_ns()}"} if key else {}
    event = api_event("POST", "/v1/detect/image", headers=headers, **multipart(TINY))
    event["requestContext"]["authorizer"] |= {"key_id": "key_bench", "plan": "internal", "live": "true"}
    answer: dict[str, Any] = handler(event, LambdaContext())  # type: ignore[arg-type]
    if answer["statusCode"] != 200:
        raise SystemExit(f"HTTP {answer['statusCode']} in place of 200: {answer['body'][:500]}")


def main() -> None:
    calls = int(sys.argv[1])
    call(0, key=True)  # the first one makes the clients
    found = {}
    for kind in (False, True):
        requests = Requests()
        for factory in FACTORIES:
            requests.watch(factory(AwsClients()))
        for number in range(calls):
            call(number, key=kind)
        if any(len(times) != calls for times in requests.took_ms.values()):
            raise SystemExit(
                "the calls did not make the same requests: " + repr({n: len(t) for n, t in requests.took_ms.items()})
            )
        found["with" if kind else "without"] = {n: statistics.median(t) for n, t in requests.took_ms.items()}
        for factory in FACTORIES:
            factory(AwsClients()).meta.events.unregister("before-call", requests._before)
            factory(AwsClients()).meta.events.unregister("after-call", requests._after)
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
