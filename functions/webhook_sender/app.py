"""The senders' queue: events from the bus become deliveries, and each message of a delivery is one attempt."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from forensics.wiring.webhooks import WebhookService

logger, metrics, tracer = Logger(), Metrics(), Tracer(auto_patch=False)
copy_config_to_registered_loggers(source_logger=logger, include={"forensics"})
take = WebhookService.from_env().take()
pool = ThreadPoolExecutor(max_workers=10)  # a batch's attempts wait for their receivers side by side


def failed(record: Mapping[str, Any]) -> bool:
    try:
        take(record["body"])
    except Exception:
        logger.exception("a message failed", message_id=record["messageId"])
        return True
    return False


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    records = event["Records"]
    metrics.add_metric("Messages", MetricUnit.Count, len(records))
    faults = [record["messageId"] for record, bad in zip(records, pool.map(failed, records), strict=True) if bad]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in faults]}
