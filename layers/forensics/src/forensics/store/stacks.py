"""What a deployed stack's resources are called, for tools outside of it."""

from __future__ import annotations


class StackNotFound(RuntimeError):
    """There is no such stack, or these credentials may not see it."""


def stack_outputs(name: str) -> dict[str, str]:
    """Return the outputs of a CloudFormation stack; raises StackNotFound."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        (stack,) = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except (ClientError, BotoCoreError) as error:
        raise StackNotFound(f"the stack {name!r} cannot be read: {error}") from error
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
