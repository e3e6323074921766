"""What an answer only repeats of its request is not remembered with it: whoever asks again brings it again.

Calls with one Idempotency-Key have the same content, so a caller's own words can be put back from the call that is being
answered. Remembered apart from their jobs, they would outlive a DELETE.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from forensics.domain.idempotency import Answer

JsonObject = dict[str, Any]


def without_words(answer: Answer, request_body: bytes) -> Answer:
    """Return the answer with the caller's words left out; only those that the request's JSON holds as they are."""
    return _with(answer, request_body, known=True)


def with_words(answer: Answer, request_body: bytes) -> Answer:
    """Return a remembered answer with the words of the request that asks for it again."""
    return _with(answer, request_body, known=False)


def _with(answer: Answer, request_body: bytes, *, known: bool) -> Answer:
    told, asked = _object(answer.body), _object(request_body)
    if told is None or asked is None or not 200 <= answer.status < 300:
        return answer
    for mine, theirs, name in _pairs(told, asked):
        if known and mine[name] == theirs.get(name):
            mine[name] = None
        elif not known and mine[name] is None:
            mine[name] = theirs.get(name)
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    return replace(answer, body=body)


def _pairs(told: JsonObject, asked: JsonObject) -> Iterator[tuple[JsonObject, JsonObject, str]]:
    """Yield what repeats what: a batch's lines their items, feedback its body."""
    items = asked.get("items")
    if "batch_id" in told and isinstance(items, list):
        yield from ((line, item, "external_id") for line, item in zip(told["jobs"], items, strict=True))
    elif "comment" in told:
        yield told, asked, "comment"


def _object(body: bytes | None) -> JsonObject | None:
    try:
        found = json.loads(body or b"")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
