"""Fixtures of every suite; unit and integration tests reach no network but loopback."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_socket import socket_allow_hosts

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "media"


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest) -> None:
    """Loopback only, for listeners that a test starts itself; the end-to-end suite talks to its own local cloud."""
    if request.node.get_closest_marker("e2e") is None:
        socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture
def photo() -> bytes:
    return (EXAMPLES / "photo.jpg").read_bytes()


@pytest.fixture
def generated_a1111() -> bytes:
    return (EXAMPLES / "generated_a1111.png").read_bytes()
