"""Estimate the size of each function's image without building it: python -m bench.image_size [FUNCTION ...]

Installs what the Dockerfile installs (same extras, same lock) into a temporary folder, compiles it, adds code, models and
encoders, and prints MB (10^6 bytes, uncompressed) per part. The base image comes on top.
"""

from __future__ import annotations

import compileall
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from forensics.settings import ModelSettings

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).parent / "uv"
LARGEST_SHOWN = 6


def main() -> None:
    names = sys.argv[1:] or sorted(path.parent.name for path in ROOT.glob("functions/*/Dockerfile"))
    print(f"{'function':<14}{'packages':>10}{'code':>8}{'models':>8}{'encoders':>10}{'total':>8}  MB, largest packages")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            parts, largest = measure(name, Path(folder))
        row = "".join(f"{parts[part]:>{width}.1f}" for part, width in zip(parts, (10, 8, 8, 10), strict=True))
        print(f"{name:<14}{row}{sum(parts.values()):>8.1f}  {largest}", flush=True)


def measure(name: str, folder: Path) -> tuple[dict[str, float], str]:
    """Return MB by part, and the largest packages as text."""
    dockerfile = (ROOT / "functions" / name / "Dockerfile").read_text()
    packages, code = folder / "deps", folder / "code"
    install(packages, extras=re.findall(r"--extra (\w+)", dockerfile))
    shutil.copytree(ROOT / "layers/forensics/src/forensics", code / "forensics")
    shutil.copytree(ROOT / "functions" / name, code / "functions" / name)
    for shared in (ROOT / "functions").glob("*.py"):
        shutil.copy(shared, code / "functions")
    for tree in (packages, code):
        compileall.compile_dir(tree, quiet=2)
    has_models = "MODELS_DIR" in dockerfile
    settings = ModelSettings.from_env()
    parts = {
        "packages": megabytes(packages),
        "code": megabytes(code),
        "models": megabytes(settings.models_dir / name.removeprefix("detect_")) if has_models else 0.0,
        "encoders": megabytes(settings.encoders_dir) if has_models else 0.0,
    }
    by_size = sorted(((megabytes(path), path.name) for path in packages.iterdir()), reverse=True)
    return parts, ", ".join(f"{package} {size:.0f}" for size, package in by_size[:LARGEST_SHOWN])


def install(target: Path, *, extras: list[str]) -> None:
    """Install the extras' dependencies as the images do: only what the lock names, hashes verified."""
    flags = [flag for extra in extras for flag in ("--extra", extra)]
    lock, project = ROOT / "requirements.lock", ROOT / "layers/forensics/pyproject.toml"
    command = [UV, "pip", "install", "--quiet", "--python", sys.executable, "--target", target]
    subprocess.run([*command, "--constraints", lock, "-r", project, *flags], check=True)


def megabytes(tree: Path) -> float:
    files = [tree] if tree.is_file() else tree.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


if __name__ == "__main__":
    main()
