"""What was used, counted exactly in DynamoDB: calls by key and minute, detections by tenant and month.

One table, partition `owner`, sort key `entry`:

    key#<key id>       minute#<2026-11-23T00:07>   used, revoked
    tenant#<tenant>    month#<2026-11>             used, image, audio, video
    tenant#<tenant>    charge#<job id>             month, medium, state (held | released), charged (its hour, while held)
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from forensics.domain.errors import ServiceUnavailable
from forensics.domain.limits import MonthUse, Taken, Window
from forensics.store.charges import CHARGE, TENANT, charged_in

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]

KEEP_MINUTES = timedelta(hours=1)
KEEP_MONTHS = timedelta(days=400)
KEEP_CHARGES = timedelta(days=40)  # longer than any job lives
ATTEMPTS = 12
BACKOFF_S = 0.02  # doubled with every try, of which a random part is waited
LONGEST_BACKOFF_S = 0.5
BATCH = 50  # jobs in one transaction, which takes 100 actions
PASSING = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
RACED = "ConditionalCheckFailed"


@dataclass(frozen=True)
class DynamoCounters:
    """Counts by conditional writes: no reader can see, and no writer can pass, more than a quota."""

    client: Callable[[], DynamoDBClient]
    table: str
    sleep: Callable[[float], None] = time.sleep
    now_s: Callable[[], float] = time.time

    def take(self, key_id: str, window: Window, *, quota: int) -> Taken:
        """Count one call of a key, unless that would be more than `quota` in the window, or the key was revoked."""
        client = self.client()
        room = "attribute_not_exists(used) OR used < :quota" if quota > 0 else "used < :quota"
        try:
            answer = client.update_item(
                TableName=self.table,
                Key=_minute(key_id, window),
                UpdateExpression="ADD used :one SET expires_at = :expires",
                ConditionExpression=f"attribute_not_exists(revoked) AND ({room})",
                ExpressionAttributeValues={
                    ":one": _n(1),
                    ":quota": _n(quota),
                    ":expires": _until(window, KEEP_MINUTES),
                },
                ReturnValues="UPDATED_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except client.exceptions.ConditionalCheckFailedException as refused:
            old: Mapping[str, Any] = refused.response.get("Item") or {}  # type: ignore[assignment]
            return Taken(used=_int(old, "used"), allowed=False, revoked="revoked" in old)
        return Taken(used=_int(answer["Attributes"], "used"), allowed=True)

    def minute_used(self, key_id: str, window: Window) -> int:
        return _int(self._read(_minute(key_id, window)), "used")

    def month_used(self, tenant: str, window: Window) -> MonthUse:
        row = self._read(_month(tenant, window.label))
        return MonthUse(
            _int(row, "used"), {name: _int(row, name) for name in ("image", "audio", "video") if name in row}
        )

    def revoke(self, key_id: str, window: Window) -> None:
        """Let no call of the key pass in the window, whatever the gateway remembers of the key."""
        self.client().update_item(
            TableName=self.table,
            Key=_minute(key_id, window),
            UpdateExpression="SET revoked = :yes, expires_at = :expires",
            ExpressionAttributeValues={":yes": {"BOOL": True}, ":expires": _until(window, KEEP_MINUTES)},
        )

    def charge(
        self, tenant: str, job_ids: Sequence[str], window: Window, *, medium: str | None, quota: int | None
    ) -> bool:
        """Count each job once, however often it is asked; False, with nothing counted, when they are too many for `quota`."""
        counted: list[str] = []
        for at in range(0, len(job_ids), BATCH):
            batch = list(job_ids[at : at + BATCH])
            if not self._charge(tenant, batch, window, medium=medium, quota=quota):
                for job_id in counted:
                    self.give_back(tenant, job_id)
                return False
            counted += batch
        return True

    def give_back(self, tenant: str, job_id: str) -> bool:
        """Undo a job's charge; False when there is none, or none any more."""
        charge = self._read(_charge(tenant, job_id))
        if charge.get("state", {}).get("S") != "held":
            return False
        release = {
            "TableName": self.table,
            "Key": _charge(tenant, job_id),
            "UpdateExpression": "SET #s = :released REMOVE charged",
            "ConditionExpression": "#s = :held",
            "ExpressionAttributeNames": {"#s": "state"},
            "ExpressionAttributeValues": {":released": {"S": "released"}, ":held": {"S": "held"}},
        }
        medium = charge.get("medium", {}).get("S")
        less = self._count(tenant, charge["month"]["S"], -1, medium=medium)
        return not self._transact([{"Update": release}, {"Update": less}])

    def _charge(
        self, tenant: str, job_ids: list[str], window: Window, *, medium: str | None, quota: int | None
    ) -> bool:
        fresh = job_ids
        while fresh:
            if quota is not None and quota < len(fresh):
                return False
            puts = [{"Put": self._held(tenant, job_id, window, medium)} for job_id in fresh]
            count = self._count(tenant, window.label, len(fresh), medium=medium, quota=quota, window=window)
            reasons = self._transact([*puts, {"Update": count}])
            if not reasons:
                return True
            known = {job for job, reason in zip(fresh, reasons, strict=False) if reason == RACED}
            if not known:
                return False
            fresh = [job for job in fresh if job not in known]  # charged by an earlier attempt: not again
        return True

    def _held(self, tenant: str, job_id: str, window: Window, medium: str | None) -> Item:
        item: Item = {
            **_charge(tenant, job_id),
            "state": {"S": "held"},
            "month": {"S": window.label},
            "charged": {"S": charged_in(datetime.fromtimestamp(self.now_s(), UTC), job_id)},
            "expires_at": _until(window, KEEP_CHARGES),
        }
        return {
            "TableName": self.table,
            "Item": item | ({"medium": {"S": medium}} if medium else {}),
            "ConditionExpression": "attribute_not_exists(entry) OR #s = :released",
            "ExpressionAttributeNames": {"#s": "state"},
            "ExpressionAttributeValues": {":released": {"S": "released"}},
        }

    def _count(
        self,
        tenant: str,
        month: str,
        number: int,
        *,
        medium: str | None,
        quota: int | None = None,
        window: Window | None = None,
    ) -> Item:
        update: Item = {"TableName": self.table, "Key": _month(tenant, month)}
        names = ["used :n", *(["#medium :n"] if medium else [])]
        values: Item = {":n": _n(number)}
        expression = f"ADD {', '.join(names)}"
        if window is not None:
            expression += " SET expires_at = :expires"
            values[":expires"] = _until(window, KEEP_MONTHS)
        if quota is not None:
            update["ConditionExpression"] = "attribute_not_exists(used) OR used <= :room"
            values[":room"] = _n(quota - number)
        if medium:
            update["ExpressionAttributeNames"] = {"#medium": medium}
        return update | {"UpdateExpression": expression, "ExpressionAttributeValues": values}

    def _transact(self, actions: list[Item]) -> list[str]:
        """Return why the transaction was refused, action by action; empty when it was done.

        Several calls of one tenant at once collide on its month and are tried again; raises ServiceUnavailable at last. A
        retry after a lost answer is the same transaction to DynamoDB: botocore sends a token with it.
        """
        client = self.client()
        for attempt in range(ATTEMPTS):
            try:
                client.transact_write_items(TransactItems=actions)  # type: ignore[arg-type]
            except client.exceptions.TransactionCanceledException as refused:
                reasons = [str(r.get("Code", "None")) for r in refused.response.get("CancellationReasons", [])]
                if not PASSING.intersection(reasons):
                    return reasons
                self.sleep(random.uniform(0, min(LONGEST_BACKOFF_S, BACKOFF_S * 2**attempt)))  # full jitter
            else:
                return []
        raise ServiceUnavailable("Too many detections began at once. Try again.", headers={"Retry-After": "1"})

    def _read(self, key: Item) -> Mapping[str, Any]:
        found = self.client().get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return found.get("Item") or {}


def _minute(key_id: str, window: Window) -> Item:
    return {"owner": {"S": f"key#{key_id}"}, "entry": {"S": f"minute#{window.label}"}}


def _month(tenant: str, label: str) -> Item:
    return {"owner": {"S": TENANT + tenant}, "entry": {"S": f"month#{label}"}}


def _charge(tenant: str, job_id: str) -> Item:
    return {"owner": {"S": TENANT + tenant}, "entry": {"S": CHARGE + job_id}}


def _until(window: Window, keep: timedelta) -> Item:
    return _n(int((window.ends_at + keep).timestamp()))


def _n(value: int) -> Item:
    return {"N": str(value)}


def _int(row: Mapping[str, Any], name: str) -> int:
    return int(row.get(name, {}).get("N", 0))
