"""Small pictures, a signing authority and the public watermark encoder, all made on the spot."""

from __future__ import annotations

import importlib.util
import io
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support import dataset
from tests.support.signing import Authority, Signer


@pytest.fixture(scope="session")
def make_signer() -> Callable[..., Signer]:
    """Return a maker of ES256 signers: organisation, seconds of validity."""
    return Authority()


@pytest.fixture(scope="session")
def scene() -> NDArray[np.uint8]:
    """A colourful smooth picture with grain, uint8 (384, 512, 3): enough texture for a watermark to hold."""
    random = np.random.default_rng(7)
    coarse = random.integers(30, 220, size=(6, 8, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((512, 384), Image.Resampling.BICUBIC), dtype=np.float64)
    return np.clip(smooth + random.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def encode(scene: NDArray[np.uint8]) -> Callable[..., bytes]:
    """Return an encoder of the scene: Pillow's format name and its save options to file bytes."""

    def run(format: str, *, pixels: NDArray[np.uint8] | None = None, **options: object) -> bytes:
        out = io.BytesIO()
        Image.fromarray(scene if pixels is None else pixels).save(out, format, **options)
        return out.getvalue()

    return run


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return one PNG chunk with its length and checksum."""
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


@pytest.fixture(scope="session")
def png_with() -> Callable[..., bytes]:
    """Return a maker of an 8x8 PNG with text chunks (tEXt, or the given raw chunks) before the pixels."""
    plain = io.BytesIO()
    Image.new("RGB", (8, 8), (10, 120, 200)).save(plain, "PNG")
    head, rest = plain.getvalue()[:33], plain.getvalue()[33:]

    def make(texts: Mapping[str, str] | None = None, *, raw: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
        text = [(b"tEXt", k.encode("latin-1") + b"\x00" + v.encode("utf-8")) for k, v in (texts or {}).items()]
        return head + b"".join(png_chunk(kind, body) for kind, body in (*text, *raw)) + rest

    return make


@pytest.fixture(scope="session")
def public_encoder() -> ModuleType:
    """invisible-watermark's DWT-DCT module, loaded by its path: importing the package would need torch."""
    package = importlib.util.find_spec("imwatermark")
    assert package is not None
    assert package.submodule_search_locations is not None
    path = Path(package.submodule_search_locations[0]) / "maxDct.py"
    spec = importlib.util.spec_from_file_location("max_dct", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The data set's folder; tests that need it are skipped without."""
    return dataset.data_root()
