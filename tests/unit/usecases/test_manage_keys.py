"""The life of a key, and the table of administrators; the end-to-end tests have the table in DynamoDB."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from forensics.cli.admin import main
from forensics.domain.errors import Unauthenticated
from forensics.domain.keys import KEY_PATTERN, KeyRecord, checksum, hash_key, new_key, told_of, well_formed
from forensics.domain.limits import Window
from forensics.domain.plans import PLANS, Limits, limits_of
from forensics.usecases.authorize import Authorize
from forensics.usecases.manage_keys import CACHED_WINDOWS, KeyFault, ManageKeys
from tests.support.fakes import START, FakeClock


@dataclass
class Store:
    rows: dict[str, KeyRecord] = field(default_factory=dict)

    def get(self, key_hash: str) -> KeyRecord | None:
        return self.rows.get(key_hash)

    def add(self, record: KeyRecord) -> None:
        assert record.key_hash not in self.rows
        self.rows[record.key_hash] = record

    def change(self, record: KeyRecord) -> None:
        old = self.rows[record.key_hash]
        self.rows[record.key_hash] = replace(old, status=record.status, expires_at=record.expires_at)

    def all(self) -> Sequence[KeyRecord]:
        return list(self.rows.values())


@dataclass
class Stopped:
    windows: list[tuple[str, str]] = field(default_factory=list)

    def revoke(self, key_id: str, window: Window) -> None:
        self.windows.append((key_id, window.label))


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def keys(store: Store) -> ManageKeys:
    return ManageKeys(store, FakeClock(), Stopped())


@pytest.mark.parametrize("live", [True, False])
def test_a_key_can_be_told_from_noise(live: bool) -> None:
    made = {new_key(live=live) for _ in range(200)}
    assert len(made) == 200
    for key in made:
        assert KEY_PATTERN.fullmatch(key) and key.startswith("dd_live_" if live else "dd_test_") and well_formed(key)
        other = "a" if key[20] != "a" else "b"
        assert not well_formed(key[:20] + other + key[21:])
    assert not well_formed(key + "x") and not well_formed(key[:-1]) and not well_formed("")


def test_the_checksum_is_the_documented_one() -> None:
    import zlib

    body = "dd_live_0123456789abcdefghijABCDEFGHIJ01"
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    assert sum(digits.index(c) * 62**i for i, c in enumerate(reversed(checksum(body)))) == zlib.crc32(body.encode())


def test_a_key_is_shown_once_and_stored_as_its_hash(keys: ManageKeys, store: Store) -> None:
    new = keys.create(tenant="acme", plan="pro", scopes=("jobs",), name="ci", per_minute=5)
    (stored,) = store.rows.values()
    assert stored == new.record and stored.key_hash == hash_key(new.key) and new.key not in repr(new)
    assert (stored.tenant, stored.plan, stored.scopes, stored.live, stored.shown) == (
        "acme",
        "pro",
        ("jobs",),
        True,
        new.key[:12],
    )
    assert Authorize(store, FakeClock())(f"Bearer {new.key}") == stored
    assert told_of(stored) | {"key_id": ""} == {
        "tenant": "acme",
        "plan": "pro",
        "scopes": "jobs",
        "key_id": "",
        "live": "true",
        "per_minute": "5",
    }


@pytest.mark.parametrize("wrong", [{"plan": "gold"}, {"scopes": ("root",)}, {"tenant": "a/b"}, {"tenant": ""}])
def test_what_is_not_known_is_refused(keys: ManageKeys, wrong: dict[str, str]) -> None:
    with pytest.raises(KeyFault):
        keys.create(**{"tenant": "acme", "plan": "free", **wrong})  # type: ignore[arg-type]


def test_a_rotated_key_lives_beside_the_new_one_for_a_while(keys: ManageKeys, store: Store) -> None:
    old = keys.create(tenant="acme", plan="free", live=False, name="ci", per_month=7)
    new = keys.rotate(old.record.key_id, overlap=timedelta(hours=1))
    assert replace(new.record, key_hash="", shown="", created_at="") == replace(
        old.record, key_hash="", shown="", created_at=""
    )
    now = START.timestamp()
    before = store.rows[old.record.key_hash]
    assert before.in_force(now + 3500) and not before.in_force(now + 3700)
    assert new.record.in_force(now + 10**9)
    keys.rotate(old.record.key_id, overlap=timedelta(days=7))  # once more: its end does not move away
    assert not store.rows[old.record.key_hash].in_force(now + 3700)


def test_a_revoked_key_is_stopped_where_the_gateway_remembers_it(store: Store) -> None:
    stopped = Stopped()
    keys = ManageKeys(store, FakeClock(), stopped)
    new = keys.create(tenant="acme", plan="free")
    keys.revoke(new.record.key_id)
    labels = [label for key_id, label in stopped.windows if key_id == new.record.key_id]
    assert labels == ["2026-11-22T14:40", "2026-11-22T14:41", "2026-11-22T14:42"] and len(labels) == CACHED_WINDOWS
    with pytest.raises(Unauthenticated):
        Authorize(store, FakeClock())(f"Bearer {new.key}")
    with pytest.raises(KeyFault, match="not in force"):
        keys.rotate(new.record.key_id, overlap=timedelta())
    with pytest.raises(KeyFault, match="no key"):
        keys.revoke("key_unknown")


def test_a_keys_own_limits_stand_in_for_its_plans() -> None:
    assert limits_of("free") == Limits(300, 50) and limits_of("pro") == Limits(300, None)
    assert limits_of("free", per_minute=5, per_month=0) == Limits(5, 0)
    assert limits_of("a plan of the past") == limits_of("free")
    assert set(PLANS) == {"free", "pro", "internal"}


def test_the_command(keys: ManageKeys, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["keys", "create", "--tenant", "acme", "--plan", "free", "--test", "--name", "ci"], keys=keys) == 0
    key = capsys.readouterr().out.strip()
    assert well_formed(key) and key.startswith("dd_test_")
    key_id = keys.listed()[0].key_id
    assert main(["keys", "rotate", key_id, "--overlap", "30m"], keys=keys) == 0
    assert well_formed(capsys.readouterr().out.strip())
    assert main(["keys", "list", "--tenant", "acme"], keys=keys) == 0
    listed = capsys.readouterr().out
    assert len(listed.splitlines()) == 3 and key not in listed and key[:12] in listed and "ci" in listed
    monkeypatch.setattr("sys.stdin", io.StringIO(key + "\n"))
    assert main(["keys", "revoke"], keys=keys) == 0
    assert key_id in capsys.readouterr().err
    assert main(["keys", "list"], keys=keys) == 0
    assert re.search(rf"{key_id} .* revoked ", capsys.readouterr().out)
    assert main(["keys", "revoke", "key_x"], keys=keys) == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("no key\n"))
    assert main(["keys", "revoke"], keys=keys) == 2
    with pytest.raises(SystemExit):
        main(["keys", "rotate", key_id, "--overlap", "soon"], keys=keys)
