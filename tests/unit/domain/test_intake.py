"""Opening what other systems send: three forms, whom each is for, and the identity that it keeps."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from forensics.domain.intake import MOST_RECEIVES, Arrival, Delivery, NotAttributable, opened

MESSAGE = {"tenant": "acme", "media_url": "https://example.org/a.jpg"}
EVENT = {"version": "0", "id": "e-1", "source": "cms", "detail-type": "detection.requested", "detail": MESSAGE}


def notification(key: str = "intake/acme/a+b%2Bc.png", *, bucket: str = "media", **more: Any) -> dict[str, Any]:
    told = {"key": key, "size": 10, "eTag": "e1", "sequencer": "01", **more}
    return {"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": bucket}, "object": told}}]}


def delivery(body: Any, **more: Any) -> Delivery:
    return Delivery("m-1", body if isinstance(body, str) else json.dumps(body), **more)


def only(body: Any, **more: Any) -> Arrival:
    (arrival,) = opened(delivery(body, **more), bucket="media")
    return arrival


def test_a_message_is_known_by_its_first_id() -> None:
    arrival = only(MESSAGE)
    assert (arrival.tenant, arrival.identity, arrival.fields) == ("acme", "message:m-1", MESSAGE)
    assert only(MESSAGE, first_id="m-0").identity == "message:m-0"
    assert only(MESSAGE).fingerprint == only(dict(reversed(MESSAGE.items()))).fingerprint
    assert only(MESSAGE).fingerprint != only({**MESSAGE, "retain": True}).fingerprint


def test_an_event_is_known_by_its_id() -> None:
    arrival = only(EVENT)
    assert (arrival.tenant, arrival.identity, arrival.request_id, arrival.fields) == (
        "acme",
        "event:e-1",
        "e-1",
        MESSAGE,
    )


def test_a_dropped_file_is_known_by_key_etag_and_turn() -> None:
    arrival = only(notification())
    assert arrival.item is not None and arrival.item.drop is not None
    assert (arrival.tenant, arrival.item.drop.key, arrival.item.drop.etag) == ("acme", "intake/acme/a b+c.png", "e1")
    assert arrival.item.options.external_id == "a b+c.png"
    others = [
        only(notification(eTag="e2")),
        only(notification(sequencer="02")),
        only(notification("intake/acme/b.png")),
    ]
    assert len({arrival.identity, *(other.identity for other in others)}) == 4


def test_a_long_path_is_told_by_its_hash() -> None:
    long = only(notification(f"intake/acme/{'a' * 65}"))
    assert long.item is not None and len(long.item.options.external_id or "") == 64
    assert set(long.item.options.external_id or "") != {"a"}


@pytest.mark.parametrize(
    "body",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "media"},
        notification("intake/acme/named/waits.png"),
        notification("intake/acme/2026/", size=0),
    ],
)
def test_what_asks_for_nothing_is_passed_over(body: Any) -> None:
    assert list(opened(delivery(body), bucket="media")) == []


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        "[" * 100_000,
        "[]",
        {},
        {"tenant": 7},
        {"tenant": "../acme"},
        {**EVENT, "detail-type": "detection.completed"},
        {**EVENT, "detail": "acme"},
        {**EVENT, "detail": {}},
        {"Records": [{}]},
        {"Records": 5},
        notification(bucket="another"),
        notification("media/acme/job_1"),
        notification("intake/a.png"),
        notification(size="many"),
    ],
)
def test_what_names_nobody_is_not_attributable(body: Any) -> None:
    with pytest.raises(NotAttributable) as raised:
        list(opened(delivery(body), bucket="media"))
    assert "acme" not in str(raised.value)


def test_the_last_time_is_the_queues_limit() -> None:
    first = delivery(MESSAGE)
    assert not first.last and replace(first, receives=MOST_RECEIVES).last
    assert "example.org" not in repr(first) + repr(only(MESSAGE)) + repr(only(notification()))
