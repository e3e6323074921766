"""The administrator's view of a deployed stack's keys."""

from __future__ import annotations

from forensics.store.clients import AwsClients
from forensics.store.counters import DynamoCounters
from forensics.store.keys import DynamoKeys
from forensics.store.stacks import StackNotFound, stack_outputs
from forensics.usecases.manage_keys import ManageKeys
from forensics.usecases.ports import Clock

__all__ = ["StackNotFound", "manage_keys"]


def manage_keys(*, stack: str) -> ManageKeys:
    """Return the use case over the stack's tables; raises StackNotFound."""
    outputs, clients = stack_outputs(stack), AwsClients()
    counters = DynamoCounters(clients.dynamodb, outputs["CountersTableName"])
    return ManageKeys(DynamoKeys(clients.dynamodb, outputs["KeysTableName"]), Clock(), counters)
