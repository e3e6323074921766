"""What timers ask for: media left after its verdict is deleted, jobs and batches that nobody finishes are ended."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from forensics.wiring.batches import watch_batch
from forensics.wiring.service import Service
from forensics.wiring.uploads import sweep_upload

logger, metrics, tracer = Logger(), Metrics(), Tracer(auto_patch=False)
service = Service.from_env()
sweep, watch = sweep_upload(service), watch_batch(service)
purge, erase, abandon = service.purge_media(), service.erase_files(), service.abandon_job()
processor = BatchProcessor(event_type=EventType.SQS)


def process_record(record: SQSRecord) -> None:
    message = json.loads(record.body)
    if "purge" in message:
        purge(message["tenant"], message["job_id"], message["purge"])
    elif "sweep" in message:
        sweep(message)
    elif "batch_of" in message:
        watch(message)
    elif "erase" in message:
        erase(message["tenant"], message["job_id"], message["erase"])
    else:
        abandon(message["tenant"], message["job_id"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    metrics.add_metric("Invocations", MetricUnit.Count, 1)
    return process_partial_response(event, process_record, processor, context)
