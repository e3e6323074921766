"""The deployed local cloud, once with open doors and once with every function held to its own role.

Every test of this folder that takes `cloud`, `api` or `anonymous` runs twice: `-k open` or `-k iam` picks one mode.
When such a test fails, the log lines of the functions are part of its report.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2
import pytest

from localcloud.cloud import LocalCloud, local_cloud
from localcloud.logs import function_logs
from tests.support.bucket import Bucket

TIMEOUT_S = 60  # a cold start with models, on a busy machine


@pytest.fixture(scope="session", params=[False, True], ids=["open", "iam"])
def cloud(request: pytest.FixtureRequest) -> Iterator[LocalCloud]:
    """template.yaml deployed on this machine."""
    with local_cloud(iam=request.param) as running:
        yield running


@pytest.fixture(scope="session")
def key(cloud: LocalCloud) -> str:
    """An API key of the tenant `demo` with every scope."""
    return cloud.create_key()


@pytest.fixture
def api(cloud: LocalCloud, key: str) -> Iterator[httpx2.Client]:
    """A client with a key; paths are relative to the base URL: `api.get("/jobs/...")`."""
    with _client(cloud, {"Authorization": f"Bearer {key}"}) as client:
        yield client


@pytest.fixture
def bucket(cloud: LocalCloud) -> Bucket:
    """The bucket of media and artefacts."""
    return Bucket(cloud)


@pytest.fixture
def anonymous(cloud: LocalCloud) -> Iterator[httpx2.Client]:
    """A client without a key."""
    with _client(cloud, {}) as client:
        yield client


def _client(cloud: LocalCloud, headers: dict[str, str]) -> httpx2.Client:
    return httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=TIMEOUT_S, trust_env=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Iterator[None]:  # the type of pluggy's wrappers
    report: pytest.TestReport = yield  # type: ignore[assignment,misc]
    running = item.funcargs.get("cloud")
    if report.failed and isinstance(running, LocalCloud):
        since = time.time() - call.duration
        report.sections.append(("functions' logs", "\n".join(function_logs(running, since=since))))
    return report  # type: ignore[return-value]
