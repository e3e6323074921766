"""The images: linted, small to read, built from one lock file and from nothing that .dockerignore holds back."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from localcloud.emulator import ROOT
from localcloud.localise import parse

DOCKERFILES = sorted((ROOT / "functions").glob("*/Dockerfile"))
MAX_LINES = 20


@pytest.fixture(params=DOCKERFILES, ids=lambda path: path.parent.name)
def dockerfile(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def instructions(path: Path, name: str) -> list[list[str]]:
    """The words after every instruction of that name, continued lines joined."""
    lines = path.read_text().replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith(f"{name} ")]


def test_hadolint_passes(dockerfile: Path) -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, dockerfile], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_short(dockerfile: Path) -> None:
    assert len(dockerfile.read_text().splitlines()) <= MAX_LINES


def test_it_runs_its_own_handler(dockerfile: Path) -> None:
    (command,) = (line for line in dockerfile.read_text().splitlines() if line.startswith("CMD "))
    assert json.loads(command.removeprefix("CMD ")) == [f"functions.{dockerfile.parent.name}.app.handler"]


def test_every_install_is_held_to_the_lock(dockerfile: Path) -> None:
    installs = dockerfile.read_text().replace("\\\n", " ").split("uv pip install")[1:]
    assert len(installs) == 2
    assert all("constraints requirements.lock" in install for install in installs)


def test_what_it_copies_is_sent(dockerfile: Path) -> None:
    copies = [words for words in instructions(dockerfile, "COPY") if not words[0].startswith("--from")]
    files = [
        file.relative_to(ROOT)
        for *sources, _ in copies
        for pattern in sources
        for found in ROOT.glob(pattern)
        for file in ([found] if found.is_file() else found.rglob("*.py"))
    ]
    assert len(files) > len(copies)
    assert [str(file) for file in files if held_back(str(file))] == []


def test_every_function_has_one() -> None:
    resources = parse((ROOT / "template.yaml").read_text())["Resources"].values()
    named = {r["Metadata"]["Dockerfile"] for r in resources if r["Type"] == "AWS::Serverless::Function"}
    assert named == {str(path.relative_to(ROOT)) for path in DOCKERFILES}


@pytest.mark.parametrize("path", ["tests/conftest.py", ".git/config", "training/sources.csv", "models/image/card.md"])
def test_what_no_image_needs_stays_out(path: str) -> None:
    assert held_back(path)


def held_back(path: str) -> bool:
    """Docker's reading of .dockerignore: a pattern also matches what is below it, and the last match decides."""
    held = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if not pattern or pattern.startswith("#"):
            continue
        regex = re.escape(pattern).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(regex, str(part)) for part in (PurePosixPath(path), *PurePosixPath(path).parents)):
            held = not line.startswith("!")
    return held
