"""Jobs, listed, read, deleted and spoken of; the models; what anybody may read: health, status, description; and the rest."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from forensics.settings import ModelSettings
from forensics.usecases.list_models import ListModels
from forensics.web.app import create_app, lambda_handler
from forensics.web.feedback_routes import feedback_router
from forensics.web.job_list_routes import job_list_router
from forensics.web.job_routes import delete_router, job_router
from forensics.web.model_routes import model_router
from forensics.web.openapi import openapi_document
from forensics.web.public_routes import public_router
from forensics.wiring.limits import api_guard
from forensics.wiring.service import Service
from forensics.wiring.status import read_status

logger, metrics, tracer = Logger(), Metrics(), Tracer(auto_patch=False)
copy_config_to_registered_loggers(source_logger=logger, include={"forensics"})
service = Service.from_env()
public = public_router(
    version=version("forensics"),
    region=service.settings.region,
    openapi=openapi_document,
    status=read_status(service),
)
guard = api_guard(service, read_job=service.get_job(), reads_beside=True)
jobs = (job_list_router(service.list_jobs()), job_router(service.get_job()), delete_router(service.delete_job()))
others = (feedback_router(service.leave_feedback()), model_router(ListModels(ModelSettings.from_env().models_dir)))
api = lambda_handler(create_app(*jobs, *others, public, guard=guard, document=openapi_document))


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    metrics.add_metric("Invocations", MetricUnit.Count, 1)
    return api(event, context)  # type: ignore[arg-type]
