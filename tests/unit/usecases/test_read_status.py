"""The public status: what the alarms say, how often they are asked, and what happens when they cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from forensics.domain.status import State, Status, worst
from forensics.settings import ServiceSettings
from forensics.store.alarms import CloudWatchAlarms
from forensics.usecases.read_status import FRESH, ReadStatus
from tests.support.fakes import START, FakeClock

OK, RINGS, UNKNOWN = State.OPERATIONAL, State.DEGRADED, State.UNKNOWN


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with mock_aws():
        yield boto3.client("cloudwatch", "eu-west-1")


def put(cloudwatch: Any, name: str, state: str | None) -> None:
    cloudwatch.put_metric_alarm(
        AlarmName=name, MetricName="m", Namespace="n", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", Statistic="Sum",
    )  # fmt: skip
    if state:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")


def test_each_part_has_the_worst_that_its_alarms_know(cloudwatch: Any) -> None:
    for name, state in (("a", "OK"), ("b", "OK"), ("c", "ALARM"), ("d", "INSUFFICIENT_DATA"), ("e", "OK")):
        put(cloudwatch, name, state)
    alarms = {"image": ["a"], "video": ["b", "c"], "events": ["d"], "intake": ["d", "e"], "gone": ["z"]}
    assert CloudWatchAlarms(lambda: cloudwatch, alarms)() == {
        "image": OK,
        "video": RINGS,
        "events": UNKNOWN,
        "intake": OK,
        "gone": UNKNOWN,
    }


@pytest.mark.parametrize(
    ("states", "whole"), [((OK, OK), OK), ((OK, RINGS), RINGS), ((UNKNOWN, UNKNOWN), OK), ((UNKNOWN, RINGS), RINGS)]
)
def test_one_part_degrades_the_whole(states: tuple[State, ...], whole: State) -> None:
    assert Status(dict(zip("ab", states, strict=True)), START).whole is whole


def test_nothing_known_is_unknown() -> None:
    assert worst([]) is UNKNOWN


def test_the_alarms_are_asked_at_most_every_few_seconds() -> None:
    asked: list[int] = []

    def read() -> Mapping[str, State]:
        asked.append(1)
        return {"image": RINGS if len(asked) > 1 else OK}

    clock = FakeClock()
    status = ReadStatus(("image",), read, clock)
    assert [status().whole for _ in range(5)] == [OK] * 5 and len(asked) == 1
    clock.ticks[0] += (FRESH + timedelta(seconds=1)) // timedelta(milliseconds=100)
    assert status().whole is RINGS and len(asked) == 2


def test_alarms_that_cannot_be_read_are_unknown() -> None:
    def away() -> Mapping[str, State]:
        raise ConnectionError

    told = ReadStatus(("image", "video"), away, FakeClock())()
    assert (told.parts, told.whole) == ({"image": UNKNOWN, "video": UNKNOWN}, OK)


def test_the_template_names_them_in_one_variable() -> None:
    settings = ServiceSettings.from_env({"AWS_REGION": "x", "STATUS_ALARMS": "video=one,video=two,image=three"})
    assert settings.status_alarms == {"video": ["one", "two"], "image": ["three"]}
