"""The doors of other systems over AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from forensics.domain.intake import Delivery, opened
from forensics.net.guard import UrlGuard
from forensics.settings import IntakeSettings, MissingSetting
from forensics.store.clients import AwsClients
from forensics.store.drops import S3Drops
from forensics.store.idempotency import DynamoRecords
from forensics.store.intake import FIRST_ID, DeadLetters, IntakeQueue
from forensics.store.keys import DynamoKeys
from forensics.store.queues import SqsQueue
from forensics.store.stacks import StackNotFound, stack_outputs
from forensics.usecases.idempotency import Idempotency
from forensics.usecases.intake import TakeIn
from forensics.usecases.intake_rights import ReadRights
from forensics.web.intake_body import read_fields, salvage
from forensics.wiring.limits import billing
from forensics.wiring.service import Service

__all__ = ["StackNotFound", "dead_letters", "delivery_of", "intake_queue", "take_in", "take_record"]

Record = Mapping[str, Any]  # of an SQS event


def take_record(service: Service) -> Callable[[Record], None]:
    """Return what takes in one record of the queue's event; it raises when the record is to come again."""
    take, bucket = take_in(service), _named(service.settings.media_bucket, "MEDIA_BUCKET")

    def taken(record: Record) -> None:
        delivery = delivery_of(record)
        for arrival in opened(delivery, bucket=bucket):
            take(arrival, last=delivery.last)

    return taken


def delivery_of(record: Record) -> Delivery:
    first = record.get("messageAttributes", {}).get(FIRST_ID, {}).get("stringValue")
    receives = int(record["attributes"]["ApproximateReceiveCount"])
    return Delivery(record["messageId"], record["body"], receives, first)


def take_in(service: Service) -> TakeIn:
    settings, clients = service.settings, service.clients
    records = DynamoRecords(clients.dynamodb, _named(settings.idempotency_table, "IDEMPOTENCY_TABLE"))
    return TakeIn(
        read=read_fields,
        salvage=salvage,
        rights=ReadRights(DynamoKeys(clients.dynamodb, _named(settings.keys_table, "KEYS_TABLE")), service.clock),
        attempts=Idempotency(records, service.clock, settings.region),
        jobs=service.jobs(),
        drops=S3Drops(clients.s3, _named(settings.media_bucket, "MEDIA_BUCKET")),
        uploads=service.take_upload(),
        queue=SqsQueue(clients.sqs, _named(settings.batch_queue_url, "BATCH_QUEUE_URL")),
        finish=service.finish(),
        billing=billing(service),
        check_callback=UrlGuard(settings.allow_loopback_fetch),
        max_bytes=settings.max_bytes,
    )


def intake_queue(service: Service, settings: IntakeSettings) -> IntakeQueue:
    return IntakeQueue(service.clients.sqs, _named(settings.queue_url, "INTAKE_QUEUE_URL"))


def dead_letters(*, stack: str) -> DeadLetters:
    """Return the administrator's view of the stack's dead letters; raises StackNotFound."""
    outputs = stack_outputs(stack)
    return DeadLetters(AwsClients().sqs, outputs["IntakeQueueUrl"], outputs["IntakeDlqUrl"])


def _named(value: str | None, name: str) -> str:
    if not value:
        raise MissingSetting(f"the environment variable {name} is not set")
    return value
