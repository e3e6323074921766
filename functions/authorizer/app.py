"""The gateway's REQUEST authorizer: a bearer key to a tenant, its plan and scopes."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from forensics.domain.errors import Unauthenticated
from forensics.domain.keys import told_of
from forensics.wiring.service import Service

logger, metrics, tracer = Logger(), Metrics(), Tracer(auto_patch=False)
authorize = Service.from_env().authorize()


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    try:
        key = authorize(headers.get("authorization"))
    except Unauthenticated as error:
        metrics.add_metric("Unauthenticated", MetricUnit.Count, 1)
        raise Exception("Unauthorized") from error  # the gateway answers 401 to this very text only
    metrics.add_metric("Authenticated", MetricUnit.Count, 1)
    # The answer is cached per key for every path, so it allows the whole stage, not the one path asked for.
    stage_arn = "/".join(event["methodArn"].split("/")[:2]) + "/*"
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": stage_arn}
    return {
        "principalId": key.tenant,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": told_of(key),
    }
