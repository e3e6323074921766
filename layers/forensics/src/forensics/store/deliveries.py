"""Events that have receivers, and the log of their deliveries, in the table of the endpoints."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from forensics.domain.events import Event, EventType
from forensics.domain.webhooks import Attempt, Delivery, DeliveryStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]


@dataclass(frozen=True)
class DynamoDeliveries:
    """The DeliveryStore over one table; `ttl_days` after an event its rows are gone, as the results are."""

    client: Callable[[], DynamoDBClient]
    table: str
    ttl_days: int

    def keep_event(self, event: Event) -> None:
        moment = datetime.fromisoformat(event.timestamp)
        detail = {"detail": {"S": json.dumps(event.detail())}}
        self._put_new({**_key(event.tenant, f"event#{event.event_id}"), **detail, **self._expiry(moment)})

    def event(self, tenant: str, event_id: str) -> Event | None:
        key = _key(tenant, f"event#{event_id}")
        item = self.client().get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return Event.from_detail(json.loads(item["detail"]["S"])) if item else None

    def forget_events(self, tenant: str, event_ids: Sequence[str]) -> None:
        for event_id in event_ids:
            self.client().delete_item(TableName=self.table, Key=_key(tenant, f"event#{event_id}"))

    def add(self, delivery: Delivery) -> None:
        self._put_new(self._item(delivery))

    def get(self, tenant: str, endpoint_id: str, delivery_id: str) -> Delivery | None:
        key = _key(tenant, _sort(endpoint_id, delivery_id))
        item = self.client().get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return _delivery(item) if item else None

    def advance(self, before: Delivery, after: Delivery) -> bool:
        client = self.client()
        try:
            client.put_item(
                TableName=self.table,
                Item=self._item(after),
                ConditionExpression="run = :run AND made = :made AND #status = :status",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    ":run": {"N": str(before.run)},
                    ":made": {"N": str(before.made)},
                    ":status": {"S": before.status.value},
                },
            )
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def page(
        self, tenant: str, endpoint_id: str, *, limit: int, before_id: str | None
    ) -> tuple[list[Delivery], str | None]:
        # "~" sorts behind every character of an id.
        bounds = {":low": _sort(endpoint_id, ""), ":high": _sort(endpoint_id, before_id or "~")}
        found = self.client().query(
            TableName=self.table,
            KeyConditionExpression="tenant = :tenant AND #item BETWEEN :low AND :high",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues={":tenant": {"S": tenant}, **{k: {"S": v} for k, v in bounds.items()}},
            ScanIndexForward=False,
            Limit=limit + 2,  # one more tells whether there are more, and the bound itself is among them
        )
        rows = [delivery for delivery in map(_delivery, found["Items"]) if delivery.delivery_id != before_id]
        shown = rows[:limit]
        return shown, shown[-1].delivery_id if len(rows) > limit else None

    def _put_new(self, item: Item) -> None:
        client = self.client()
        try:
            client.put_item(
                TableName=self.table,
                Item=item,
                ConditionExpression="attribute_not_exists(#item)",
                ExpressionAttributeNames={"#item": "item"},
            )
        except client.exceptions.ConditionalCheckFailedException:
            return  # told twice: what is there may have moved on

    def _item(self, delivery: Delivery) -> Item:
        texts = {
            "endpoint_id": delivery.endpoint_id,
            "delivery_id": delivery.delivery_id,
            "event_id": delivery.event_id,
            "event_type": delivery.event_type.value,
            "subject": delivery.subject,
            "created_at": delivery.created_at.isoformat(),
            "status": delivery.status.value,
            "attempts": json.dumps([[a.at.isoformat(), a.status, a.error, a.ms] for a in delivery.attempts]),
        }
        numbers = {"run": delivery.run, "made": delivery.made}
        return {
            **_key(delivery.tenant, _sort(delivery.endpoint_id, delivery.delivery_id)),
            **{name: {"S": value} for name, value in texts.items()},
            **{name: {"N": str(value)} for name, value in numbers.items()},
            **({"next_attempt_at": {"S": delivery.next_attempt_at.isoformat()}} if delivery.next_attempt_at else {}),
            **self._expiry(delivery.created_at),
        }

    def _expiry(self, moment: datetime) -> Item:
        return {"expires_at": {"N": str(int((moment + timedelta(days=self.ttl_days)).timestamp()))}}


def _key(tenant: str, item: str) -> Item:
    return {"tenant": {"S": tenant}, "item": {"S": item}}


def _sort(endpoint_id: str, delivery_id: str) -> str:
    return f"delivery#{endpoint_id}#{delivery_id}"


def _delivery(item: Mapping[str, Any]) -> Delivery:
    next_attempt = item.get("next_attempt_at", {}).get("S")
    return Delivery(
        tenant=item["tenant"]["S"],
        endpoint_id=item["endpoint_id"]["S"],
        delivery_id=item["delivery_id"]["S"],
        event_id=item["event_id"]["S"],
        event_type=EventType(item["event_type"]["S"]),
        subject=item["subject"]["S"],
        created_at=datetime.fromisoformat(item["created_at"]["S"]),
        status=DeliveryStatus(item["status"]["S"]),
        run=int(item["run"]["N"]),
        made=int(item["made"]["N"]),
        next_attempt_at=datetime.fromisoformat(next_attempt) if next_attempt else None,
        attempts=tuple(
            Attempt(datetime.fromisoformat(at), status, error, ms)
            for at, status, error, ms in json.loads(item["attempts"]["S"])
        ),
    )
