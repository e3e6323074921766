"""The sweeper: every ten minutes, what should be gone from the bucket and is not; every hour, charges without a job."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from forensics.settings import PrivacySettings
from forensics.wiring.limits import settle_charges
from forensics.wiring.privacy import sweep_orphans
from forensics.wiring.service import Service

SPARE_MS = 20_000  # of the function's time: the last object's deletion ends in it

logger, metrics, tracer = Logger(), Metrics(), Tracer(auto_patch=False)
service = Service.from_env()
sweep = sweep_orphans(service, PrivacySettings.from_env())
settle = settle_charges(service)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return what was found, by area of the bucket; an alarm on OrphansDeleted tells that another deletion failed.

    The event of the hourly rule, `{"task": "settle"}`, has charges looked at in place of the bucket.
    """
    left_ms = max(0, context.get_remaining_time_in_millis() - SPARE_MS)
    until = service.clock.now() + timedelta(milliseconds=left_ms)
    return _settled(until) if event.get("task") == "settle" else _swept(until)


def _settled(until: datetime) -> dict[str, Any]:
    settled = settle(until=until)
    metrics.add_metric("ChargesGivenBack", MetricUnit.Count, settled.released)
    found = {"seen": settled.seen, "released": settled.released, "finished": settled.finished}
    logger.info("settled", extra=found)
    return found


def _swept(until: datetime) -> dict[str, Any]:
    swept = sweep(until=until)
    metrics.add_metric("OrphansDeleted", MetricUnit.Count, swept.orphans)
    metrics.add_metric("LeftoversDeleted", MetricUnit.Count, swept.deleted.total() - swept.orphans)
    metrics.add_metric("HangingJobsEnded", MetricUnit.Count, swept.jobs_ended)
    metrics.add_metric("ObjectsSeen", MetricUnit.Count, swept.seen)
    metrics.add_metric("SweepsUnfinished", MetricUnit.Count, int(not swept.finished))
    found = {"deleted": dict(swept.deleted), "jobs_ended": swept.jobs_ended, "finished": swept.finished}
    logger.info("swept", extra=found)
    return found
