"""Turn the template into one that the emulator can run, and say what was changed and why."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from samtranslator.yaml_helper import yaml_parse

Template = dict[str, Any]  # parsed JSON/YAML: its shape is CloudFormation's

CODE_BUCKET = "localcloud-code"
CODE_KEY = "bootstrap.zip"
API_ID = "local"
_RUNTIME = "provided.al2023"
_API_ID_TAG = "ms-custom-id"
_LOOPBACK = "127.0.0.0/8"
_UNKNOWN = "AWS::Events::EventBusPolicy"
_ROOT = Path(__file__).resolve().parents[1]
MAP_WORKERS = 2
_READS_ALARMS = "cloudwatch:DescribeAlarms"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Change:
    """One difference between template.yaml and what is deployed locally."""

    resource: str
    what: str
    why: str


@dataclass(frozen=True)
class Localised:
    """The template for the emulator and every change that made it."""

    template: Template
    changes: tuple[Change, ...]


def parse(text: str) -> Template:
    """Return a SAM template as a dict, short intrinsics such as `!Ref` in their long form."""
    template: Template = yaml_parse(text)
    return template


def localise(template: Template) -> Localised:
    """Return a copy of `template` that needs no containers; the argument is left as it is.

    Raises:
        ValueError: an image function's metadata does not name `functions/<name>/Dockerfile`.
    """
    local = copy.deepcopy(template)
    changes = [*_parameters(local)]
    for name, resource in list(local["Resources"].items()):
        if resource["Type"] == _UNKNOWN:
            del local["Resources"][name]
            changes.append(
                Change(name, "left out", "the emulator does not know the resource; it is for other accounts alone")
            )
        elif resource["Type"] == "AWS::Serverless::Function":
            changes += _function(name, resource)
            changes += _any_method(name, resource["Properties"])
            changes += _all_alarms(name, resource["Properties"])
        elif resource["Type"] == "AWS::Serverless::StateMachine":
            changes += _state_machine(name, resource["Properties"])
        elif resource["Type"] == "AWS::Serverless::Api":
            changes += _api(name, resource["Properties"])
        elif resource["Type"] in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"):
            changes += _tls_only(name, resource["Properties"]["PolicyDocument"])
    return Localised(template=local, changes=tuple(changes))


def gateway_responses(template: Template) -> Iterator[tuple[str, Template]]:
    """Yield (response type, SAM definition) of every gateway response, for `deploy` to put one by one."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Api":
            yield from resource["Properties"].get("GatewayResponses", {}).items()


def _parameters(local: Template) -> Iterator[Change]:
    parameter = local.get("Parameters", {}).get("AllowLoopbackFetch")
    if parameter is not None:
        parameter["Default"] = "true"
        yield Change(
            "AllowLoopbackFetch",
            "'false' -> 'true'",
            "media_url may name a server on this machine, so that the demo needs no internet",
        )


def _function(name: str, resource: Template) -> Iterator[Change]:
    properties = resource["Properties"]
    if properties.get("PackageType") != "Image":
        return
    del properties["PackageType"]
    handler = _handler(name, resource.pop("Metadata", {}))
    code = {"Bucket": CODE_BUCKET, "Key": CODE_KEY}
    properties.update(Runtime=_RUNTIME, Handler=handler, CodeUri=code)
    yield Change(
        name,
        f"PackageType Image -> Runtime {_RUNTIME}, Handler {handler}; Docker metadata dropped",
        "no container engine is needed: the zip's bootstrap runs awslambdaric on this source tree",
    )


def _any_method(name: str, properties: Template) -> Iterator[Change]:
    events: Template = properties.get("Events", {})
    for event, definition in list(events.items()):
        if definition["Type"] == "Api" and definition["Properties"]["Method"] == "ANY":
            del events[event]
            for method in _METHODS:
                told = {**definition["Properties"], "Method": method}
                events[event + method.capitalize()] = {**definition, "Properties": told}
            path = definition["Properties"]["Path"]
            yield Change(name, f"ANY {path} -> {', '.join(_METHODS)}", "the emulator does not read ANY from a document")


def _all_alarms(name: str, properties: Template) -> Iterator[Change]:
    for policy in properties.get("Policies", []):
        for statement in policy["Statement"]:
            if statement["Action"] == _READS_ALARMS:
                statement["Resource"] = "*"
                yield Change(
                    name, f"{_READS_ALARMS}: of every alarm", "the emulator does not look at the names in a list"
                )


def _handler(name: str, metadata: Mapping[str, str]) -> str:
    path = PurePosixPath(metadata.get("Dockerfile", ""))
    if len(path.parts) != 3 or path.parts[0] != "functions" or path.name != "Dockerfile":
        raise ValueError(f"{name}: expected Metadata.Dockerfile functions/<name>/Dockerfile, got {str(path)!r}")
    return f"functions.{path.parts[1]}.app.handler"


def _state_machine(name: str, properties: Template) -> Iterator[Change]:
    uri = properties.pop("DefinitionUri")
    properties["Definition"] = parse((_ROOT / uri).read_text())
    yield Change(name, f"DefinitionUri -> Definition, the text of {uri}", "the file need not be uploaded first")
    for path, state in maps(properties["Definition"]):
        was, state["MaxConcurrency"] = state["MaxConcurrency"], MAP_WORKERS
        yield Change(
            name,
            f"MaxConcurrency of {path}: {was} -> {MAP_WORKERS}",
            "each worker is a process of this machine with its own copy of the model",
        )


def maps(machine: Template) -> Iterator[tuple[str, Template]]:
    """Yield name and definition of every Map state of a state machine, nested ones too."""
    for name, state in machine["States"].items():
        if state["Type"] == "Map":
            yield name, state
        for inner in [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]:
            yield from maps(inner)


def _api(name: str, properties: Template) -> Iterator[Change]:
    media_types = properties.get("BinaryMediaTypes", [])
    if any("~1" in media_type for media_type in media_types):
        properties["BinaryMediaTypes"] = [media_type.replace("~1", "/") for media_type in media_types]
        yield Change(name, "BinaryMediaTypes: ~1 -> /", "the emulator compares them unescaped")
    properties["Tags"] = {**properties.get("Tags", {}), _API_ID_TAG: API_ID}
    properties["PropagateTags"] = True  # SAM tags only the stage without it
    yield Change(name, f"tag {_API_ID_TAG}: {API_ID}", "the API's id is known beforehand, so /v1 can be routed to it")
    if properties.get("GatewayResponses"):
        yield Change(
            name,
            "GatewayResponses are put again after the deployment",
            "the emulator does not read them from the OpenAPI document that SAM makes",
        )


def _tls_only(name: str, policy: Template) -> Iterator[Change]:
    for statement in policy["Statement"]:
        if statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}:
            statement["Condition"]["NotIpAddress"] = {"aws:SourceIp": _LOOPBACK}
            yield Change(
                name,
                f"{statement['Sid']}: not for calls from {_LOOPBACK}",
                "the emulator speaks plain HTTP on the loopback interface, and with --iam it holds to this policy",
            )
