"""The local cloud itself: what is deployed, what reaches a function, what its role allows, what is left behind.

The models are not needed here: the image function is replaced by a probe that reports its event and makes AWS calls.
"""

from __future__ import annotations

import copy
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from samtranslator.translator.transform import transform

from localcloud.aws import CONFIG, session
from localcloud.cloud import LocalCloud, local_cloud
from localcloud.deploy import STACK, DeployError
from localcloud.emulator import ROOT
from localcloud.localise import Template, localise, parse

pytestmark = pytest.mark.e2e

PROBE = """
import base64, json, os
import boto3

def handler(event, context):
    if "Records" in event:
        return {"batchItemFailures": []}
    body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
    call = json.loads(body).get("call") if body.startswith(b"{") else None
    report = {
        "bytes": len(body), "sha256": __import__("hashlib").sha256(body).hexdigest(),
        "base64": event["isBase64Encoded"], "context": event["requestContext"], "path": event["path"],
        "host": event["headers"]["host"], "error": None,
    }
    if call:
        arguments = {k: v.format(**os.environ) for k, v in call["arguments"].items()}
        try:
            getattr(boto3.client(call["service"]), call["operation"])(**arguments)
        except boto3.client("sts").exceptions.ClientError as error:
            report["error"] = error.response["Error"]["Code"]
    headers = {"Content-Type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps(report), "isBase64Encoded": False}
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    shutil.copytree(ROOT / "functions", folder / "functions")
    (folder / "functions/detect_image/app.py").write_text(PROBE)
    return folder


@pytest.fixture(scope="module")
def template() -> Template:
    return parse((ROOT / "template.yaml").read_text())


@pytest.fixture(scope="module")
def probe(source: Path) -> Iterator[LocalCloud]:
    with local_cloud(iam=True, source=source) as cloud:
        yield cloud


def client(cloud: LocalCloud, *, key: str | None = None) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {key or cloud.create_key(tenant='acme')}"}
    return httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=60, trust_env=False)


def aws_error(cloud: LocalCloud, service: str, operation: str, **arguments: str) -> str | None:
    """Let the image function make one AWS call and return its error code."""
    call = {"service": service, "operation": operation, "arguments": arguments}
    with client(cloud) as api:
        error: str | None = api.post("/detect/image", json={"call": call}).json()["error"]
    return error


def test_what_is_deployed_is_what_the_template_says(probe: LocalCloud, template: Template) -> None:
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # SAM asks for one
    expected = transform(localise(template).template, {}, _NoManagedPolicies())["Resources"]
    cloudformation = session().client("cloudformation", endpoint_url=probe.emulator.endpoint, config=CONFIG)
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
    deployed = {r["LogicalResourceId"]: r["ResourceType"] for page in pages for r in page["StackResourceSummaries"]}
    assert deployed == {name: resource["Type"] for name, resource in expected.items()}


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def test_a_function_sees_the_callers_bytes_and_who_calls(probe: LocalCloud) -> None:
    import hashlib

    picture = bytes(range(256)) * 4096  # 1 MiB that is not UTF-8
    with client(probe) as api:
        event = api.post("/detect/image", files={"file": ("a.bin", picture)}).json()
        raw = api.post("/detect/image", content=picture, headers={"Content-Type": "application/octet-stream"}).json()
        text = api.post("/detect/image", json={}).json()
    assert event["base64"] and event["bytes"] > len(picture)
    assert raw["sha256"] == hashlib.sha256(picture).hexdigest()
    assert not text["base64"] and text["bytes"] == 2
    assert event["context"]["authorizer"]["tenant"] == "acme"
    assert event["context"]["authorizer"]["scopes"] == "detect jobs webhooks"
    assert len(event["context"]["requestId"]) == 36
    assert event["path"] == "/v1/detect/image"
    assert event["host"] == probe.emulator.endpoint.removeprefix("http://")


def test_answers_that_belong_to_no_function_are_problems(probe: LocalCloud) -> None:
    with client(probe, key="dd_live_unknown") as stranger, client(probe) as api:
        answers = {401: stranger.get("/jobs/x"), 404: api.get("/nowhere"), 405: api.put("/detect/image", json={})}
    for status, answer in answers.items():
        assert answer.status_code == answer.json()["status"] == status
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert len(answer.json()["request_id"]) == 36
    assert answers[401].headers["WWW-Authenticate"].startswith("Bearer")
    assert answers[405].headers["Allow"] == "POST"


def test_health_needs_no_key(probe: LocalCloud) -> None:
    answer = httpx2.get(f"{probe.base_url}/health", trust_env=False)
    assert answer.json()["status"] == "ok"


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("s3", "put_object", {"Bucket": "{MEDIA_BUCKET}", "Key": "elsewhere/x", "Body": "x"}),
        ("s3", "delete_object", {"Bucket": "{MEDIA_BUCKET}", "Key": "artifacts/x"}),
        ("dynamodb", "scan", {"TableName": "{JOBS_TABLE}"}),
        ("sqs", "receive_message", {"QueueUrl": "{PURGE_QUEUE_URL}"}),
    ],
)
def test_a_role_allows_no_more_than_it_says(
    probe: LocalCloud, service: str, operation: str, arguments: dict[str, str]
) -> None:
    assert aws_error(probe, service, operation, **arguments) in {"AccessDenied", "AccessDeniedException"}


def test_a_permission_taken_away_is_missed(probe: LocalCloud, template: Template, source: Path) -> None:
    put = {"Bucket": "{MEDIA_BUCKET}", "Key": "media/x", "Body": "x"}
    assert aws_error(probe, "s3", "put_object", **put) is None
    with local_cloud(iam=True, source=source, template=_without_put(template)) as poorer:
        assert aws_error(poorer, "s3", "put_object", **put) == "AccessDenied"


def _without_put(template: Template) -> Template:
    poorer = copy.deepcopy(template)
    statements = poorer["Resources"]["DetectImageFunction"]["Properties"]["Policies"][0]["Statement"]
    (statement,) = (s for s in statements if "s3:PutObject" in s["Action"])
    statement["Action"].remove("s3:PutObject")
    return poorer


def test_a_failed_deployment_names_the_resource(template: Template, source: Path) -> None:
    broken = copy.deepcopy(template)
    url = {"TargetFunctionArn": "no-such-function", "AuthType": "NONE"}
    broken["Resources"]["Lost"] = {"Type": "AWS::Lambda::Url", "Properties": url}
    with pytest.raises(DeployError, match=r"Lost: .*no-such-function"), local_cloud(source=source, template=broken):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_behind(number: signal.Signals, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-u", "-m", "localcloud", "serve"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = next(line.split()[1] for line in server.stdout if line.strip().startswith("API "))
        assert httpx2.get(f"{url}/health", timeout=60, trust_env=False).status_code == 200  # a function runs
        children = psutil.Process(server.pid).children(recursive=True)
        assert len(children) >= 2  # the emulator and a function
        server.send_signal(number)
        code = server.wait(timeout=10)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []
    assert list(tmp_path.iterdir()) == []
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
