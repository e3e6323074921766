"""What other systems send: a message, an event or a dropped file, opened, with an identity that a redelivery keeps."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from forensics.domain.job import DetectOptions

REQUESTED = "detection.requested"  # the type of an event that asks for a detection
ROUTE = "intake"  # where idempotency keys of messages live, apart from those of the API's routes
AREA = "intake/"  # of the bucket: intake/<tenant>/<path>
NAMED = "named/"  # below a tenant's folder: a file that waits for a message with its key
MOST_RECEIVES = 5  # of one message: then the queue moves it to its dead letters (template.yaml)
AGAIN_AFTER_S = (10, 40, 160, 320)  # after the first, second ... receive; below the queue's own visibility timeout
MAX_EXTERNAL_ID_CHARS = 64
_TENANT = re.compile(r"[A-Za-z0-9_-]{1,128}")
_TEST_EVENT = "s3:TestEvent"  # what S3 says once when its notifications are switched on


class NotAttributable(Exception):
    """The message names no tenant that is known, so that nobody can be told of it; the text holds nothing that was sent."""


@dataclass(frozen=True)
class Delivery:
    """A message as the queue hands it out, for the `receives`-th time.

    `first_id` is the id that it had before it was sent again from the dead letters.
    """

    message_id: str
    body: str = field(repr=False)
    receives: int = 1
    first_id: str | None = None

    @property
    def last(self) -> bool:
        """Tell whether the queue gives it up after this time."""
        return self.receives >= MOST_RECEIVES

    @property
    def again_after_s(self) -> int:
        """Return how long a message waits that a passing fault stopped, or that another with its key was ahead of."""
        return AGAIN_AFTER_S[min(self.receives, len(AGAIN_AFTER_S)) - 1]


@dataclass(frozen=True)
class Drop:
    """A file in the tenant's folder; `etag` and `size` (bytes) are known when S3 told of it, empty when a message named it."""

    key: str = field(repr=False)  # a file's name is its owner's business
    etag: str = ""
    size: int | None = None


@dataclass(frozen=True)
class IntakeItem:
    """One detection asked for: exactly one of `media_url`, `upload_id` and `drop`; with `test` it is answered from a script."""

    options: DetectOptions
    media_type: str | None = None
    media_url: str | None = field(default=None, repr=False)  # may carry a signature
    upload_id: str | None = None
    drop: Drop | None = None
    idempotency_key: str | None = field(default=None, repr=False)
    test: bool = False


@dataclass(frozen=True)
class Arrival:
    """One detection of an opened delivery; `fields` are yet to be validated, unless there is an `item` already."""

    tenant: str
    identity: str = field(repr=False)
    request_id: str
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    item: IntakeItem | None = None

    @property
    def fingerprint(self) -> str:
        """Return what tells two requests with one idempotency key apart, a hash."""
        return hashlib.sha256(json.dumps(self.fields, sort_keys=True).encode()).hexdigest()


def opened(delivery: Delivery, *, bucket: str) -> Iterator[Arrival]:
    """Yield what a delivery asks for: one detection, as a rule; nothing for what only says that something is set up.

    A body is a message of its own, an EventBridge event, or a notification of S3. Raises NotAttributable.
    """
    body = _object(delivery.body)
    if body.get("Event") == _TEST_EVENT:
        return
    if "detail-type" in body:
        yield _event(body)
    elif "Records" in body:
        yield from _dropped(body, bucket, delivery.message_id)
    else:
        identity = f"message:{delivery.first_id or delivery.message_id}"
        yield Arrival(_tenant(body.get("tenant")), identity, delivery.message_id, body)


def named_prefix(tenant: str) -> str:
    """Return the prefix of the keys that a tenant's messages may name."""
    return f"{AREA}{tenant}/{NAMED}"


def _event(body: Mapping[str, Any]) -> Arrival:
    detail, event = body.get("detail"), body.get("id")
    if body["detail-type"] != REQUESTED or not isinstance(detail, dict) or not isinstance(event, str):
        raise NotAttributable(f"an event that is no {REQUESTED}")
    return Arrival(_tenant(detail.get("tenant")), f"event:{event}", event, detail)


def _dropped(body: Mapping[str, Any], bucket: str, message_id: str) -> Iterator[Arrival]:
    try:
        found = [(r["s3"]["bucket"]["name"], r["s3"]["object"]) for r in body["Records"]]
        drops = [(name, unquote_plus(o["key"]), o["eTag"], int(o["size"]), o["sequencer"]) for name, o in found]
    except (KeyError, TypeError, ValueError) as exc:
        raise NotAttributable("records that are no notification of S3") from exc
    for name, key, etag, size, sequencer in drops:
        if name != bucket or not key.startswith(AREA):
            raise NotAttributable("a notification of another bucket or folder")
        tenant, _, path = key.removeprefix(AREA).partition("/")
        if path.startswith(NAMED) or key.endswith("/"):  # a console's empty folder is no file
            continue
        item = IntakeItem(DetectOptions(external_id=_told_by(path)), drop=Drop(key, etag, size))
        fields = {"key": key, "etag": etag, "sequencer": sequencer}
        yield Arrival(_tenant(tenant), f"drop:{key}\0{etag}\0{sequencer}", message_id, fields, item)


def _told_by(path: str) -> str:
    """The path tells the owner which file it was; one that is too long is told by its SHA-256."""
    return path if len(path) <= MAX_EXTERNAL_ID_CHARS else hashlib.sha256(path.encode()).hexdigest()


def _tenant(value: object) -> str:
    if not isinstance(value, str) or not _TENANT.fullmatch(value):
        raise NotAttributable("no tenant's name")
    return value


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise NotAttributable("no JSON") from exc
    if not isinstance(found, dict):
        raise NotAttributable("no JSON object")
    return found
