"""The outbox's reader: changes of the tables' rows become events on the bus."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from forensics.settings import PrivacySettings
from forensics.store.changes import row_changes
from forensics.wiring.batches import close_batches
from forensics.wiring.limits import settle_jobs
from forensics.wiring.privacy import keep_books
from forensics.wiring.service import Service
from forensics.wiring.webhooks import WebhookService

logger, metrics, tracer = Logger(), Metrics(), Tracer(auto_patch=False)
service = Service.from_env()
publish, settle = WebhookService.from_env().publish_changes(), settle_jobs(service)
close, keep = close_batches(service), keep_books(service, PrivacySettings.from_env())


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Publish all, or raise: the stream then hands over the same records again, in halves."""
    changes = list(row_changes(event["Records"]))
    settle(changes)
    close(changes)
    metrics.add_metric("EventsPublished", MetricUnit.Count, publish(changes))
    keep(changes)
