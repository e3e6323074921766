"""Make an API key: shown once, stored as its hash.

Run as `python -m localcloud.keys --table NAME --tenant acme [--live]` it writes to the KeysTable of a stack in AWS, with
the credentials of the AWS environment.
"""

from __future__ import annotations

import argparse
import secrets
import string
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3

from forensics.domain.keys import hash_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ALPHABET = string.digits + string.ascii_letters  # base62
_RANDOM_CHARS = 32  # 190 bits
_SHOWN_CHARS = 4  # of the random part, kept so that a key can be recognised in a list
SCOPES = ("detect", "jobs")


def new_key(*, live: bool = False) -> str:
    """Return a fresh key: `dd_live_` or `dd_test_` and 32 base62 characters."""
    prefix = "dd_live_" if live else "dd_test_"
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARS))


def store_key(
    dynamodb: DynamoDBClient, key: str, *, table: str, tenant: str, plan: str = "free", scopes: tuple[str, ...] = SCOPES
) -> None:
    """Write the record of `key`; the key itself is kept nowhere."""
    shown = key[: key.rindex("_") + 1 + _SHOWN_CHARS]
    dynamodb.put_item(
        TableName=table,
        Item={
            "key_hash": {"S": hash_key(key)},
            "tenant": {"S": tenant},
            "plan": {"S": plan},
            "scopes": {"L": [{"S": scope} for scope in scopes]},
            "prefix": {"S": shown},
            "created_at": {"S": datetime.now(UTC).isoformat(timespec="seconds")},
            "status": {"S": "active"},
        },
        ConditionExpression="attribute_not_exists(key_hash)",
    )


def main() -> None:
    """Make a key in the table of a deployed stack and print it."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.keys", description="Make an API key and print it once.")
    parser.add_argument("--table", required=True, help="the stack's output KeysTableName")
    parser.add_argument("--tenant", required=True, help="whom the key's jobs and usage belong to")
    parser.add_argument("--plan", default="free")
    parser.add_argument("--live", action="store_true", help="dd_live_ rather than dd_test_")
    arguments = parser.parse_args()
    key = new_key(live=arguments.live)
    store_key(boto3.client("dynamodb"), key, table=arguments.table, tenant=arguments.tenant, plan=arguments.plan)
    print(key)


if __name__ == "__main__":
    main()
