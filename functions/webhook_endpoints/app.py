"""/v1/webhook-endpoints: where a tenant wants its events, and what became of them."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from forensics.web.app import create_app, lambda_handler
from forensics.web.webhook_routes import delivery_router, webhook_router
from forensics.wiring.limits import api_guard
from forensics.wiring.service import Service
from forensics.wiring.webhooks import WebhookService

logger, metrics, tracer = Logger(), Metrics(), Tracer(auto_patch=False)
copy_config_to_registered_loggers(source_logger=logger, include={"forensics"})
webhooks = WebhookService.from_env().endpoints()
guard = api_guard(Service.from_env(), sealed=True)
api = lambda_handler(create_app(webhook_router(webhooks), delivery_router(webhooks), guard=guard))


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    metrics.add_metric("Invocations", MetricUnit.Count, 1)
    return api(event, context)  # type: ignore[arg-type]
