"""GET /v1/status of the deployed system: anybody reads what its own alarms say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from forensics.web.schemas import SystemStatus
from localcloud.aws import CONFIG, session
from localcloud.cloud import LocalCloud
from tests.support.intake import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
PARTS = ["image", "audio", "video", "webhooks", "events", "intake", "privacy"]
RINGS = "VideoFailedAlarm"


@pytest.fixture
def ringing(cloud: LocalCloud) -> Iterator[str]:
    """One alarm of the stack that rings."""
    cloudwatch: Any = session().client("cloudwatch", endpoint_url=cloud.emulator.endpoint, config=CONFIG)
    names = [alarm["AlarmName"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]]
    (name,) = [name for name in names if RINGS in name]
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    yield name
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="a test")


def told(anonymous: httpx2.Client) -> SystemStatus:
    answer = anonymous.get("/status")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=15")
    return SystemStatus.model_validate(answer.json())


def test_a_ringing_alarm_is_told_to_anybody(anonymous: httpx2.Client, ringing: str) -> None:
    assert [part.name for part in told(anonymous).components] == PARTS
    eventually(lambda: told(anonymous).status == "degraded", within_s=30)
    assert {part.name for part in told(anonymous).components if part.status == "degraded"} == {"video"}
