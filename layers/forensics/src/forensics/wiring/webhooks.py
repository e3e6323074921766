"""Events and webhooks over AWS, built once at a function's cold start."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from forensics.domain.events import Event
from forensics.net.guard import UrlGuard
from forensics.net.post import GuardedPost
from forensics.settings import MissingSetting, WebhookSettings
from forensics.store.clients import AwsClients
from forensics.store.deliveries import DynamoDeliveries
from forensics.store.events import EventBus
from forensics.store.jobs import DynamoJobs
from forensics.store.secrets import KmsBox
from forensics.store.timers import QueueTimer, ScheduleTimer
from forensics.store.webhooks import DynamoEndpoints
from forensics.usecases.deliver_webhook import AttemptRef, Callbacks, DeliverWebhook, TellReceivers
from forensics.usecases.ports import Clock
from forensics.usecases.publish_changes import PublishChanges
from forensics.usecases.webhook_endpoints import WebhookEndpoints


@dataclass(frozen=True)
class WebhookService:
    """Builds the use cases of events and webhooks; a function takes only those it serves."""

    settings: WebhookSettings
    clients: AwsClients
    clock: Clock

    @classmethod
    def from_env(cls) -> WebhookService:
        return cls(WebhookSettings.from_env(), AwsClients(), Clock())

    def publish_changes(self) -> PublishChanges:
        bus = EventBus(self.clients.events, _named(self.settings.event_bus, "EVENT_BUS"))
        return PublishChanges(bus, self.settings.region)

    def endpoints(self) -> WebhookEndpoints:
        return WebhookEndpoints(
            endpoints=self._endpoints(),
            deliveries=self._deliveries(),
            box=self._box(),
            timer=self._queue(),
            guard=UrlGuard(allow_loopback=self.settings.allow_loopback),
            clock=self.clock,
        )

    def tell_receivers(self) -> TellReceivers:
        return TellReceivers(
            endpoints=self._endpoints(),
            deliveries=self._deliveries(),
            timer=self._timer(),
            box=self._box(),
            callback_url=self._callbacks(),
            clock=self.clock,
        )

    def take(self) -> Callable[[str], None]:
        """Return what the senders' queue is read with: a message is an event from the bus, or asks for one attempt."""
        tell, deliver = self.tell_receivers(), self.deliver()

        def take(body: str) -> None:
            message = json.loads(body)
            if "detail" in message:
                tell(Event.from_detail(message["detail"]))
            else:
                deliver(AttemptRef(**message))

        return take

    def deliver(self) -> DeliverWebhook:
        return DeliverWebhook(
            endpoints=self._endpoints(),
            deliveries=self._deliveries(),
            timer=self._timer(),
            box=self._box(),
            post=GuardedPost(allow_loopback=self.settings.allow_loopback, timeout_s=self.settings.timeout_s),
            callback_url=self._callbacks(),
            clock=self.clock,
        )

    def _endpoints(self) -> DynamoEndpoints:
        return DynamoEndpoints(self.clients.dynamodb, self._table())

    def _deliveries(self) -> DynamoDeliveries:
        return DynamoDeliveries(self.clients.dynamodb, self._table(), self.settings.ttl_days)

    def _table(self) -> str:
        return _named(self.settings.table, "WEBHOOKS_TABLE")

    def _callbacks(self) -> Callbacks:
        jobs = DynamoJobs(
            self.clients.dynamodb, _named(self.settings.jobs_table, "JOBS_TABLE"), ttl_days=self.settings.ttl_days
        )
        return Callbacks(jobs)

    def _box(self) -> KmsBox:
        return KmsBox(self.clients.kms, _named(self.settings.key_id, "WEBHOOK_KEY_ID"))

    def _queue(self) -> QueueTimer:
        url = _named(self.settings.queue_url, "WEBHOOK_QUEUE_URL")
        return QueueTimer(self.clients.sqs, url, self.settings.time_scale)

    def _timer(self) -> ScheduleTimer:
        return ScheduleTimer(
            queue=self._queue(),
            scheduler=self.clients.scheduler,
            now=self.clock.now,
            queue_arn=_named(self.settings.queue_arn, "WEBHOOK_QUEUE_ARN"),
            role_arn=_named(self.settings.schedule_role, "WEBHOOK_SCHEDULE_ROLE"),
        )


def _named(value: str | None, name: str) -> str:
    if not value:
        raise MissingSetting(f"the environment variable {name} is not set")
    return value
