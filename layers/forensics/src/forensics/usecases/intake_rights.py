"""What a tenant may do whose messages bear no key: as much as the keys that it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from forensics.domain.keys import KeyRecord
from forensics.domain.plans import limits_of
from forensics.usecases.ports import Clock

REMEMBERED_S = 60.0  # as long as the gateway remembers a key: a revoked one ends here as soon as there
SCOPE = "detect"


class KeysOfTenant(Protocol):
    def of(self, tenant: str) -> Sequence[KeyRecord]:
        """Return all of the tenant's keys, dead ones too."""
        ...


@dataclass(frozen=True)
class Rights:
    """Whether detections may be asked for, `live` ones and `test` ones, and how many in a month (None: no limit)."""

    live: bool
    test: bool
    per_month: int | None = 0


@dataclass(frozen=True)
class ReadRights:
    """Reads the rights of a tenant, and remembers them for a minute."""

    keys: KeysOfTenant
    clock: Clock
    remembered: dict[str, tuple[float, Rights]] = field(default_factory=dict)

    def __call__(self, tenant: str) -> Rights | None:
        """Return the tenant's rights, None when there never was such a tenant."""
        now_s = self.clock.now().timestamp()
        read_at_s, rights = self.remembered.get(tenant, (0.0, None))
        if rights is not None and now_s - read_at_s < REMEMBERED_S:
            return rights
        keys = self.keys.of(tenant)
        if not keys:  # not remembered: it may be made in the next moment
            return None
        rights = rights_of([key for key in keys if key.in_force(now_s) and SCOPE in key.scopes])
        self.remembered[tenant] = (now_s, rights)
        return rights


def rights_of(keys: Sequence[KeyRecord]) -> Rights:
    """Return what keys in force allow together: of several live ones the most generous month counts."""
    months = [limits_of(key.plan, per_month=key.per_month).per_month for key in keys if key.live]
    if not months:
        return Rights(live=False, test=bool(keys))
    known = [month for month in months if month is not None]
    return Rights(live=True, test=True, per_month=max(known) if len(known) == len(months) else None)
