from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from forensics.domain.upload import Upload
from forensics.store import clients
from forensics.store.clients import AwsClients
from forensics.store.uploads import DynamoUploads, S3Uploads

NOW = datetime.now(UTC).replace(microsecond=0)
DIGEST = hashlib.sha256(b"bytes").hexdigest()
UPLOAD = Upload("acme", "upload_1", 50, NOW + timedelta(minutes=15))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClients]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield AwsClients()
    for factory in (clients._dynamodb, clients._s3):
        factory.cache_clear()


@pytest.fixture
def rows(aws: AwsClients) -> DynamoUploads:
    keys: Any = [("tenant", "HASH"), ("upload_id", "RANGE")]
    aws.dynamodb().create_table(
        TableName="uploads",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
    )
    return DynamoUploads(aws.dynamodb, "uploads")


@pytest.fixture
def files(aws: AwsClients) -> S3Uploads:
    aws.s3().create_bucket(Bucket="media", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return S3Uploads(aws.s3, "media")


@pytest.mark.parametrize("upload", [UPLOAD, replace(UPLOAD, sha256=DIGEST)])
def test_an_upload_comes_back_as_it_went(rows: DynamoUploads, upload: Upload) -> None:
    rows.create(upload)
    assert rows.get("acme", "upload_1") == upload
    assert rows.get("rival", "upload_1") is None
    with pytest.raises(Exception, match="ConditionalCheckFailed"):
        rows.create(upload)


def test_one_job_gets_it(rows: DynamoUploads) -> None:
    rows.create(UPLOAD)
    assert [rows.claim(UPLOAD, job) for job in ("job_1", "job_1", "job_2")] == [True, True, False]
    found = rows.get("acme", "upload_1")
    assert found is not None and found.used_by == "job_1"


def test_an_expired_one_is_gone_and_nobodys(rows: DynamoUploads) -> None:
    late = replace(UPLOAD, expires_at=NOW - timedelta(seconds=1))
    rows.create(late)
    assert rows.get("acme", "upload_1") is None
    assert not rows.claim(late, "job_1")
    assert not rows.claim(replace(UPLOAD, upload_id="never_made"), "job_1")


def test_the_form_says_what_may_be_posted(files: S3Uploads) -> None:
    form = files.form(replace(UPLOAD, sha256=DIGEST), seconds=900)
    policy = json.loads(base64.b64decode(form.fields["policy"]))
    checksum = base64.b64encode(bytes.fromhex(DIGEST)).decode()
    assert ["content-length-range", 1, 50] in policy["conditions"]
    assert {"key": "uploads/acme/upload_1"} in policy["conditions"]
    assert {"x-amz-checksum-sha256": checksum} in policy["conditions"]
    assert form.fields["x-amz-checksum-sha256"] == checksum
    assert form.fields["Content-Type"] == "application/octet-stream"
    left = datetime.fromisoformat(policy["expiration"]) - datetime.now(UTC)
    assert timedelta(seconds=890) < left <= timedelta(seconds=900)


@pytest.mark.parametrize("checked_by_s3", [True, False])
def test_the_file_is_measured_where_it_lies(files: S3Uploads, aws: AwsClients, checked_by_s3: bool) -> None:
    checked: Any = {"ChecksumAlgorithm": "SHA256"} if checked_by_s3 else {}
    aws.s3().put_object(Bucket="media", Key=UPLOAD.key, Body=b"bytes", **checked)
    assert (files.size(UPLOAD.key), files.head(UPLOAD.key, max_bytes=2)) == (5, b"by")
    assert (files.sha256(UPLOAD.key), files.get(UPLOAD.key)) == (DIGEST, b"bytes")


def test_what_is_not_there_is_none(files: S3Uploads) -> None:
    assert files.size(UPLOAD.key) is files.head(UPLOAD.key, max_bytes=9) is files.get(UPLOAD.key) is None
    assert not files.move(UPLOAD.key, "media/acme/job_1")
    files.delete(UPLOAD.key)


def test_a_move_leaves_nothing_behind(files: S3Uploads, aws: AwsClients) -> None:
    aws.s3().put_object(Bucket="media", Key=UPLOAD.key, Body=b"bytes")
    assert files.move(UPLOAD.key, "media/acme/job_1")
    assert files.move(UPLOAD.key, "media/acme/job_1")
    assert [o["Key"] for o in aws.s3().list_objects_v2(Bucket="media")["Contents"]] == ["media/acme/job_1"]
