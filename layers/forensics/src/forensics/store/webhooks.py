"""Webhook endpoints in DynamoDB: partition `tenant`, so no query can cross tenants; the sort key says what a row is."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from forensics.domain.events import EventType
from forensics.domain.webhooks import CALLBACK, MAX_ENDPOINTS, Endpoint, EndpointStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

Item = dict[str, Any]

MAX_TRIES = 6
BACKOFF_S = 0.2  # at most, between two transactions on the same rows
_COUNT = "endpoint-count"


@dataclass(frozen=True)
class DynamoEndpoints:
    """The EndpointStore over one table; the number of a tenant's endpoints is a row of its own, changed with them."""

    client: Callable[[], DynamoDBClient]
    table: str
    sleep: Callable[[float], None] = time.sleep

    def add(self, endpoint: Endpoint) -> bool:
        return self._both(
            {
                "Update": {
                    "TableName": self.table,
                    "Key": _key(endpoint.tenant, _COUNT),
                    "UpdateExpression": "ADD endpoints :one",
                    "ConditionExpression": "attribute_not_exists(endpoints) OR endpoints < :most",
                    "ExpressionAttributeValues": {":one": {"N": "1"}, ":most": {"N": str(MAX_ENDPOINTS)}},
                }
            },
            {
                "Put": {
                    "TableName": self.table,
                    "Item": _item(endpoint),
                    "ConditionExpression": "attribute_not_exists(#item)",
                    "ExpressionAttributeNames": {"#item": "item"},
                }
            },
        )

    def add_callback(self, endpoint: Endpoint) -> Endpoint:
        client = self.client()
        try:
            client.put_item(
                TableName=self.table,
                Item=_item(endpoint),
                ConditionExpression="attribute_not_exists(#item)",
                ExpressionAttributeNames={"#item": "item"},
            )
        except client.exceptions.ConditionalCheckFailedException:
            return self.get(endpoint.tenant, endpoint.endpoint_id) or endpoint
        return endpoint

    def all(self, tenant: str) -> list[Endpoint]:
        found = self.client().query(
            TableName=self.table,
            KeyConditionExpression="tenant = :tenant AND begins_with(#item, :prefix)",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues={":tenant": {"S": tenant}, ":prefix": {"S": _sort("")}},
            ConsistentRead=True,
        )
        return [e for e in map(_endpoint, found["Items"]) if e.endpoint_id != CALLBACK]

    def get(self, tenant: str, endpoint_id: str) -> Endpoint | None:
        key = _key(tenant, _sort(endpoint_id))
        item = self.client().get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return _endpoint(item) if item else None

    def delete(self, tenant: str, endpoint_id: str) -> bool:
        return self._both(
            {
                "Update": {
                    "TableName": self.table,
                    "Key": _key(tenant, _COUNT),
                    "UpdateExpression": "ADD endpoints :less",
                    "ExpressionAttributeValues": {":less": {"N": "-1"}},
                }
            },
            {
                "Delete": {
                    "TableName": self.table,
                    "Key": _key(tenant, _sort(endpoint_id)),
                    "ConditionExpression": "attribute_exists(#item)",
                    "ExpressionAttributeNames": {"#item": "item"},
                }
            },
        )

    def rotate(self, tenant: str, endpoint_id: str, *, sealed_secret: str, previous_until: datetime) -> bool:
        return self._update(
            tenant,
            endpoint_id,
            "SET sealed_previous = sealed_secret, sealed_secret = :new, previous_until = :until",
            {":new": sealed_secret, ":until": previous_until.isoformat()},
        )

    def disable(self, tenant: str, endpoint_id: str, *, reason: str, at: datetime) -> None:
        self._update(
            tenant,
            endpoint_id,
            "SET #status = :disabled, disabled_reason = :reason, disabled_at = :at",
            {":disabled": EndpointStatus.DISABLED.value, ":reason": reason, ":at": at.isoformat()},
        )

    def succeeded(self, tenant: str, endpoint_id: str) -> None:
        self._update(
            tenant,
            endpoint_id,
            "SET #status = :enabled REMOVE failing_since, disabled_reason, disabled_at",
            {":enabled": EndpointStatus.ENABLED.value},
        )

    def failed(self, tenant: str, endpoint_id: str, *, at: datetime) -> datetime:
        self._update(
            tenant, endpoint_id, "SET failing_since = if_not_exists(failing_since, :at)", {":at": at.isoformat()}
        )
        endpoint = self.get(tenant, endpoint_id)
        return endpoint.failing_since or at if endpoint else at

    def _both(self, count: TransactWriteItemTypeDef, row: TransactWriteItemTypeDef) -> bool:
        """Make both writes or neither; False when one's condition does not hold. Tenants that race themselves wait a little."""
        client = self.client()
        for tries_left in reversed(range(MAX_TRIES)):
            try:
                client.transact_write_items(TransactItems=[count, row])
            except client.exceptions.TransactionCanceledException as exc:
                reasons = {reason["Code"] for reason in exc.response["CancellationReasons"]}
                if "ConditionalCheckFailed" in reasons:
                    return False
                if "TransactionConflict" not in reasons or not tries_left:
                    raise
                self.sleep(random.uniform(0, BACKOFF_S))
            else:
                return True
        raise AssertionError("the last try returns or raises")

    def _update(self, tenant: str, endpoint_id: str, expression: str, values: Mapping[str, str]) -> bool:
        """Change an endpoint that is there; False when it is not (an update must not bring a deleted one back)."""
        client = self.client()
        names = {"#item": "item", **({"#status": "status"} if "#status" in expression else {})}
        try:
            client.update_item(
                TableName=self.table,
                Key=_key(tenant, _sort(endpoint_id)),
                UpdateExpression=expression,
                ConditionExpression="attribute_exists(#item)",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
            )
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _key(tenant: str, item: str) -> Item:
    return {"tenant": {"S": tenant}, "item": {"S": item}}


def _sort(endpoint_id: str) -> str:
    return f"endpoint#{endpoint_id}"


def _item(endpoint: Endpoint) -> Item:
    present = {
        "endpoint_id": endpoint.endpoint_id,
        "url": endpoint.url,
        "events": " ".join(endpoint.events),
        "description": endpoint.description,
        "created_at": endpoint.created_at.isoformat(),
        "sealed_secret": endpoint.sealed_secret,
        "status": endpoint.status.value,
    }
    return _key(endpoint.tenant, _sort(endpoint.endpoint_id)) | {name: {"S": value} for name, value in present.items()}


def _endpoint(item: Mapping[str, Any]) -> Endpoint:
    row = {name: value["S"] for name, value in item.items()}
    return Endpoint(
        tenant=row["tenant"],
        endpoint_id=row["endpoint_id"],
        url=row["url"],
        events=tuple(EventType(name) for name in row["events"].split()),
        description=row["description"],
        created_at=datetime.fromisoformat(row["created_at"]),
        sealed_secret=row["sealed_secret"],
        sealed_previous=row.get("sealed_previous"),
        previous_until=_moment(row.get("previous_until")),
        status=EndpointStatus(row["status"]),
        disabled_reason=row.get("disabled_reason"),
        disabled_at=_moment(row.get("disabled_at")),
        failing_since=_moment(row.get("failing_since")),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
