"""The whole local cloud as one `with` block: emulator, stack, keys."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from forensics.domain.keys import SCOPES
from forensics.store.counters import DynamoCounters
from forensics.store.keys import DynamoKeys
from forensics.usecases.manage_keys import ManageKeys
from forensics.usecases.ports import Clock
from localcloud.aws import CONFIG, session
from localcloud.deploy import deploy
from localcloud.emulator import ROOT, Emulator, emulator
from localcloud.localise import Template, parse

DEMO_TENANT = "demo"


@dataclass(frozen=True)
class LocalCloud:
    """A deployed stack on this machine: where it answers, and what its resources are called."""

    emulator: Emulator
    outputs: Mapping[str, str]  # of template.yaml, by name

    @property
    def base_url(self) -> str:
        """The API's base URL, as in production up to the host."""
        return f"{self.emulator.endpoint}/v1"

    def create_key(
        self,
        *,
        tenant: str = DEMO_TENANT,
        scopes: tuple[str, ...] = SCOPES,
        live: bool = True,
        plan: str = "internal",
        per_minute: int | None = None,
        per_month: int | None = None,
    ) -> str:
        """Return a new API key that works at once; unless another plan is asked for, nothing limits it."""
        new = self.keys().create(
            tenant=tenant, plan=plan, live=live, scopes=scopes, per_minute=per_minute, per_month=per_month
        )
        return new.key

    def keys(self) -> ManageKeys:
        """The administrator's view of the stack's keys."""
        dynamodb = session().client("dynamodb", endpoint_url=self.emulator.endpoint, config=CONFIG)
        counters = DynamoCounters(lambda: dynamodb, self.outputs["CountersTableName"])
        return ManageKeys(DynamoKeys(lambda: dynamodb, self.outputs["KeysTableName"]), Clock(), counters)


@contextlib.contextmanager
def local_cloud(
    *, port: int = 0, iam: bool = False, template: Template | None = None, source: Path = ROOT
) -> Iterator[LocalCloud]:
    """Run template.yaml on this machine for the length of a `with` block.

    Args:
        port: the TCP port on 127.0.0.1; 0 takes a free one.
        iam: hold every function to its own role, as AWS does.
        template: a template to deploy in place of template.yaml.
        source: the folder whose `functions` package is run.

    Raises:
        EmulatorError, DeployError: with the log or the failed resources.
    """
    if template is None:
        template = parse((ROOT / "template.yaml").read_text())
    with emulator(port=port, iam=iam, source=source) as running:
        yield LocalCloud(emulator=running, outputs=deploy(template, endpoint=running.endpoint))
