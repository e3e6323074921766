"""What became of jobs, seen from outside: the events on the bus, one by one, and what the tenant's month says was used."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx2

from localcloud.aws import CONFIG, session
from localcloud.cloud import LocalCloud

PATIENCE = 5


@dataclass(frozen=True)
class Outcomes:
    """Listens to a deployed local cloud's bus through a queue of its own, from the moment it is made."""

    cloud: LocalCloud
    api: httpx2.Client
    queue: str
    _told: dict[str, Counter[str]] = field(default_factory=dict)

    @classmethod
    def listen(cls, cloud: LocalCloud, api: httpx2.Client) -> Outcomes:
        sqs, events, bus = _client(cloud, "sqs"), _client(cloud, "events"), cloud.outputs["EventBusName"]
        url = sqs.create_queue(QueueName="outcomes")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        pattern = json.dumps({"source": ["deepfake-detection"]})
        events.put_rule(Name="outcomes", EventBusName=bus, EventPattern=pattern)
        events.put_targets(Rule="outcomes", EventBusName=bus, Targets=[{"Id": "outcomes", "Arn": arn}])
        return cls(cloud, api, url)

    def events(self, job_id: str) -> Counter[str]:
        """Return how often each type of event was told of the job so far."""
        sqs = _client(self.cloud, "sqs")
        while found := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
            for message in found:
                detail = json.loads(message["Body"])["detail"]
                self._told.setdefault(detail["data"].get("job_id", ""), Counter())[detail["type"]] += 1
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return self._told.get(job_id, Counter())

    def billed(self) -> int:
        """Return the tenant's detections of this month."""
        answer = self.api.get("/usage")
        for _ in range(PATIENCE):  # a function's first start may outlast the gateway's patience on a busy machine
            if answer.status_code < 500:
                break
            answer = self.api.get("/usage")
        assert answer.status_code == 200, answer.text
        used: int = answer.json()["month"]["used"]
        return used


def _client(cloud: LocalCloud, service: str) -> Any:
    make: Any = session().client
    return make(service, endpoint_url=cloud.emulator.endpoint, config=CONFIG)
