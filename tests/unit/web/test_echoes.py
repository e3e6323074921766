"""A caller's own words are put back from the call that asks again, and are not kept with the answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from forensics.domain.idempotency import Answer
from forensics.web.echoes import with_words, without_words

FEEDBACK = (
    {"label": "authentic", "comment": "taken by hand"},
    {"job_id": "job_1", "label": "authentic", "comment": "taken by hand", "given_at": "2026-11-23T00:00:00Z"},
)
BATCH = (
    {"items": [{"media_url": "https://example.org/", "external_id": "order-7"}, {"upload_id": "u"}]},
    {"batch_id": "batch_1", "jobs": [{"job_id": "a", "external_id": "order-7"}, {"job_id": "b", "external_id": None}]},
)


def answer(told: Any, status: int = 201) -> Answer:
    return Answer(status, {"location": "/x"}, json.dumps(told, separators=(",", ":")).encode())


@pytest.mark.parametrize(("asked", "told"), [FEEDBACK, BATCH], ids=["feedback", "batch"])
def test_words_go_and_come_back(asked: dict[str, Any], told: dict[str, Any]) -> None:
    request = json.dumps(asked).encode()
    kept = without_words(answer(told), request)
    assert kept.body is not None and b"order-7" not in kept.body and b"by hand" not in kept.body
    assert with_words(kept, request) == answer(told)


@pytest.mark.parametrize(
    ("told", "request_body", "status"),
    [
        ({"code": "invalid-request", "comment": "a"}, b'{"comment": "a"}', 400),  # a problem is no echo
        ({"upload_id": "u", "url": "https://example.org/"}, b'{"size": 1}', 201),
        ({"job_id": "a", "external_id": "b"}, b"--boundary", 202),  # a form's detection: its job knows the words
        (["no", "object"], b"{}", 200),
    ],
)
def test_every_other_answer_stays_as_it_is(told: Any, request_body: bytes, status: int) -> None:
    assert without_words(answer(told, status), request_body) == answer(told, status)
    assert with_words(answer(told, status), request_body) == answer(told, status)


def test_an_answer_without_a_body_has_none_afterwards() -> None:
    assert with_words(Answer(204, {}, None), b"{}") == Answer(204, {}, None)
