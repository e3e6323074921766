"""The intake's queue: messages, events and dropped files of other systems become jobs."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from forensics.domain.errors import IdempotencyInFlight
from forensics.domain.intake import NotAttributable
from forensics.settings import IntakeSettings
from forensics.wiring.intake import Record, delivery_of, intake_queue, take_record
from forensics.wiring.service import Service

logger, metrics, tracer = Logger(), Metrics(), Tracer(auto_patch=False)
service = Service.from_env()
take, queue = take_record(service), intake_queue(service, IntakeSettings.from_env())


def taken(record: Record) -> bool:
    try:
        take(record)
    except NotAttributable as fault:
        logger.warning("nobody to tell", message_id=record["messageId"], why=str(fault))
        hand_back(record, after_s=0)  # no time will mend it: with the dead letters in moments
        return False
    except IdempotencyInFlight:
        logger.info("another message with its key is ahead", message_id=record["messageId"])
        hand_back(record, after_s=delivery_of(record).again_after_s)
        return False
    except Exception:
        logger.exception("a message failed", message_id=record["messageId"])
        hand_back(record, after_s=delivery_of(record).again_after_s)
        return False
    return True


def hand_back(record: Record, *, after_s: int) -> None:
    try:
        queue.hand_back(record["receiptHandle"], after_s=after_s)
    except Exception:  # it comes again when the queue's own time is over
        logger.exception("a message could not be handed back", message_id=record["messageId"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    metrics.add_metric("Messages", MetricUnit.Count, len(event["Records"]))
    return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in event["Records"] if not taken(r)]}
