from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from forensics.domain.events import MAX_DATA_BYTES, SHORTENED, EventType, event_id, fitted
from forensics.domain.webhooks import (
    JITTER,
    KEPT_ATTEMPTS,
    MAX_ATTEMPTS,
    MAX_RETRY_AFTER_S,
    RETRY_DELAYS_S,
    Attempt,
    Delivery,
    DeliveryStatus,
    Endpoint,
    new_secret,
    retry_delay_s,
    signed_headers,
)

NOW = datetime(2026, 11, 22, 14, 40, tzinfo=UTC)
ENDPOINT = Endpoint("acme", "whe_1", "https://example.org", (EventType.DETECTION_FAILED,), "", NOW, "sealed")
DELIVERY = Delivery("acme", "whe_1", "dlv_1", "evt_1", EventType.DETECTION_FAILED, "job_1", NOW)
REFUSED = Attempt(NOW, 500, None, 12)


def test_the_schedule_is_the_contracts() -> None:
    assert RETRY_DELAYS_S == (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
    assert MAX_ATTEMPTS == 10


@pytest.mark.parametrize(("spread", "factor"), [(-1, 1 - JITTER), (0, 1), (1, 1 + JITTER)])
def test_jitter_stays_within_its_bounds(spread: float, factor: float) -> None:
    assert [retry_delay_s(made, spread=spread) for made in range(1, 10)] == [d * factor for d in RETRY_DELAYS_S]


@pytest.mark.parametrize(("asked", "waited"), [(None, 5), (3.0, 5), (90.0, 90), (10**9, MAX_RETRY_AFTER_S)])
def test_retry_after_only_lengthens_the_wait(asked: float | None, waited: float) -> None:
    assert retry_delay_s(1, spread=0, retry_after_s=asked) == waited


def test_a_secret_has_the_form_of_the_standard() -> None:
    assert new_secret(bytes(range(32))) == "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    with pytest.raises(ValueError, match="32 random bytes"):
        new_secret(b"short")


def test_both_secrets_sign_until_the_overlap_ends() -> None:
    until = NOW + timedelta(hours=24)
    rotated = Endpoint(**{**ENDPOINT.__dict__, "sealed_previous": "old", "previous_until": until})
    assert ENDPOINT.sealed_secrets(NOW) == ("sealed",)
    assert rotated.sealed_secrets(until - timedelta(seconds=1)) == ("sealed", "old")
    assert rotated.sealed_secrets(until) == ("sealed",)
    headers = signed_headers(
        [new_secret(bytes(32)), new_secret(bytes(range(32)))], webhook_id="a", timestamp=1, body=b""
    )
    assert len(headers["webhook-signature"].split(" ")) == 2


def test_a_delivery_ends_with_success_or_with_its_last_attempt() -> None:
    later = NOW + timedelta(seconds=5)
    tried = DELIVERY.after(REFUSED, next_attempt_at=later)
    assert (tried.status, tried.made, tried.next_attempt_at) == (DeliveryStatus.PENDING, 1, later)
    assert DELIVERY.after(Attempt(NOW, 204, None, 3), next_attempt_at=None).status is DeliveryStatus.DELIVERED
    ended = DELIVERY.after(REFUSED, next_attempt_at=None)
    assert (ended.status, ended.exhausted) == (DeliveryStatus.FAILED, False)
    for number in range(MAX_ATTEMPTS):
        ended = DELIVERY if number == 0 else ended
        attempt = Attempt(NOW + timedelta(hours=number), 500, None, 1)
        ended = ended.after(attempt, next_attempt_at=None if number == MAX_ATTEMPTS - 1 else later)
    assert ended.exhausted and ended.run_began_at == NOW


def test_a_replay_begins_a_run_and_keeps_the_log_short() -> None:
    again = DELIVERY.after(REFUSED, next_attempt_at=None).replayed()
    assert (again.status, again.run, again.made, len(again.attempts)) == (DeliveryStatus.PENDING, 2, 0, 1)
    for _ in range(KEPT_ATTEMPTS + 5):
        again = again.after(REFUSED, next_attempt_at=NOW)
    assert len(again.attempts) == KEPT_ATTEMPTS


def test_an_events_id_depends_on_what_it_tells_alone() -> None:
    told = event_id(EventType.DETECTION_DELETED, "acme", "job_1", part="media")
    assert told == event_id(EventType.DETECTION_DELETED, "acme", "job_1", part="media")
    others = {
        event_id(EventType.DETECTION_DELETED, "acme", "job_1", part="job"),
        event_id(EventType.DETECTION_FAILED, "acme", "job_1", part="media"),
        event_id(EventType.DETECTION_DELETED, "rival", "job_1", part="media"),
    }
    assert len({told, *others}) == 4 and len(told) == 30


def test_an_event_that_is_too_large_gives_up_its_lists_and_says_so() -> None:
    small = {"verdict": "synthetic", "regions": [{"x": 1}], "warnings": ["w"]}
    assert fitted(small) == small
    large = {**small, "regions": ["r" * MAX_DATA_BYTES], "flagged_segments": [{"start": 0}]}
    cut = fitted(large)
    assert (cut["regions"], cut["flagged_segments"], cut["verdict"]) == ([], [{"start": 0}], "synthetic")
    assert cut["warnings"] == ["w", SHORTENED] and large["regions"]
