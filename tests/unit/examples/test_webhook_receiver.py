"""The published vectors: the example receiver believes what it should and says why it does not, and we sign as they do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from examples.webhook_receiver import NotOurs, verify
from forensics.domain.webhooks import sign

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).resolve().parents[2] / "fixtures/webhook_vectors.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_receiver_judges_as_the_vectors_say(vector: dict[str, Any]) -> None:
    def judge() -> None:
        verify(vector["secret"], vector["headers"], vector["body"].encode(), now=vector["now"])

    if vector["valid"]:
        judge()
    else:
        with pytest.raises(NotOurs, match=f"^{vector['error']}$"):
            judge()


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["valid"]], ids=lambda vector: vector["name"])
def test_we_sign_as_the_valid_vectors(vector: dict[str, Any]) -> None:
    headers = vector["headers"]
    made = sign(
        vector["secret"],
        webhook_id=headers["webhook-id"],
        timestamp=int(headers["webhook-timestamp"]),
        body=vector["body"].encode(),
    )
    assert made in headers["webhook-signature"].split(" ")


def test_the_vectors_are_all_there() -> None:
    assert len(VECTORS) >= 14
    assert {v["error"] for v in VECTORS} == {
        None,
        "timestamp_too_old",
        "timestamp_too_new",
        "invalid_timestamp",
        "missing_header",
        "no_matching_signature",
    }
