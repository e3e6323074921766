"""The life of an API key: made, listed, replaced, revoked; for administrators, never over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from forensics.domain.job import timestamp
from forensics.domain.keys import ACTIVE, REVOKED, SCOPES, SHOWN_CHARS, KeyRecord, hash_key, new_key
from forensics.domain.limits import Window, minute_window
from forensics.domain.plans import PLANS
from forensics.usecases.ports import Clock

CACHED_WINDOWS = 3  # minutes in which the gateway may still remember a key that it has just checked


class KeyFault(ValueError):
    """What was asked for cannot be done; the text says why."""


class KeyStore(Protocol):
    def add(self, record: KeyRecord) -> None: ...

    def change(self, record: KeyRecord) -> None:
        """Store status and end of a key that exists."""
        ...

    def all(self) -> Sequence[KeyRecord]: ...


class StopsKeys(Protocol):
    def revoke(self, key_id: str, window: Window) -> None: ...


@dataclass(frozen=True)
class NewKey:
    """A key as it is shown, once, and what is stored of it."""

    key: str = field(repr=False)
    record: KeyRecord


@dataclass(frozen=True)
class ManageKeys:
    """`counters` stops a revoked key at its very next call; without it the gateway's cache forgets the key within 60 s."""

    keys: KeyStore
    clock: Clock
    counters: StopsKeys | None = None
    make: Callable[[bool], str] = field(default=lambda live: new_key(live=live))

    def create(
        self,
        *,
        tenant: str,
        plan: str,
        live: bool = True,
        scopes: Sequence[str] = SCOPES,
        name: str = "",
        per_minute: int | None = None,
        per_month: int | None = None,
    ) -> NewKey:
        """Return a new key; raises KeyFault for an unknown plan or scope, or a tenant that is no plain name."""
        if plan not in PLANS:
            raise KeyFault(f"there is no plan {plan!r}; there are {', '.join(PLANS)}")
        if unknown := set(scopes) - set(SCOPES):
            raise KeyFault(f"there is no scope {', '.join(sorted(unknown))}; there are {', '.join(SCOPES)}")
        if not tenant.isascii() or not tenant.replace("-", "").replace("_", "").isalnum():
            raise KeyFault("a tenant is named by letters, digits, - and _: its name is part of paths in the bucket")
        record = KeyRecord("", tenant, plan, tuple(scopes), ACTIVE, live, None, per_minute, per_month, name=name)
        return self._add(record)

    def listed(self, tenant: str | None = None) -> list[KeyRecord]:
        """Return the keys of a tenant, or all, the oldest first."""
        found = [record for record in self.keys.all() if tenant in (None, record.tenant)]
        return sorted(found, key=lambda record: (record.tenant, record.created_at, record.key_id))

    def rotate(self, key_id: str, *, overlap: timedelta) -> NewKey:
        """Return a key like the one named, which dies when the overlap is over; raises KeyFault when it is dead already."""
        old, now = self._found(key_id), self.clock.now()
        if not old.in_force(now.timestamp()):
            raise KeyFault(f"{key_id} is not in force")
        new = self._add(old)
        self._end(old, at_s=int((now + overlap).timestamp()))
        return new

    def revoke(self, key_id: str) -> KeyRecord:
        """Return the key, dead from now on; doing it twice is harmless. Raises KeyFault for an unknown id."""
        revoked = replace(self._found(key_id), status=REVOKED)
        self.keys.change(revoked)
        now = self.clock.now()
        for ahead in range(CACHED_WINDOWS if self.counters else 0):
            assert self.counters is not None
            self.counters.revoke(key_id, minute_window(now + timedelta(minutes=ahead)))
        return revoked

    def _end(self, old: KeyRecord, *, at_s: int) -> None:
        sooner = at_s if old.expires_at is None else min(at_s, old.expires_at)
        self.keys.change(replace(old, expires_at=sooner))

    def _add(self, like: KeyRecord) -> NewKey:
        key = self.make(like.live)
        made = timestamp(self.clock.now())
        record = replace(like, key_hash=hash_key(key), shown=key[:SHOWN_CHARS], created_at=made, expires_at=None)
        self.keys.add(record)
        return NewKey(key, record)

    def _found(self, key_id: str) -> KeyRecord:
        for record in self.keys.all():
            if record.key_id == key_id:
                return record
        raise KeyFault(f"there is no key {key_id}")
