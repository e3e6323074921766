"""Alarms: on what needs a person and nothing else, about resources and metrics that exist, told where the operator wants."""

from __future__ import annotations

import re
from typing import Any

import pytest

from localcloud.emulator import ROOT
from localcloud.localise import Template, parse

TELLS = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}


@pytest.fixture(scope="module")
def template() -> Template:
    return parse((ROOT / "template.yaml").read_text())


@pytest.fixture(scope="module")
def alarms(template: Template) -> dict[str, dict[str, Any]]:
    resources = template["Resources"].items()
    return {name: r["Properties"] for name, r in resources if r["Type"] == "AWS::CloudWatch::Alarm"}


def test_every_queue_that_nobody_reads_has_an_alarm(template: Template, alarms: dict[str, dict[str, Any]]) -> None:
    resources = template["Resources"]
    queues = {name for name, r in resources.items() if r["Type"] == "AWS::SQS::Queue"}
    read = {
        r["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]
        for r in resources.values()
        if r["Type"] == "AWS::Lambda::EventSourceMapping"
    }
    of_queues = [p for p in alarms.values() if p["Namespace"] == "AWS/SQS"]
    assert {p["Dimensions"][0]["Value"]["Fn::GetAtt"][0] for p in of_queues} == queues - read
    for properties in of_queues:
        assert properties["MetricName"] == "ApproximateNumberOfMessagesVisible"
        assert (properties["Threshold"], properties["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
        assert properties["Dimensions"][0]["Value"]["Fn::GetAtt"][1] == "QueueName"


def test_failures_of_the_state_machine_have_alarms(alarms: dict[str, dict[str, Any]]) -> None:
    of_machine = [p for p in alarms.values() if p["Namespace"] == "AWS/States"]
    assert {p["MetricName"] for p in of_machine} == {"ExecutionsFailed", "ExecutionsTimedOut"}
    # Aborted ones are deleted jobs.
    assert all(
        p["Dimensions"] == [{"Name": "StateMachineArn", "Value": {"Ref": "VideoStateMachine"}}] for p in of_machine
    )


def test_our_own_metrics_are_those_that_functions_emit(template: Template, alarms: dict[str, dict[str, Any]]) -> None:
    environment = template["Globals"]["Function"]["Environment"]["Variables"]
    emitted = set(re.findall(r'add_metric\("(\w+)"', (ROOT / "functions/sweeper/app.py").read_text()))
    ours = {n: p for n, p in alarms.items() if p["Namespace"] == environment["POWERTOOLS_METRICS_NAMESPACE"]}
    assert {p["MetricName"] for p in ours.values()} == {"OrphansDeleted", "ObjectsSeen"} <= emitted
    service = [{"Name": "service", "Value": environment["POWERTOOLS_SERVICE_NAME"]}]
    assert all(p["Dimensions"] == service for p in ours.values())
    silent = ours["SweeperSilentAlarm"]
    assert (silent["Statistic"], silent["TreatMissingData"]) == ("SampleCount", "breaching")  # no word is the alarm


def test_all_tell_one_topic_and_say_what_happened(template: Template, alarms: dict[str, dict[str, Any]]) -> None:
    assert template["Parameters"]["AlarmTopicArn"]["Default"] == ""
    page = (ROOT / "docs/deploy.md").read_text()
    for name, properties in alarms.items():
        assert properties["AlarmActions"] == properties["OKActions"] == TELLS
        assert properties["AlarmDescription"] and f"`{name}`" in page
        quiet = "breaching" if name == "SweeperSilentAlarm" else "notBreaching"
        assert properties["TreatMissingData"] == quiet
