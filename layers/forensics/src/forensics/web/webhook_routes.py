"""/v1/webhook-endpoints: make, list, read, delete, rotate, ping, and the log of deliveries with its replays."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from forensics.domain.errors import NotFound
from forensics.domain.events import EventType
from forensics.domain.webhooks import CALLBACK, Delivery, Endpoint
from forensics.web.context import api_path, caller
from forensics.web.json_body import read_json_body
from forensics.web.schemas import problems
from forensics.web.webhook_schemas import (
    EndpointBody,
    WebhookDeliveries,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEndpoints,
    WebhookEndpointWithSecret,
    delivery_fields,
    endpoint_fields,
)

SCOPE = "webhooks"
_ULID = "[0-9A-HJKMNP-TV-Z]{26}"
_ENDPOINT_ID = re.compile(f"whe_{_ULID}|{CALLBACK}")
_DELIVERY = f"dlv_{_ULID}"
_DELIVERY_ID = re.compile(_DELIVERY)

EndpointId = Annotated[str, Path(description="whe_…, or `callback` for what goes to the callback_url of jobs")]
DeliveryId = Annotated[str, Path(description="dlv_…")]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(pattern=f"^{_DELIVERY}$", description="The `next_cursor` of the page before")]


class Webhooks(Protocol):
    """The use case behind the routes; every call raises NotFound for an endpoint that is not this tenant's."""

    def create(
        self, tenant: str, *, url: str, events: Sequence[EventType], description: str
    ) -> tuple[Endpoint, str]: ...

    def all(self, tenant: str) -> list[Endpoint]: ...

    def get(self, tenant: str, endpoint_id: str) -> Endpoint: ...

    def delete(self, tenant: str, endpoint_id: str) -> None: ...

    def rotate(self, tenant: str, endpoint_id: str) -> tuple[Endpoint, str]: ...

    def ping(self, tenant: str, endpoint_id: str) -> Delivery: ...

    def log(
        self, tenant: str, endpoint_id: str, *, limit: int, before_id: str | None
    ) -> tuple[list[Delivery], str | None]: ...

    def replay(self, tenant: str, endpoint_id: str, delivery_id: str) -> Delivery: ...


def webhook_router(webhooks: Webhooks) -> APIRouter:
    """Return the routes of endpoints."""
    router = APIRouter(tags=["webhooks"])

    async def create(request: Request) -> Response:
        who = caller(request).need(SCOPE)
        body = await read_json_body(request, EndpointBody)
        events = [EventType(name) for name in dict.fromkeys(body.events)]
        endpoint, secret = webhooks.create(who.tenant, url=body.url, events=events, description=body.description)
        location = api_path(request, f"/webhook-endpoints/{endpoint.endpoint_id}")
        return _answer(_with_secret(endpoint, secret), 201, headers={"Location": location})

    async def list_all(request: Request) -> Response:
        who = caller(request).need(SCOPE)
        return _answer(WebhookEndpoints(data=[_shown(endpoint) for endpoint in webhooks.all(who.tenant)]))

    async def read(request: Request, endpoint_id: EndpointId) -> Response:
        who = caller(request).need(SCOPE)
        return _answer(_shown(webhooks.get(who.tenant, _endpoint_id(endpoint_id))))

    async def delete(request: Request, endpoint_id: EndpointId) -> Response:
        who = caller(request).need(SCOPE)
        webhooks.delete(who.tenant, _endpoint_id(endpoint_id))
        return Response(status_code=204)

    async def rotate(request: Request, endpoint_id: EndpointId) -> Response:
        who = caller(request).need(SCOPE)
        return _answer(_with_secret(*webhooks.rotate(who.tenant, _endpoint_id(endpoint_id))))

    add = _adder(router)
    add("POST", "", create, "create_webhook_endpoint", WebhookEndpointWithSecret, (400, 413, 415, 422), status=201)
    add("GET", "", list_all, "list_webhook_endpoints", WebhookEndpoints)
    add("GET", "/{endpoint_id}", read, "get_webhook_endpoint", WebhookEndpoint, (404,))
    add("DELETE", "/{endpoint_id}", delete, "delete_webhook_endpoint", None, (404,), status=204)
    add("POST", "/{endpoint_id}/rotate", rotate, "rotate_webhook_secret", WebhookEndpointWithSecret, (404,))
    return router


