"""Hostile files through the API: never a 5xx, never late, never out of memory, always an answer of the contract.

`-m slow` sends all 500; the default suite every eighth of them. Both print what came back (`-s` shows it).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from forensics.media.image import FORMATS
from localcloud.cloud import LocalCloud, local_cloud
from localcloud.demo import MEDIA
from tests.support.bombard import bombard
from tests.support.dataset import default_data_root
from tests.support.mutations import INLINE_LIMIT_BYTES, hostile_calls
from tests.support.signing import Authority, manifest

pytestmark = pytest.mark.e2e

CALLS = 500
STRIDE = 8


@pytest.fixture(scope="module")
def open_cloud() -> Iterator[LocalCloud]:
    """A local cloud of its own: the peak of a fresh process belongs to these calls alone."""
    with local_cloud() as running:
        yield running


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """Good pictures: one photo in all eight formats, the examples, and the data set's where it is here."""
    with Image.open(MEDIA / "photo.jpg") as photo:
        small = photo.resize((300, 200))
    made = {f"seed.{'jpg' if f == 'JPEG' else f.lower()}": encoded(small, f) for f in FORMATS}
    examples = {path.name: path.read_bytes() for path in sorted(MEDIA.iterdir())}
    return made | examples | provenance_files(default_data_root() / "provenance")


@pytest.fixture(scope="module")
def signed(files: dict[str, bytes]) -> dict[str, bytes]:
    """The seeds with a C2PA manifest each, in four containers."""
    signer, says = Authority()(), manifest("trainedAlgorithmicMedia")
    mimes = {"seed.jpg": "image/jpeg", "seed.png": "image/png", "seed.webp": "image/webp", "seed.avif": "image/avif"}
    return {f"signed_{name}": signer.sign(files[name], mime, says) for name, mime in mimes.items()}


def encoded(image: Image.Image, format: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format)
    return buffer.getvalue()


def provenance_files(folder: Path) -> dict[str, bytes]:
    found = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".csv")
    small = [p for p in found if p.stat().st_size < INLINE_LIMIT_BYTES]
    return {str(p.relative_to(folder)): p.read_bytes() for p in small}


def test_a_sample_of_hostile_files_is_answered(
    open_cloud: LocalCloud, files: dict[str, bytes], signed: dict[str, bytes]
) -> None:
    bombard(open_cloud, hostile_calls(files, signed, count=CALLS)[::STRIDE], medium="image")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_all_hostile_files_are_answered(
    open_cloud: LocalCloud, files: dict[str, bytes], signed: dict[str, bytes]
) -> None:
    bombard(open_cloud, hostile_calls(files, signed, count=CALLS), medium="image")
