"""Keys: random, recognisable, and stored as a hash that the authorizer finds."""

from __future__ import annotations

import re
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from mypy_boto3_dynamodb import DynamoDBClient

from forensics.store.keys import DynamoKeys
from forensics.usecases.authorize import Authorize
from localcloud.keys import new_key, store_key

TABLE = "keys"


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoDBClient]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "key_hash", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "key_hash", "KeyType": "HASH"}],
        )
        yield client


@pytest.mark.parametrize(("live", "prefix"), [(True, "dd_live_"), (False, "dd_test_")])
def test_a_key_says_what_it_is_for(live: bool, prefix: str) -> None:
    keys = {new_key(live=live) for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch(prefix + "[0-9A-Za-z]{32}", key) for key in keys)


def test_a_stored_key_is_accepted_with_its_scopes(dynamodb: DynamoDBClient) -> None:
    key = new_key()
    store_key(dynamodb, key, table=TABLE, tenant="acme", scopes=("jobs",))
    record = Authorize(DynamoKeys(lambda: dynamodb, TABLE))(f"Bearer {key}")
    assert (record.tenant, record.plan, record.scopes) == ("acme", "free", ("jobs",))


def test_the_key_itself_is_not_stored(dynamodb: DynamoDBClient) -> None:
    key = new_key()
    store_key(dynamodb, key, table=TABLE, tenant="acme")
    (item,) = dynamodb.scan(TableName=TABLE)["Items"]
    assert key not in str(item)
    assert item["prefix"]["S"] == key[:12]


def test_a_key_is_never_overwritten(dynamodb: DynamoDBClient) -> None:
    key = new_key()
    store_key(dynamodb, key, table=TABLE, tenant="acme")
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        store_key(dynamodb, key, table=TABLE, tenant="other")
