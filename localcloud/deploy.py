"""Create the stack in the emulator and wait until it stands."""

from __future__ import annotations

import io
import json
import stat
import time
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from localcloud.aws import CONFIG, session
from localcloud.localise import API_ID, CODE_BUCKET, CODE_KEY, Template, gateway_responses, localise

if TYPE_CHECKING:
    from mypy_boto3_apigateway.type_defs import PutGatewayResponseRequestTypeDef

STACK = "deepfake-detection"
_STAGE = "prod"
_POLL_S = 0.05
_TIMEOUT_S = 120
TEMPLATE_KEY = "template.json"
_BOOTSTRAP = '#!/bin/sh\nexec "$LOCALCLOUD_PYTHON" -m awslambdaric "$_HANDLER"\n'


class DeployError(RuntimeError):
    """The stack could not be created; the message names every resource that failed, and why."""


def deploy(template: Template, *, endpoint: str) -> dict[str, str]:
    """Deploy a SAM template to the emulator at `endpoint` and return the stack's outputs by name.

    Raises:
        DeployError: the template was refused or a resource could not be created.
    """
    url = _upload(json.dumps(localise(template).template), endpoint=endpoint)
    cloudformation = session().client("cloudformation", endpoint_url=endpoint, config=CONFIG)
    try:
        cloudformation.create_stack(
            StackName=STACK,
            TemplateURL=url,  # a body may have 51,200 bytes only
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
    except ClientError as error:
        raise DeployError(str(error)) from error
    deadline = time.monotonic() + _TIMEOUT_S
    while (stack := cloudformation.describe_stacks(StackName=STACK)["Stacks"][0])["StackStatus"].endswith("PROGRESS"):
        if time.monotonic() > deadline:
            raise DeployError(f"the stack is still {stack['StackStatus']} after {_TIMEOUT_S} s")
        time.sleep(_POLL_S)
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise DeployError("\n".join([f"the stack ended as {stack['StackStatus']}:", *failures(endpoint=endpoint)]))
    _put_gateway_responses(template, endpoint)
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def failures(*, endpoint: str) -> Iterator[str]:
    """Yield one line for each failed resource of the stack, the first failure first."""
    cloudformation = session().client("cloudformation", endpoint_url=endpoint, config=CONFIG)
    for event in reversed(cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]):
        if event.get("ResourceStatus", "").endswith("FAILED"):
            yield f"  {event.get('LogicalResourceId')}: {event.get('ResourceStatusReason', 'no reason given')}"


def _upload(template: str, *, endpoint: str) -> str:
    """Put the template and the functions' code where CloudFormation finds them; return the template's URL."""
    s3 = session().client("s3", endpoint_url=endpoint, config=CONFIG)
    s3.create_bucket(Bucket=CODE_BUCKET)
    s3.put_object(Bucket=CODE_BUCKET, Key=CODE_KEY, Body=_bootstrap_zip())
    s3.put_object(Bucket=CODE_BUCKET, Key=TEMPLATE_KEY, Body=template.encode())
    return f"{endpoint}/{CODE_BUCKET}/{TEMPLATE_KEY}"


def _bootstrap_zip() -> bytes:
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = (stat.S_IFREG | 0o755) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, _BOOTSTRAP)
    return buffer.getvalue()


def _put_gateway_responses(template: Template, endpoint: str) -> None:
    api = session().client("apigateway", endpoint_url=endpoint, config=CONFIG)
    for response_type, definition in gateway_responses(template):
        api.put_gateway_response(**_gateway_response(response_type, definition))
    # A stage answers with the responses that its deployment has seen.
    api.create_deployment(restApiId=API_ID, stageName=_STAGE)


def _gateway_response(response_type: str, definition: Template) -> PutGatewayResponseRequestTypeDef:
    headers: dict[str, str] = definition.get("ResponseParameters", {}).get("Headers", {})
    request: dict[str, object] = {
        "restApiId": API_ID,
        "responseType": response_type,
        "responseParameters": {f"gatewayresponse.header.{name}": value for name, value in headers.items()},
        "responseTemplates": definition["ResponseTemplates"],
    }
    if "StatusCode" in definition:
        request["statusCode"] = str(definition["StatusCode"])
    return cast("PutGatewayResponseRequestTypeDef", request)
