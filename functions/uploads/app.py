"""POST /v1/uploads: a place in the bucket for a file that is too large to be sent inline."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from forensics.web.app import create_app, lambda_handler
from forensics.web.upload_routes import upload_router
from forensics.wiring.limits import api_guard
from forensics.wiring.service import Service
from forensics.wiring.uploads import create_upload

logger, metrics, tracer = Logger(), Metrics(), Tracer(auto_patch=False)
copy_config_to_registered_loggers(source_logger=logger, include={"forensics"})
service = Service.from_env()
api = lambda_handler(create_app(upload_router(create_upload(service)), guard=api_guard(service, sealed=True)))


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    metrics.add_metric("Invocations", MetricUnit.Count, 1)
    return api(event, context)  # type: ignore[arg-type]
