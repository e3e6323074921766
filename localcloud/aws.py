"""boto3 for the emulator alone, whatever AWS settings and proxies this machine has."""

from __future__ import annotations

import boto3
from botocore.config import Config

REGION = "us-east-1"
ROOT_KEY = "test"  # the emulator's root credentials: id and secret alike
# `proxies={}` keeps calls to this machine out of an HTTP proxy that the environment may name.
CONFIG = Config(proxies={}, retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)


def session() -> boto3.Session:
    """Return a session with the emulator's root credentials; pass `endpoint_url` and `config=CONFIG` to its clients."""
    return boto3.Session(aws_access_key_id=ROOT_KEY, aws_secret_access_key=ROOT_KEY, region_name=REGION)
