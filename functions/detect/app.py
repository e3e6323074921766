"""POST /v1/detect: finds the medium and passes the call on to its function."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from forensics.web.app import create_app, lambda_handler
from forensics.web.detect_routes import unified_router
from forensics.wiring.limits import call_counter
from forensics.wiring.service import Service

logger, metrics, tracer = Logger(), Metrics(), Tracer(auto_patch=False)
copy_config_to_registered_loggers(source_logger=logger, include={"forensics"})
service = Service.from_env()
api = lambda_handler(
    create_app(unified_router(service.choose_function(), service.invoker()), guard=call_counter(service))
)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    metrics.add_metric("Invocations", MetricUnit.Count, 1)
    return api(event, context)  # type: ignore[arg-type]
