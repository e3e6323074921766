"""Checksums of model files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from forensics.detect.onnx import ModelUnavailable


def verify_file(path: Path, *, sha256: str) -> Path:
    """Return `path` when its bytes have that SHA-256 (hex); raises ModelUnavailable when missing or changed."""
    if not path.is_file():
        raise ModelUnavailable(f"The model file {path.name} is missing; run `make setup`.")
    if file_sha256(path) != sha256:
        raise ModelUnavailable(f"The model file {path.name} does not have the pinned checksum; run `make setup`.")
    return path


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
