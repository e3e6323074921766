"""Invisible watermarks, embedded by the public encoder: found when there, never when not."""

from __future__ import annotations

import io
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from forensics.domain.evidence import Claim
from forensics.media.image import DecodedImage, decode_image
from forensics.provenance import read_provenance
from forensics.provenance.watermark import MAX_PIXELS, PATTERNS, Pattern, correlate

Pixels = NDArray[np.uint8]


def embed(encoder: ModuleType, pixels: Pixels, pattern: Pattern) -> Pixels:
    """Mark a picture the way the pattern's own program does."""
    planes = np.ascontiguousarray(pixels if pattern.swapped else pixels[..., ::-1])
    given = planes.astype(np.float32) if pattern.float_encoded else planes
    marked = encoder.EmbedMaxDct(list(pattern.bits), wmLen=len(pattern.bits)).encode(given)
    rounded = np.clip(np.rint(marked), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(rounded if pattern.swapped else rounded[..., ::-1])


def save(pixels: Pixels, format: str, **options: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format, **options)
    return out.getvalue()


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: f"{p.name}-{p.float_encoded}-{p.swapped}")
@pytest.mark.parametrize(
    "saved", [("PNG", {}), ("JPEG", {"quality": 98}), ("JPEG", {"quality": 95}), ("WEBP", {"quality": 90})]
)
def test_every_mark_survives_saving_and_decides(
    public_encoder: ModuleType, scene: Pixels, pattern: Pattern, saved: tuple[str, dict[str, int]]
) -> None:
    data = save(embed(public_encoder, scene, pattern), saved[0], **saved[1])
    read = read_provenance(data, decode_image(data))
    assert read.watermark is not None
    assert (read.watermark.name, read.watermark.generator) == (pattern.name, pattern.generator)
    assert read.watermark.correlation >= read.watermark.threshold
    assert (read.evidence[0].claim, read.evidence[0].generator) == (Claim.SYNTHETIC, pattern.generator)


def test_a_mark_in_a_large_picture_is_found_in_its_top(public_encoder: ModuleType, scene: Pixels) -> None:
    large = np.tile(scene, (5, 4, 1))  # 1920 x 2048 pixels
    assert large.shape[0] * large.shape[1] > MAX_PIXELS
    read = read_provenance(b"", DecodedImage(embed(public_encoder, large, PATTERNS[0]), "PNG"))
    assert read.watermark is not None
    assert read.watermark.generator == "sd-v1"


def test_a_mark_of_other_bits_is_not_taken_for_a_known_one(public_encoder: ModuleType, scene: Pixels) -> None:
    bits = tuple(int(b) for b in np.random.default_rng(3).integers(0, 2, 48))
    other = embed(public_encoder, scene, Pattern("other", "other", bits))
    assert read_provenance(b"", DecodedImage(other, "PNG")).watermark is None


def clean_pictures(scene: Pixels) -> list[Pixels]:
    random = np.random.default_rng(11)
    ramp = np.tile(np.linspace(0, 255, 512, dtype=np.uint8), (512, 1))
    stripes = np.tile((np.arange(512, dtype=np.uint8) // 8 % 2 * 200), (512, 1))
    return [
        scene,
        np.zeros((512, 512, 3), dtype=np.uint8),
        np.full((300, 700, 3), 255, dtype=np.uint8),
        np.dstack((ramp, ramp.T, 255 - ramp)),
        np.dstack((stripes, stripes.T, stripes)),
        *(random.integers(0, 256, (384, 384, 3), dtype=np.uint8) for _ in range(40)),
        *(np.roll(scene, (11 * i, 7 * i), (0, 1)) for i in range(1, 20)),
    ]


def test_clean_pictures_stay_far_below_every_threshold(scene: Pixels) -> None:
    worst = max(f.correlation - f.threshold for pixels in clean_pictures(scene) for f in correlate(pixels))
    assert worst < -0.05


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 40_000, 3), (255, 256, 3), (90_000, 3, 3)])
def test_pictures_too_small_for_the_encoder_are_left_alone(shape: tuple[int, int, int]) -> None:
    assert correlate(np.zeros(shape, dtype=np.uint8)) == ()


def test_thresholds_follow_the_length_of_the_pattern() -> None:
    assert {p.name: round(p.threshold, 2) for p in PATTERNS} == {
        "StableDiffusionV1": 0.55,
        "SDXL": 0.72,
        "SDV2": 0.82,
        "FLUX": 0.73,
    }
    assert [len(p.bits) for p in PATTERNS] == [136, 48, 48, 48, 32, 46, 46]
