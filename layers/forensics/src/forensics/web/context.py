"""What the gateway says of a call: request id and the authorizer's answer, read from the Lambda proxy event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from forensics.domain.errors import Forbidden, Unauthenticated
from forensics.domain.limits import Account
from forensics.domain.plans import limits_of

FORWARDED = "forwardedFrom"  # in the event's requestContext, which the gateway writes and no caller can


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
    """Return where a job is read."""
    return api_path(request, f"/jobs/{job_id}")


def api_path(request: Request, path: str) -> str:
    """Return a path below /v1 as the caller must ask for it: on the gateway's own host name the stage comes before /v1."""
    asked = str(gateway_event(request).get("requestContext", {}).get("path") or "")
    stage, found, _ = asked.partition("/v1/")
    return f"{stage if found else ''}/v1{path}"


def caller(request: Request) -> Caller:
    """Return who calls; the gateway's authorizer has checked the key, so its absence means a path left unguarded."""
    context = gateway_event(request).get("requestContext", {}).get("authorizer") or {}
    tenant = context.get("tenant")
    if not tenant:
        raise Unauthenticated
    scopes = tuple(str(context.get("scopes") or "").split())
    return Caller(tenant=str(tenant), scopes=scopes, request_id=request_id(request))


def account_of(request: Request) -> Account | None:
    """Return whose call is counted, as the authorizer told; None on a path that needs no key."""
    context = gateway_event(request).get("requestContext", {}).get("authorizer") or {}
    if not context.get("tenant"):
        return None
    tenant, plan = str(context["tenant"]), str(context.get("plan") or "")
    return Account(
        tenant=tenant,
        key_id=str(context.get("key_id") or tenant),
        plan=plan,
        limits=limits_of(
            plan, per_minute=_number(context.get("per_minute")), per_month=_number(context.get("per_month"))
        ),
        live=str(context.get("live") or "true") == "true",
        expires_at=_number(context.get("expires_at")),
    )


def forwarded_route(request: Request) -> str | None:
    """Return the path that a sibling function was asked for, when it passed this call on; the gateway lets no caller say so."""
    found = gateway_event(request).get("requestContext", {}).get(FORWARDED)
    return str(found) if found else None


def forwarded(event: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the gateway's event for a sibling function: another path, and a mark that the call has been counted."""
    context = {**event.get("requestContext", {}), FORWARDED: event.get("path")}
    return {**event, "path": path, "resource": path, "requestContext": context}


def _number(value: object) -> int | None:
    """The gateway makes strings of an authorizer's numbers, and an empty one of none."""
    return int(str(value)) if value not in (None, "") else None
