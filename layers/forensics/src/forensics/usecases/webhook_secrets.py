"""Every tenant's own endpoint, which signs what goes to a job's `callback_url`; it is made when first needed."""

from __future__ import annotations

from datetime import datetime
from os import urandom

from forensics.domain.webhooks import CALLBACK, CALLBACK_EVENTS, SECRET_BYTES, Endpoint, new_secret
from forensics.usecases.webhook_ports import EndpointStore, SecretBox


def sealed_secret(box: SecretBox, *, tenant: str, endpoint_id: str) -> tuple[str, str]:
    """Return a new secret, plain and sealed."""
    secret = new_secret(urandom(SECRET_BYTES))
    return secret, box.seal(secret, tenant=tenant, endpoint_id=endpoint_id)


def callback_endpoint(endpoints: EndpointStore, box: SecretBox, tenant: str, *, now: datetime) -> Endpoint:
    """Return the tenant's own endpoint; nobody knows the secret of a new one until it is rotated."""
    known = endpoints.get(tenant, CALLBACK)
    if known is not None:
        return known
    _, sealed = sealed_secret(box, tenant=tenant, endpoint_id=CALLBACK)
    return endpoints.add_callback(new_callback(tenant, sealed, now=now))


def new_callback(tenant: str, sealed: str, *, now: datetime) -> Endpoint:
    return Endpoint(
        tenant=tenant,
        endpoint_id=CALLBACK,
        url="",
        events=CALLBACK_EVENTS,
        description="what goes to the callback_url of jobs",
        created_at=now,
        sealed_secret=sealed,
    )
