"""Who may ask the intake for what: a problem in a job for a tenant that is known, nothing for one that is not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from forensics.domain.intake import NotAttributable
from forensics.domain.keys import KeyRecord
from forensics.usecases.intake_rights import REMEMBERED_S, ReadRights, Rights, rights_of
from tests.support.fakes import FakeClock
from tests.unit.usecases.intake.conftest import MESSAGE, World


def test_an_unknown_tenant_makes_nothing(world: World) -> None:
    with pytest.raises(NotAttributable):
        world.tell({**MESSAGE, "tenant": "nobody"})
    assert world.all == [] and world.records.rows == {}


@pytest.mark.parametrize(
    ("more", "code", "pointer"),
    [
        ({"media_url": None}, "invalid-request", None),
        ({"upload_id": "upload_1"}, "invalid-request", None),
        ({"retain": "yes"}, "invalid-request", "/retain"),
        ({"more": 1}, "invalid-request", "/more"),
        ({"media_url": None, "key": "intake/rival/named/a.wav"}, "invalid-request", "/key"),
        ({"media_url": None, "key": "intake/acme/a.wav"}, "invalid-request", "/key"),
        ({"callback_url": "https://internal/"}, "media-url-forbidden", None),
        ({"media_url": None, "upload_id": "upload_unknown"}, "upload-not-found", None),
        ({"media_url": None, "key": "intake/acme/named/gone.wav"}, "upload-not-found", None),
    ],
)
def test_a_bad_request_is_a_failed_job(world: World, more: dict[str, Any], code: str, pointer: str | None) -> None:
    for _ in range(2):
        world.tell({**MESSAGE, **more})
    assert (world.code(), world.only.options.external_id, world.sent()) == (code, "m1", [])
    assert world.only.options.callback_url is None
    pointers = [error["pointer"] for error in world.only.document["error"].get("errors", [])]
    assert pointers == ([pointer] if pointer else [])


def test_beyond_the_month_it_fails_with_the_problem(world: World) -> None:
    world.month.room = 0
    world.tell(MESSAGE)
    assert (world.code(), world.only.document["retention"]["deleted_at"]) == (
        "quota-exceeded",
        world.only.document["completed_at"],
    )


def test_a_tenant_without_a_living_key_may_ask_for_nothing(world: World) -> None:
    world.rights["acme"] = Rights(live=False, test=False)
    world.tell(MESSAGE)
    assert world.code() == "forbidden"


def test_the_rights_of_a_tenant_are_those_of_its_living_keys() -> None:
    free = KeyRecord("h1", "acme", "free", ("detect",), "active")
    pro, scripted = replace(free, plan="pro"), replace(free, live=False)
    assert rights_of([]) == Rights(live=False, test=False)
    assert rights_of([scripted]) == Rights(live=False, test=True)
    assert rights_of([free, replace(free, per_month=70), scripted]) == Rights(live=True, test=True, per_month=70)
    assert rights_of([free, pro]).per_month is None


def test_rights_are_remembered_for_a_minute_and_nobodys_are_not() -> None:
    @dataclass
    class Keys:
        found: list[KeyRecord] = field(default_factory=list)

        def of(self, tenant: str) -> list[KeyRecord]:
            return self.found

    keys, clock = Keys(), FakeClock()
    read = ReadRights(keys, clock)
    assert read("acme") is None
    keys.found = [
        KeyRecord("h", "acme", "free", ("detect",), "active"),
        KeyRecord("i", "acme", "pro", ("jobs",), "active"),
    ]
    assert read("acme") == Rights(live=True, test=True, per_month=50)
    keys.found = [replace(key, status="revoked") for key in keys.found]
    assert read("acme") == Rights(live=True, test=True, per_month=50)
    clock.ticks[0] += int(REMEMBERED_S * 10)
    assert read("acme") == Rights(live=False, test=False)
