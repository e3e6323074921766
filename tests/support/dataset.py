"""Where the data set lies, for tests that carry the marker `dataset`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def default_data_root() -> Path:
    """Return where the data set is looked for; it need not be there."""
    return Path(os.environ.get("DATA_ROOT") or Path(__file__).resolve().parents[3] / "shared" / "data")


def data_root() -> Path:
    """Return the data set's folder; skips the test when it is not here."""
    root = default_data_root()
    if not (root / "provenance" / "manifest.csv").is_file():
        pytest.skip("the data set is not here: set DATA_ROOT to its folder")
    return root
