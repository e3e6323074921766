"""What the state machine's functions share: one task in, one plain JSON object out, errors by the names that its Retry knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from forensics.domain.errors import DetectorError
from forensics.usecases.finish_video import fault

Task = dict[str, Any]
Handler = Callable[[Task, LambdaContext], Any]


class MediaFault(Exception):
    """The file itself is to blame: tried again it would fail again."""


def task_handler(step: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Handler:
    """Return the Lambda handler of one step; a DetectorError that blames the file leaves it as a MediaFault."""
    logger, metrics, tracer = Logger(), Metrics(), Tracer(auto_patch=False)
    copy_config_to_registered_loggers(source_logger=logger, include={"forensics"})

    @logger.inject_lambda_context(clear_state=True)
    @tracer.capture_lambda_handler(capture_response=False)
    @metrics.log_metrics(capture_cold_start_metric=True)
    def handler(event: Task, context: LambdaContext) -> Any:
        logger.append_keys(job_id=event.get("job_id"))
        metrics.add_metric("Invocations", MetricUnit.Count, 1)
        try:
            return step(event)
        except DetectorError as error:
            if error.status >= 500:
                raise
            raise MediaFault(fault(error)) from error

    handled: Handler = handler  # the decorators' types end in Any
    return handled
