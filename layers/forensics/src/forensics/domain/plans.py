"""The plans, in one table: what a key may ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Requests a minute per key, all of which may come at once, and detections a month per tenant (None: no limit)."""

    name: str
    per_minute: int
    per_month: int | None


PLANS = {
    plan.name: plan
    for plan in (
        Plan("free", per_minute=300, per_month=50),
        Plan("pro", per_minute=300, per_month=None),
        Plan("internal", per_minute=100_000, per_month=None),  # one's own tools on one's own installation
    )
}
DEFAULT_PLAN = PLANS["free"]


@dataclass(frozen=True)
class Limits:
    """What holds for one key: its plan's limits, or its own."""

    per_minute: int
    per_month: int | None


def limits_of(name: str, *, per_minute: int | None = None, per_month: int | None = None) -> Limits:
    """Return the limits of a key with this plan and perhaps its own; an unknown plan counts as the default one."""
    plan = PLANS.get(name, DEFAULT_PLAN)
    return Limits(
        per_minute=plan.per_minute if per_minute is None else per_minute,
        per_month=plan.per_month if per_month is None else per_month,
    )
