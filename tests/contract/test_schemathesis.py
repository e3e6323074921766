"""Schemathesis, bounded: what CI runs of it. `make test-contract REQUESTS=20000` is the long form."""

from __future__ import annotations

import pytest

from forensics.web.openapi import openapi_document
from localcloud.cloud import LocalCloud
from tests.contract.run import run_round

pytestmark = pytest.mark.e2e
LEAST_REQUESTS = 100


def test_every_operation_keeps_to_its_description(cloud: LocalCloud, files: str) -> None:
    """Made-up calls, right and wrong ones, to each operation, and walks along the links."""
    found = run_round(cloud, files, seed=1, examples=4, phases="examples,fuzzing,stateful", seconds=60)
    assert not found.failures, found.output
    operations = {o["operationId"] for item in openapi_document()["paths"].values() for o in item.values()}
    assert operations <= found.operations and found.total >= LEAST_REQUESTS


def test_live_verdicts_keep_to_their_description(cloud: LocalCloud, files: str) -> None:
    found = run_round(cloud, files, seed=2, examples=1, phases="examples,fuzzing", live=True, seconds=20)
    assert not found.failures, found.output
    assert any(name.startswith("detect") and name.endswith((" 200", " 202")) for name in found.requests)
