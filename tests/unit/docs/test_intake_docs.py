"""docs/integrations.md and the committed schemas are held against the code and the template."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, ValidationError  # type: ignore[import-untyped]

from forensics.cli import admin
from forensics.domain.errors import InvalidRequest, codes
from forensics.domain.events import SOURCE, EventType
from forensics.domain.intake import AGAIN_AFTER_S, MOST_RECEIVES, REQUESTED
from forensics.usecases.intake import PATIENCE_S
from forensics.web.intake_body import IntakeMessage, read_fields, schemas
from localcloud.emulator import ROOT
from localcloud.localise import Template, parse

PAGE = (ROOT / "docs/integrations.md").read_text(encoding="utf-8")
BLOCKS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, flags=re.S)]
MESSAGES = [block for block in BLOCKS if "tenant" in block]
EVENTS = Path(ROOT / "events")


@pytest.fixture(scope="module")
def resources() -> Template:
    found: Template = parse((ROOT / "template.yaml").read_text())["Resources"]
    return found


@pytest.mark.parametrize("name", schemas())
def test_the_committed_schema_is_the_codes(name: str) -> None:
    file = ROOT / "infra/schemas" / f"{name}.json"
    assert json.loads(file.read_text(encoding="utf-8")) == schemas()[name], "run `make openapi`"
    Draft4Validator.check_schema(schemas()[name])


@pytest.mark.parametrize("message", MESSAGES)
def test_the_pages_messages_are_valid(message: dict[str, Any]) -> None:
    Draft4Validator(schemas()[f"{SOURCE}@intake.message"]).validate(message)
    assert read_fields(message, tenant=message["tenant"]).options.external_id == message.get("external_id")


@pytest.mark.parametrize("fault", [{"more": 1}, {"upload_id": "upload_1"}, {"retain": "yes"}, {"idempotency_key": ""}])
def test_schema_and_code_refuse_the_same(fault: dict[str, Any]) -> None:
    message = {**MESSAGES[0], **fault}
    with pytest.raises(ValidationError):
        Draft4Validator(schemas()[f"{SOURCE}@intake.message"]).validate(message)
    with pytest.raises(InvalidRequest):
        read_fields(message, tenant="acme")


def test_the_recorded_event_keeps_to_its_schema() -> None:
    record = json.loads((EVENTS / "intake_event.json").read_text(encoding="utf-8"))["Records"][0]
    event = json.loads(record["body"])
    validator = Draft4Validator(schemas()[f"intake@{REQUESTED}"])
    validator.validate(event)
    with pytest.raises(ValidationError):
        validator.validate({**event, "detail-type": "detection.completed"})


def test_every_field_code_and_option_is_described() -> None:
    for field in IntakeMessage.model_fields:
        assert f"`{field}`" in PAGE
    told = {"upload-not-found", "idempotency-key-reused", "quota-exceeded", "forbidden", "service-unavailable"}
    assert told <= codes().keys() and all(f"`{code}`" in PAGE for code in told)
    assert admin._parser().parse_args(["intake", "redrive", "--most", "100"]).most == 100
    assert "deepfake-admin intake redrive" in PAGE and "--most 100" in PAGE


def test_no_answer_can_become_a_request(resources: Template) -> None:
    asked = resources["IntakeRule"]["Properties"]["EventPattern"]
    assert asked == {"source": [{"anything-but": SOURCE}], "detail-type": [REQUESTED]}
    assert resources["WebhookRule"]["Properties"]["EventPattern"] == {"source": [SOURCE]}
    assert REQUESTED not in list(EventType)
    (told,) = resources["MediaBucket"]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    assert told["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "intake/"}]  # jobs' own files lie elsewhere


def test_code_and_template_agree_on_a_messages_life(resources: Template) -> None:
    queue, consumer = resources["IntakeQueue"]["Properties"], resources["IntakeFunction"]["Properties"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == MOST_RECEIVES
    assert consumer["Timeout"] <= PATIENCE_S < queue["VisibilityTimeout"]
    assert len(AGAIN_AFTER_S) == MOST_RECEIVES - 1
    assert sum(AGAIN_AFTER_S[:-1]) > PATIENCE_S  # a message that follows a dead attempt still has its turn
    assert max(AGAIN_AFTER_S) < queue["VisibilityTimeout"]
    alarm = resources["IntakeDlqAlarm"]["Properties"]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
    assert alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": ["IntakeDlq", "QueueName"]}
