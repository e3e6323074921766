"""onnxruntime's builds for Linux report to their maker unless they are told not to; nothing of ours is reported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LOADS_A_MODEL = """
from pathlib import Path
from forensics.detect.onnx import OnnxModel
OnnxModel(next(Path({models!r}).glob("image/*.onnx")))
"""


def test_a_model_is_loaded_without_a_trace(tmp_path: Path) -> None:
    kept = {
        name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ
    }  # no CI, which silences it too
    environment = {**kept, "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    script = LOADS_A_MODEL.format(models=str(ROOT / "models"))
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True, timeout=120)
    assert [str(file) for file in tmp_path.rglob("*")] == []
