"""What the gateway adds to the contract: the page beside /v1, wrong methods, unknown paths, calls without a key."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from forensics.web.docs_page import POLICY
from forensics.web.openapi import openapi_document
from forensics.web.schemas import Problem
from localcloud.cloud import LocalCloud

pytestmark = pytest.mark.e2e


@pytest.fixture
def client(cloud: LocalCloud) -> Iterator[httpx2.Client]:
    server = cloud.base_url.removesuffix("/v1")
    with httpx2.Client(base_url=server, timeout=60, trust_env=False) as made:
        yield made


@pytest.mark.parametrize("path", ["/docs", "/prod/docs"])
def test_the_page_is_served_without_a_key(client: httpx2.Client, path: str) -> None:
    page = client.get(path)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["content-security-policy"] == POLICY
    assert all(template in page.text for template in openapi_document()["paths"])


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_a_wrong_method_is_told_with_the_right_ones(cloud: LocalCloud, client: httpx2.Client, method: str) -> None:
    answer = client.request(
        method, "/v1/detect/image", headers={"Authorization": f"Bearer {cloud.create_key(live=False)}"}
    )
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert "RateLimit" in answer.headers
    if method != "HEAD":
        assert Problem.model_validate(answer.json()).code == "method-not-allowed"


def test_an_unknown_path_is_told_to_who_has_a_key(cloud: LocalCloud, client: httpx2.Client) -> None:
    known = client.get("/v1/nowhere/at/all", headers={"Authorization": f"Bearer {cloud.create_key(live=False)}"})
    assert (known.status_code, Problem.model_validate(known.json()).code) == (404, "not-found")
    assert client.get("/v1/nowhere/at/all").status_code == 401
