"""Which errors of AWS may be gone in a moment."""

from __future__ import annotations

FIRST_SERVER_STATUS = 500
# What botocore calls throttling and does not answer with a status of 5xx (botocore/data/_retry.json).
THROTTLED = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException", "RequestThrottled"),
        *("TooManyRequestsException", "ProvisionedThroughputExceededException", "TransactionInProgressException"),
        *(
            "RequestLimitExceeded",
            "BandwidthLimitExceeded",
            "LimitExceededException",
            "SlowDown",
            "PriorRequestNotComplete",
        ),
    }
)


def passing(error: Exception) -> bool:
    """Tell whether an error is AWS's and of the moment: not reached, no answer in time, throttled, or a fault of its own."""
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

    if isinstance(error, ClientError):
        answer = error.response
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= FIRST_SERVER_STATUS or answer.get("Error", {}).get("Code", "") in THROTTLED
    return isinstance(error, ConnectionError | HTTPClientError)
