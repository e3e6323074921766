"""One deployed local cloud for the contract, every function held to its own role."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localcloud.cloud import LocalCloud, local_cloud
from tests.contract.run import file_server, warm_up


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloud]:
    with local_cloud(iam=True) as running:
        warm_up(running)
        yield running


@pytest.fixture(scope="session")
def files() -> Iterator[str]:
    """The base URL of a server of examples/media."""
    with file_server() as url:
        yield url
