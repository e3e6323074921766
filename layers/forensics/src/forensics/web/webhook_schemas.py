"""Webhook endpoints and their deliveries as callers see them; a secret is in one answer alone, a delivery's URL in none."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from forensics.domain.webhooks import Delivery, Endpoint
from forensics.web.detect_body import Url

EventName = Literal["detection.completed", "detection.failed", "detection.deleted", "batch.completed"]
EVERY_EVENT: tuple[EventName, ...] = ("detection.completed", "detection.failed", "detection.deleted", "batch.completed")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EndpointBody(_Model):
    """Where to send what."""

    url: Annotated[Url, Field(description="Public HTTPS URL on port 443")]
    events: Annotated[list[EventName], Field(min_length=1, max_length=4, description="Every type when left out")] = (
        list(EVERY_EVENT)
    )
    description: Annotated[str, Field(max_length=200)] = ""


class WebhookEndpoint(_Model):
    """An endpoint; `callback` is every account's own, behind the `callback_url` of jobs, and has no URL."""

    id: str
    url: str | None
    events: list[EventName]
    description: str
    status: Literal["enabled", "disabled"]
    disabled_reason: Annotated[
        Literal["gone", "failing"] | None, Field(description="It answered 410, or failed through a whole schedule")
    ]
    disabled_at: datetime | None
    failing_since: Annotated[datetime | None, Field(description="No attempt has succeeded since then")]
    previous_secret_until: Annotated[datetime | None, Field(description="Until then two signatures are sent")]
    created_at: datetime


class WebhookEndpointWithSecret(WebhookEndpoint):
    """The one answer that holds the secret."""

    secret: Annotated[str, Field(pattern="^whsec_", description="Shown once: verifies the signatures")]


class WebhookEndpoints(_Model):
    data: list[WebhookEndpoint]


class DeliveryAttempt(_Model):
    at: datetime
    status: Annotated[int | None, Field(description="HTTP status of the answer; null when there was none")]
    error: Annotated[Literal["timeout", "unreachable"] | None, Field(description="Why there was none")]
    ms: int


class WebhookDelivery(_Model):
    """One event on its way to one endpoint."""

    id: str
    webhook_id: Annotated[str, Field(description="The webhook-id header, the same on every attempt and replay")]
    type: EventName | Literal["webhook.ping"]
    job_id: str | None
    batch_id: str | None
    status: Annotated[
        Literal["pending", "delivered", "failed", "skipped"],
        Field(description="skipped: the endpoint was disabled when the event came"),
    ]
    attempts: list[DeliveryAttempt]
    next_attempt_at: datetime | None
    created_at: datetime


class WebhookDeliveries(_Model):
    data: list[WebhookDelivery]
    has_more: bool
    next_cursor: str | None


def endpoint_fields(endpoint: Endpoint) -> dict[str, object]:
    return {
        "id": endpoint.endpoint_id,
        "url": endpoint.url or None,
        "events": list(endpoint.events),
        "description": endpoint.description,
        "status": endpoint.status.value,
        "disabled_reason": endpoint.disabled_reason,
        "disabled_at": endpoint.disabled_at,
        "failing_since": endpoint.failing_since,
        "previous_secret_until": endpoint.previous_until,
        "created_at": endpoint.created_at,
    }


def delivery_fields(delivery: Delivery) -> dict[str, object]:
    subject = delivery.subject
    return {
        "id": delivery.delivery_id,
        "webhook_id": delivery.event_id,
        "type": delivery.event_type.value,
        "job_id": subject if delivery.event_type.startswith("detection.") else None,
        "batch_id": subject if delivery.event_type.startswith("batch.") else None,
        "status": delivery.status.value,
        "attempts": [{"at": a.at, "status": a.status, "error": a.error, "ms": a.ms} for a in delivery.attempts],
        "next_attempt_at": delivery.next_attempt_at,
        "created_at": delivery.created_at,
    }
