"""POST /v1/detect/video: starts the job's execution and waits for its verdict as long as the caller does."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from forensics.usecases.video_tasks import glance
from forensics.web.app import create_app, lambda_handler
from forensics.web.detect_routes import detect_router
from forensics.wiring.limits import api_guard, billed
from forensics.wiring.service import Service

logger, metrics, tracer = Logger(), Metrics(), Tracer(auto_patch=False)
copy_config_to_registered_loggers(source_logger=logger, include={"forensics"})
service = Service.from_env()
limits = service.settings
look = glance(max_seconds=limits.max_video_seconds, max_bytes=limits.max_bytes["video"])
detect = billed(service, service.detect_video(look))
guard = api_guard(service, read_job=service.get_job())
api = lambda_handler(create_app(detect_router("video", detect), guard=guard))


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    metrics.add_metric("Invocations", MetricUnit.Count, 1)
    return api(event, context)  # type: ignore[arg-type]
