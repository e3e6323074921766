"""The deployed local cloud, once with open doors and once with every function held to its own role.

Every test of this folder that takes `cloud`, `api` or `anonymous` runs twice: `-k open` or `-k iam` picks one mode.
When such a test fails, the log lines of the functions are part of its report. What is shared by the tests of pictures stands here
too: a small picture, and answers held against the models of `forensics.web.schemas`.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from PIL import Image

from forensics.web.schemas import Problem, Result
from localcloud.cloud import LocalCloud, local_cloud
from localcloud.demo import MEDIA
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


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """A photo of the examples, made small."""
    with Image.open(MEDIA / "photo.jpg") as photo:
        return photo.resize((360, 240))


def saved(picture: Image.Image, format: str, **options: Any) -> bytes:
    """Return the picture as a file of one of Pillow's formats."""
    buffer = io.BytesIO()
    picture.save(buffer, format=format, **options)
    return buffer.getvalue()


def detect(api: httpx2.Client, data: bytes, *, path: str = "/detect/image", **fields: Any) -> Result:
    """Post a file, hold the answer against the schema and return it."""
    answer = api.post(path, files={"file": ("picture", data)}, data=fields)
    assert answer.status_code == 200, answer.text
    return result(answer)


def result(answer: httpx2.Response) -> Result:
    """Hold an answer to be a whole result and return it."""
    assert answer.headers["Content-Type"] == "application/json"
    return Result.model_validate_json(answer.content)


def problem(answer: httpx2.Response, status: int, code: str) -> Problem:
    """Hold an answer to be this very problem."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    body = Problem.model_validate_json(answer.content)
    assert (body.status, body.code) == (status, code)
    assert body.type.endswith(f"#{code}")
    assert body.request_id is not None
    return body


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
