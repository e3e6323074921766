"""The demo's own parts: plain words, a file server, honest failures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import urllib3

from localcloud.demo import Client, DemoError, file_server, in_words

RESULT: Mapping[str, Any] = {
    "verdict": "synthetic",
    "confidence": 0.987,
    "generator": "sdxl-v1.0",
    "provenance": {"evidence": [{"what": "Invisible watermark of SDXL"}]},
    "signal_details": [{"name": "watermark", "value": "present"}],
    "reasons": ["provenance"],
    "latency_ms": 12,
}


def test_a_result_in_words() -> None:
    assert in_words(RESULT).splitlines() == [
        "synthetic with confidence 0.99, made by sdxl-v1.0",
        "  evidence: Invisible watermark of SDXL",
        "  signal:   watermark is present",
        "  because:  provenance",
        "  took:     12 ms",
    ]


def test_an_unknown_generator_is_not_mentioned() -> None:
    assert in_words({**RESULT, "generator": None}).startswith("synthetic with confidence 0.99\n")


def test_files_are_served_while_the_block_lasts(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\x00\xff")
    with file_server(tmp_path) as url:
        answer = urllib3.request("GET", f"{url}/a.bin", retries=False)
    assert answer.data == b"\x00\xff"
    with pytest.raises(urllib3.exceptions.HTTPError):
        urllib3.request("GET", f"{url}/a.bin", retries=False, timeout=1)


def test_a_problem_ends_the_demo(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x")
    with file_server(tmp_path) as url, pytest.raises(DemoError, match="HTTP 501"):
        Client(url, "dd_test_x").detect_url("http://127.0.0.1/x")
