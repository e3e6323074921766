"""template.yaml: valid, least privilege, and of one mind with the code."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from forensics import settings
from forensics.domain import errors
from forensics.domain.job import RETAIN_PERIOD
from forensics.usecases.sweep import FATES
from localcloud.emulator import ROOT
from localcloud.localise import Template, gateway_responses, localise, parse

BIN = Path(sys.executable).parent
# Set by Lambda, by the images, or left to their defaults; none of them belongs to the stack.
SET_BY_LAMBDA = {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_LAMBDA_FUNCTION_NAME"}
SET_BY_CODE = {"ORT_DISABLE_TELEMETRY"}  # whatever the environment says
SET_BY_IMAGE = {"MODELS_DIR", "ENCODERS_DIR"}
OPTIONAL = {
    "ORT_THREADS",
    "XDG_CACHE_HOME",
    "MAX_AUDIO_BYTES",
    "MAX_AUDIO_SECONDS",
    "MAX_IMAGE_BYTES",
    "MAX_IMAGE_PIXELS",
    "MAX_VIDEO_BYTES",
    "MAX_VIDEO_SECONDS",
    "RESULT_TTL_DAYS",
    "SWEEP_AFTER_SECONDS",
    "VIDEO_FRAMES_PER_CHUNK",
    "WEBHOOK_TIMEOUT_SECONDS",
    "WEBHOOK_TIME_SCALE",
}
RETRY_LATER = {"quota-exceeded"}  # codes that only the gateway answers with


@pytest.fixture(scope="module")
def template() -> Template:
    return parse((ROOT / "template.yaml").read_text())


def functions(template: Template) -> dict[str, Template]:
    resources = template["Resources"].items()
    return {name: r["Properties"] for name, r in resources if r["Type"] == "AWS::Serverless::Function"}


@pytest.mark.parametrize("command", [["sam", "validate", "--lint"], ["cfn-lint"]], ids=lambda command: command[0])
def test_linters_pass(command: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1", "HOME": str(tmp_path)}
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def statements(template: Template) -> Iterator[tuple[str, Template]]:
    for name, properties in functions(template).items():
        for policy in properties["Policies"]:
            yield from ((name, statement) for statement in policy["Statement"])


def test_policies_name_actions_and_resources(template: Template) -> None:
    for name, statement in statements(template):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        assert not [action for action in actions if "*" in action], name
        assert "*" not in resources, name
        wide = [r for r in map(json.dumps, resources) if "*" in r and not r.endswith('/*"}')]
        assert all(re.search(r':execution:\$\{\w+\.Name\}[^:]*:\*"}$|:schedule/default/hold-\*"}$', r) for r in wide), (
            name
        )


def test_only_what_ends_a_job_and_the_purge_may_delete_media(template: Template) -> None:
    may_delete = {name for name, statement in statements(template) if "s3:DeleteObject" in json.dumps(statement)}
    assert may_delete == {
        "BatchesFunction",
        "DetectAudioFunction",
        "DetectImageFunction",
        "DetectVideoFunction",  # the upload that it takes, and what could not be started
        "IntakeFunction",  # what it moves, and what could not be started
        "JobFinishFunction",
        "JobsFunction",
        "PurgeFunction",
        "SweeperFunction",
        "VideoJoinFunction",
    }


def test_every_variable_is_read_and_every_name_read_is_set(template: Template) -> None:
    given = set(template["Globals"]["Function"]["Environment"]["Variables"])
    for properties in functions(template).values():
        given |= set(properties.get("Environment", {}).get("Variables", {}))
    ours = {name for name in given if not name.startswith("POWERTOOLS_")}
    assert ours == names_read() - SET_BY_LAMBDA - SET_BY_IMAGE - SET_BY_CODE - OPTIONAL
    assert "POWERTOOLS_LOGGER_LOG_EVENT" not in given  # it would log callers' bodies


def names_read() -> set[str]:
    """The names of environment variables in settings.py: its string constants in capitals."""
    tree = ast.parse(Path(settings.__file__).read_text())
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {s for s in strings if re.fullmatch(r"[A-Z][A-Z_]+", s)}


def test_the_loopback_is_closed(template: Template) -> None:
    assert template["Parameters"]["AllowLoopbackFetch"]["Default"] == "false"


def error_classes() -> Iterator[type[errors.DetectorError]]:
    pending = [errors.DetectorError]
    while pending:
        pending += (current := pending.pop()).__subclasses__()
        yield current


def test_gateway_responses_speak_as_the_code_does(template: Template) -> None:
    known = {error.code: error for error in error_classes() if "code" in vars(error)}
    responses = dict(gateway_responses(template))
    assert {"UNAUTHORIZED", "DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED"} <= responses.keys()
    for response_type, response in responses.items():
        assert response["ResponseParameters"]["Headers"]["Content-Type"] == "'application/problem+json'"
        problem: dict[str, Any] = json.loads(response["ResponseTemplates"]["application/json"])
        assert problem["request_id"] == "$context.requestId"
        assert problem["type"] == errors.DOCS_BASE + problem["code"], response_type
        assert problem.get("status") == response.get("StatusCode"), response_type
        if problem["code"] not in RETRY_LATER:
            assert problem["title"] == known[problem["code"]].title, response_type
            assert problem.get("status", known[problem["code"]].status) == known[problem["code"]].status


def test_queues_wait_for_their_readers(template: Template) -> None:
    resources = template["Resources"]
    timeouts = {
        name: p.get("Timeout", template["Globals"]["Function"]["Timeout"]) for name, p in functions(template).items()
    }
    mappings = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Lambda::EventSourceMapping"]
    readers = [m for m in mappings if m["EventSourceArn"]["Fn::GetAtt"][1] == "Arn"]  # the others read streams
    assert len(readers) == 9
    for reader in readers:
        queue = resources[reader["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
        assert queue["VisibilityTimeout"] >= 6 * timeouts[reader["FunctionName"]["Ref"]]
        assert reader["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert "RedrivePolicy" in queue


def test_the_stack_serves_what_the_api_describes(template: Template) -> None:
    described = yaml.safe_load((ROOT / "infra/openapi.yaml").read_text())["paths"]
    served = {
        (event["Properties"]["Path"], event["Properties"]["Method"].lower())
        for properties in functions(template).values()
        for event in properties.get("Events", {}).values()
    }
    beside = {("/docs", "get"), ("/v1/{proxy+}", "any")}  # a page for people, and what answers 405 and 404
    assert served - beside == {(path, method) for path, item in described.items() for method in item}
    assert beside < served


def test_handlers_exist(template: Template) -> None:
    for properties in functions(localise(template).template).values():
        module = properties["Handler"].removesuffix(".handler")
        tree = ast.parse((ROOT / Path(*module.split("."))).with_suffix(".py").read_text())
        assert "handler" in set(top_level_names(tree))


def top_level_names(tree: ast.Module) -> Iterator[str]:
    """The functions that a module defines, and the names that it assigns."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def test_nobody_may_change_or_remove_what_the_audit_says(template: Template) -> None:
    rights = {}
    for name, statement in statements(template):
        if "AuditTable" in json.dumps(statement["Resource"]):
            rights[name] = statement["Action"]
    assert rights == {"PublishEventsFunction": "dynamodb:PutItem", "SweeperFunction": "dynamodb:PutItem"}


def test_every_area_of_the_bucket_is_swept_and_has_a_last_day(template: Template) -> None:
    rules = template["Resources"]["MediaBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert {rule["Prefix"].rstrip("/") for rule in rules if "Prefix" in rule} == set(FATES)
    days = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}
    assert days.pop("retained/") == RETAIN_PERIOD.days and set(days.values()) == {1}
