"""What the detect functions share: one pipeline behind two doors, the API's endpoint and the queue of asynchronous jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from forensics.settings import ModelSettings, ServiceSettings
from forensics.usecases.ports import Analyser
from forensics.web.app import create_app, lambda_handler
from forensics.web.detect_routes import detect_router
from forensics.wiring.limits import api_guard, billed
from forensics.wiring.service import Service

Handler = Callable[[dict[str, Any], LambdaContext], Any]


def detect_handler(medium: str, load: Callable[[ModelSettings, ServiceSettings], Analyser]) -> Handler:
    """Return one medium's Lambda handler; `load` builds its pipeline now, at the cold start."""
    logger, metrics, tracer = Logger(), Metrics(), Tracer(auto_patch=False)
    copy_config_to_registered_loggers(source_logger=logger, include={"forensics"})
    service = Service.from_env()
    analyse = load(ModelSettings.from_env(), service.settings)
    process = service.process_job(analyse)
    detect = billed(service, service.detect_media(medium, analyse))
    guard = api_guard(service, read_job=service.get_job())
    api = lambda_handler(create_app(detect_router(medium, detect), guard=guard))
    processor = BatchProcessor(event_type=EventType.SQS)

    def process_record(record: SQSRecord) -> None:
        message = json.loads(record.body)
        process(message["tenant"], message["job_id"])

    @logger.inject_lambda_context(clear_state=True)
    @tracer.capture_lambda_handler(capture_response=False)
    @metrics.log_metrics(capture_cold_start_metric=True)
    def handler(event: dict[str, Any], context: LambdaContext) -> Any:
        metrics.add_metric("Invocations", MetricUnit.Count, 1)
        if "Records" in event:
            return process_partial_response(event, process_record, processor, context)
        return api(event, context)  # type: ignore[arg-type]

    handled: Handler = handler  # the decorators' types end in Any
    return handled
