"""AWS clients, made when first needed: importing boto3 costs 200 ms that a cold start should not always pay."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

    from forensics.store.alarms import CloudWatch


USER_AGENT = "deepfake-detection"
_making = threading.Lock()  # boto3's default session must not make two clients at once


class AwsClients:
    """The clients of one process; region, credentials and endpoint come from the AWS environment."""

    def dynamodb(self) -> DynamoDBClient:
        with _making:
            return _dynamodb()

    def s3(self) -> S3Client:
        return _s3()

    def sqs(self) -> SQSClient:
        return _sqs()

    def stepfunctions(self) -> SFNClient:
        return _stepfunctions()

    def lambda_(self) -> LambdaClient:
        return _lambda()

    def events(self) -> EventBridgeClient:
        return _events()

    def scheduler(self) -> EventBridgeSchedulerClient:
        return _scheduler()

    def kms(self) -> KMSClient:
        return _kms()

    def cloudwatch(self) -> CloudWatch:
        return _cloudwatch()


@lru_cache(maxsize=1)
def _dynamodb() -> DynamoDBClient:
    import boto3
    from botocore.config import Config

    # Every call of the API waits for two to six requests, and what botocore does for each beside asking is a good part of it. The
    # types are checked by mypy and the values by DynamoDB; the user agent would be put together anew for each.
    quick = Config(parameter_validation=False, user_agent=USER_AGENT)
    patient = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard"})
    return boto3.client("dynamodb", config=patient.merge(quick))


@lru_cache(maxsize=1)
def _s3() -> S3Client:
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=2, read_timeout=30, signature_version="s3v4", s3={"addressing_style": "path"})
    return boto3.client("s3", config=config)


@lru_cache(maxsize=1)
def _sqs() -> SQSClient:
    import boto3

    return boto3.client("sqs")


@lru_cache(maxsize=1)
def _stepfunctions() -> SFNClient:
    import boto3
    from botocore.config import Config

    return boto3.client("stepfunctions", config=Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard"}))


@lru_cache(maxsize=1)
def _lambda() -> LambdaClient:
    import boto3
    from botocore.config import Config

    # No retry: a second invocation would be a second detection.
    return boto3.client("lambda", config=Config(read_timeout=60, retries={"total_max_attempts": 1}))


@lru_cache(maxsize=1)
def _events() -> EventBridgeClient:
    import boto3
    from botocore.config import Config

    return boto3.client("events", config=Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard"}))


@lru_cache(maxsize=1)
def _scheduler() -> EventBridgeSchedulerClient:
    import boto3
    from botocore.config import Config

    return boto3.client("scheduler", config=Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard"}))


@lru_cache(maxsize=1)
def _kms() -> KMSClient:
    import boto3
    from botocore.config import Config

    return boto3.client("kms", config=Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard"}))


@lru_cache(maxsize=1)
def _cloudwatch() -> CloudWatch:
    import boto3
    from botocore.config import Config

    client: CloudWatch = boto3.client(
        "cloudwatch", config=Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard"})
    )
    return client
