"""Which errors ask a caller to come again."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
)

from forensics.store.faults import passing


def answered(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutItem")  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://x"),
        ConnectTimeoutError(endpoint_url="https://x"),
        EndpointConnectionError(endpoint_url="https://x"),
        answered("InternalServerError", 500),
        answered("ThrottlingException", 400),
    ],
)
def test_what_may_be_gone_in_a_moment(error: Exception) -> None:
    assert passing(error)


@pytest.mark.parametrize(
    "error",
    [
        answered("AccessDeniedException", 400),
        answered("ConditionalCheckFailedException", 400),
        ParamValidationError(report="x"),
        TimeoutError(),
        ValueError(),
    ],
)
def test_what_stays_wrong(error: Exception) -> None:
    assert not passing(error)
