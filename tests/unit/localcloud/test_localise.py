"""localise: what the emulator needs is changed, listed, and nothing else is touched."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from localcloud.__main__ import explain
from localcloud.emulator import ROOT
from localcloud.localise import API_ID, MAP_WORKERS, Template, gateway_responses, localise, maps, parse

CHANGED_IN_FUNCTIONS = {"PackageType", "Runtime", "Handler", "CodeUri"}
FALLBACK = "JobsFunction"  # its ANY becomes each method, and it reads alarms
CHANGED_IN_STATE_MACHINES = {"DefinitionUri", "Definition"}
CHANGED_IN_API = {"BinaryMediaTypes", "Tags", "PropagateTags"}


@pytest.fixture
def template() -> Template:
    return parse((ROOT / "template.yaml").read_text())


LEFT_OUT = {"IntakeBusPolicy"}  # of a kind that the emulator does not know


def without(resource: Template, names: set[str]) -> Template:
    kept = {name: value for name, value in resource["Properties"].items() if name not in names}
    return {**resource, "Properties": kept}


def test_everything_else_is_left_as_it_is(template: Template) -> None:
    local = localise(template).template
    assert local.keys() == template.keys()
    assert template["Resources"].keys() - local["Resources"].keys() == LEFT_OUT
    for name, resource in template["Resources"].items():
        if name in LEFT_OUT:
            continue
        mine = local["Resources"][name]
        if resource["Type"] == "AWS::Serverless::Function":
            metadata_free = {key: value for key, value in resource.items() if key != "Metadata"}
            changed = CHANGED_IN_FUNCTIONS | ({"Events", "Policies"} if name == FALLBACK else set())
            assert without(mine, changed) == without(metadata_free, changed)
        elif resource["Type"] == "AWS::Serverless::StateMachine":
            assert without(mine, CHANGED_IN_STATE_MACHINES) == without(resource, CHANGED_IN_STATE_MACHINES)
        elif resource["Type"] == "AWS::Serverless::Api":
            assert without(mine, CHANGED_IN_API) == without(resource, CHANGED_IN_API)
        elif resource["Type"].endswith("Policy"):
            assert without(mine, {"PolicyDocument"}) == without(resource, {"PolicyDocument"})
        else:
            assert mine == resource
    for section in ("Outputs", "Globals", "Conditions"):
        assert local[section] == template[section]


def test_the_state_machine_is_the_file_but_for_the_number_of_workers(template: Template) -> None:
    local = localise(template).template["Resources"]["VideoStateMachine"]["Properties"]["Definition"]
    written = parse((ROOT / "infra/statemachines/video.asl.yaml").read_text())
    assert local != written
    assert [name for name, _ in maps(local)] == ["Every chunk", "Every chunk of many"]
    for (_, mine), (_, theirs) in zip(maps(local), maps(written), strict=True):
        assert mine["MaxConcurrency"] == MAP_WORKERS
        mine["MaxConcurrency"] = theirs["MaxConcurrency"]
    assert local == written


def test_no_other_right_of_a_function_is_changed(template: Template) -> None:
    local = localise(template).template["Resources"][FALLBACK]["Properties"]["Policies"][0]["Statement"]
    written = template["Resources"][FALLBACK]["Properties"]["Policies"][0]["Statement"]
    changed = [(mine, theirs) for mine, theirs in zip(local, written, strict=True) if mine != theirs]
    assert [(mine["Action"], mine["Resource"]) for mine, _ in changed] == [("cloudwatch:DescribeAlarms", "*")]
    assert {**changed[0][0], "Resource": changed[0][1]["Resource"]} == changed[0][1]


def test_the_argument_is_not_touched(template: Template) -> None:
    before = copy.deepcopy(template)
    localise(template)
    assert template == before


def test_an_image_function_becomes_a_bootstrap() -> None:
    local = localise(one_function(Dockerfile="functions/detect_image/Dockerfile")).template["Resources"]["F"]
    assert "Metadata" not in local
    assert local["Properties"] == {
        "Runtime": "provided.al2023",
        "Handler": "functions.detect_image.app.handler",
        "CodeUri": {"Bucket": "localcloud-code", "Key": "bootstrap.zip"},
        "Timeout": 3,
    }


def test_a_zip_function_stays_one() -> None:
    template = one_function(Dockerfile="functions/x/Dockerfile")
    template["Resources"]["F"]["Properties"]["PackageType"] = "Zip"
    assert localise(template).changes == ()


@pytest.mark.parametrize("path", ["Dockerfile", "functions/Dockerfile", "functions/x/other", ""])
def test_a_dockerfile_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="F: expected"):
        localise(one_function(Dockerfile=path))


def one_function(**metadata: str) -> Template:
    properties: dict[str, Any] = {"PackageType": "Image", "Timeout": 3}
    return {"Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": properties, "Metadata": metadata}}}


def test_the_api_has_a_known_id_and_plain_media_types(template: Template) -> None:
    api = localise(template).template["Resources"]["Api"]["Properties"]
    assert api["Tags"]["ms-custom-id"] == API_ID
    assert api["BinaryMediaTypes"] == ["multipart/form-data", "application/octet-stream"]


def test_any_method_becomes_each_of_them(template: Template) -> None:
    events = localise(template).template["Resources"][FALLBACK]["Properties"]["Events"]
    written = template["Resources"][FALLBACK]["Properties"]["Events"]
    assert all(events[name] == event for name, event in written.items() if name != "Fallback")
    told = {e["Properties"]["Method"] for e in events.values() if e["Properties"]["Path"] == "/v1/{proxy+}"}
    assert told == {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
    assert not any(e["Properties"]["Method"] == "ANY" for e in events.values())


def test_tls_is_still_asked_of_others(template: Template) -> None:
    policy = localise(template).template["Resources"]["MediaBucketPolicy"]["Properties"]["PolicyDocument"]
    statement = policy["Statement"][0]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {
        "Bool": {"aws:SecureTransport": "false"},
        "NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"},
    }


def test_loopback_fetch_is_open_locally_alone(template: Template) -> None:
    assert localise(template).template["Parameters"]["AllowLoopbackFetch"]["Default"] == "true"
    assert template["Parameters"]["AllowLoopbackFetch"]["Default"] == "false"


def test_gateway_responses_are_found(template: Template) -> None:
    assert dict(gateway_responses(template))["UNAUTHORIZED"]["StatusCode"] == 401


def test_every_change_is_in_the_docs(template: Template) -> None:
    page = (ROOT / "docs/localcloud.md").read_text()
    assert explain(localise(template)) in page
