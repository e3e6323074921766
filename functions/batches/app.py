"""POST /v1/batches and GET /v1/batches/{batch_id}, and the queue of their items."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from forensics.web.app import create_app, lambda_handler
from forensics.web.batch_routes import batch_router
from forensics.wiring.batches import accept_item, create_batch, read_batch
from forensics.wiring.limits import api_guard
from forensics.wiring.service import Service

logger, metrics, tracer = Logger(), Metrics(), Tracer(auto_patch=False)
copy_config_to_registered_loggers(source_logger=logger, include={"forensics"})
service = Service.from_env()
accept = accept_item(service)
api = lambda_handler(create_app(batch_router(create_batch(service), read_batch(service)), guard=api_guard(service)))
processor = BatchProcessor(event_type=EventType.SQS)


def process_record(record: SQSRecord) -> None:
    accept(json.loads(record.body))


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    metrics.add_metric("Invocations", MetricUnit.Count, 1)
    if "Records" in event:
        return process_partial_response(event, process_record, processor, context)
    return api(event, context)  # type: ignore[arg-type]