def delivery_router(webhooks: Webhooks) -> APIRouter:
    """Return the routes of deliveries: ping, log, replay."""
    router = APIRouter(tags=["webhooks"])

    async def ping(request: Request, endpoint_id: EndpointId) -> Response:
        who = caller(request).need(SCOPE)
        return _answer(_told(webhooks.ping(who.tenant, _endpoint_id(endpoint_id))), 202)

    async def log(request: Request, endpoint_id: EndpointId, limit: Limit = 20, cursor: Cursor = None) -> Response:
        who = caller(request).need(SCOPE)
        where = (who.tenant, _endpoint_id(endpoint_id))
        found, more = webhooks.log(*where, limit=limit, before_id=cursor)
        return _answer(WebhookDeliveries(data=[_told(d) for d in found], has_more=more is not None, next_cursor=more))

    async def replay(request: Request, endpoint_id: EndpointId, delivery_id: DeliveryId) -> Response:
        who = caller(request).need(SCOPE)
        if not _DELIVERY_ID.fullmatch(delivery_id):
            raise NotFound("There is no such delivery.")
        return _answer(_told(webhooks.replay(who.tenant, _endpoint_id(endpoint_id), delivery_id)), 202)

    add = _adder(router)
    one = "/{endpoint_id}/deliveries"
    add("POST", "/{endpoint_id}/ping", ping, "ping_webhook_endpoint", WebhookDelivery, (400, 404), status=202)
    add("GET", one, log, "list_webhook_deliveries", WebhookDeliveries, (400, 404))
    add("POST", one + "/{delivery_id}/replay", replay, "replay_webhook", WebhookDelivery, (400, 404), status=202)
    return router


SUMMARIES = {
    "create_webhook_endpoint": "Have events sent to a URL; the answer holds the signing secret, this once",
    "list_webhook_endpoints": "List the account's webhook endpoints, at most ten",
    "get_webhook_endpoint": "Read a webhook endpoint: is it enabled, since when does it fail",
    "delete_webhook_endpoint": "Delete a webhook endpoint; nothing more is sent to it",
    "rotate_webhook_secret": "Make a new secret; the old one signs beside it for 24 hours",
    "ping_webhook_endpoint": "Send a webhook.ping; a disabled endpoint that answers it with 2xx is enabled again",
    "list_webhook_deliveries": "Read what was sent to an endpoint, newest first, attempt by attempt",
    "replay_webhook": "Send an event again under the same webhook-id",
}


def _adder(router: APIRouter) -> Callable[..., None]:
    def add(
        method: str,
        path: str,
        endpoint: Callable[..., Any],
        operation: str,
        model: type[BaseModel] | None,
        faults: tuple[int, ...] = (),
        *,
        status: int = 200,
    ) -> None:
        body = {"content": {"application/json": {"schema": EndpointBody.model_json_schema()}}, "required": True}
        router.add_api_route(
            f"/webhook-endpoints{path}",
            endpoint,
            methods=[method],
            operation_id=operation,
            summary=SUMMARIES[operation],
            status_code=status,
            response_model=model,
            responses=problems(*sorted({401, 403, 500, 503, *faults})),
            openapi_extra={"requestBody": body} if operation == "create_webhook_endpoint" else None,
        )

    return add


def _endpoint_id(text: str) -> str:
    if not _ENDPOINT_ID.fullmatch(text):
        raise NotFound("There is no such webhook endpoint.")
    return text


def _shown(endpoint: Endpoint) -> WebhookEndpoint:
    return WebhookEndpoint.model_validate(endpoint_fields(endpoint))


def _with_secret(endpoint: Endpoint, secret: str) -> WebhookEndpointWithSecret:
    return WebhookEndpointWithSecret.model_validate({**endpoint_fields(endpoint), "secret": secret})


def _told(delivery: Delivery) -> WebhookDelivery:
    return WebhookDelivery.model_validate(delivery_fields(delivery))


def _answer(body: BaseModel, status: int = 200, *, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(body.model_dump(mode="json"), status, headers)
