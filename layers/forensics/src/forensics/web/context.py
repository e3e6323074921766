"""What the gateway says of a call: request id and the authorizer's answer, read from the Lambda proxy event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from forensics.domain.errors import Forbidden, Unauthenticated


@dataclass(frozen=True)
class Caller:
    """The authenticated caller of one request."""

    tenant: str
    scopes: tuple[str, ...]
    request_id: str

    def need(self, scope: str) -> Caller:
        """Return self, or raise Forbidden when the key lacks the scope."""
        if scope not in self.scopes:
            raise Forbidden(f"This key lacks the scope `{scope}`.")
        return self


def gateway_event(request: Request) -> dict[str, Any]:
    event = request.scope.get("aws.event")
    return event if isinstance(event, dict) else {}


def request_id(request: Request) -> str:
    """Return the gateway's request id, the one id that appears in answers, logs and jobs."""
    return str(gateway_event(request).get("requestContext", {}).get("requestId") or "unknown")


def job_path(request: Request, job_id: str) -> str:
    """Return a job's path as the caller must ask for it: on the gateway's own host name the stage comes before /v1."""
    asked = str(gateway_event(request).get("requestContext", {}).get("path") or "")
    stage, found, _ = asked.partition("/v1/")
    return f"{stage if found else ''}/v1/jobs/{job_id}"


def caller(request: Request) -> Caller:
    """Return who calls; the gateway's authorizer has checked the key, so its absence means a path left unguarded."""
    context = gateway_event(request).get("requestContext", {}).get("authorizer") or {}
    tenant = context.get("tenant")
    if not tenant:
        raise Unauthenticated
    scopes = tuple(str(context.get("scopes") or "").split())
    return Caller(tenant=str(tenant), scopes=scopes, request_id=request_id(request))
