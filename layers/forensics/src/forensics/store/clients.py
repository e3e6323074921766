"""AWS clients, made when first needed: importing boto3 costs 200 ms that a cold start should not always pay."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient


class AwsClients:
    """The clients of one process; region, credentials and endpoint come from the AWS environment."""

    def dynamodb(self) -> DynamoDBClient:
        return _dynamodb()

    def s3(self) -> S3Client:
        return _s3()

    def sqs(self) -> SQSClient:
        return _sqs()

    def stepfunctions(self) -> SFNClient:
        return _stepfunctions()

    def lambda_(self) -> LambdaClient:
        return _lambda()


@lru_cache(maxsize=1)
def _dynamodb() -> DynamoDBClient:
    import boto3
    from botocore.config import Config

    return boto3.client("dynamodb", config=Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard"}))


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
