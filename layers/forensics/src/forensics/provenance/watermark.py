"""The invisible DWT-DCT watermarks of Stable Diffusion 1, 2, XL and FLUX, decoded by soft correlation.

The encoder (ShieldMnt/invisible-watermark, `maxDct.py`) takes the Haar approximation band of OpenCV's U plane in blocks of
4x4, numbers the blocks row by row, and moves the largest coefficient of block n to the phase 0.25 (bit 0) or 0.75 (bit 1)
of a grid of 36. Lossy compression shrinks that coefficient by much the same amount everywhere and so turns all phases
alike: reading hard bits fails then. Here the mean sine and cosine of the phase over all blocks of a bit are kept, and the
known pattern is regressed on both; the multiple correlation R stays high whatever the turn.

Programs hand the encoder their pictures in different ways, and the mark lies elsewhere for each: bytes (U is offset by
128; the scripts of Stable Diffusion 1 and 2) or floats (by 0.5, so that coefficients have signs; FLUX and diffusers), and
early diffusers (0.18) swapped red and blue. A mark names the program, not the weights: any SDXL fine-tune run by diffusers
carries SDXL's, and FLUX.2 embeds the same message as FLUX.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from forensics.domain.evidence import Claim, Evidence, WatermarkFacts
from forensics.provenance.findings import Findings, SourceFile
from forensics.provenance.strength import WATERMARK

Floats = NDArray[np.float32]

BLOCK: Final = 4  # coefficients a side
GRID: Final = 36.0  # the encoder's quantisation step for U
PIXELS_A_BLOCK: Final = 2 * BLOCK  # the Haar band halves each side
MIN_PIXELS: Final = 256 * 256  # the encoder refuses smaller pictures
MAX_PIXELS: Final = 2_000_000  # the topmost rows are enough: 31,250 blocks

# Nominal false alarms of one pattern on one unmarked picture, if its bits were independent: far too rare to be measured.
CHANCE: Final = 1e-7
FLOOR: Final = 0.55

_U_SCALE: Final = 0.492  # OpenCV's BGR2YUV: U = 0.492 (B - Y) + offset
_LUMA: Final = (0.299, 0.587, 0.114)
_BYTE_OFFSET: Final = 128.0
_FLOAT_OFFSET: Final = 0.5


@dataclass(frozen=True)
class Pattern:
    """A known watermark and the way its program hands the picture to the encoder."""

    name: str
    generator: str
    bits: tuple[int, ...]
    float_encoded: bool = False
    swapped: bool = False

    @property
    def threshold(self) -> float:
        """The R that independent bits pass with `CHANCE`: R² of a regression on two predictors is Beta(1, (n - 3) / 2).

        Of diagrams and plots they are not: the 136-bit pattern met 0.425 there, beyond its nominal tail. Hence the floor,
        which was set on those same pictures (docs/provenance.md).
        """
        return max(FLOOR, float(np.sqrt(1.0 - CHANCE ** (2.0 / (len(self.bits) - 3)))))


def _bits(value: int, count: int) -> tuple[int, ...]:
    return tuple(int(c) for c in f"{value:0{count}b}")


def _text_bits(text: bytes) -> tuple[int, ...]:
    return _bits(int.from_bytes(text, "big"), 8 * len(text))


_SDXL: Final = _bits(0b101100111110110010010000011110111011000110011110, 48)
_FLUX: Final = _bits(0b001010101111111010000111100111001111010100101110, 46)  # its code drops the two leading zeros

PATTERNS: Final[tuple[Pattern, ...]] = (
    Pattern("StableDiffusionV1", "sd-v1", _text_bits(b"StableDiffusionV1")),
    Pattern("SDXL", "sdxl-v1.0", _SDXL),
    Pattern("SDXL", "sdxl-v1.0", _SDXL, float_encoded=True),
    Pattern("SDXL", "sdxl-v1.0", _SDXL, float_encoded=True, swapped=True),
    Pattern("SDV2", "sd-v2", _text_bits(b"SDV2")),
    Pattern("FLUX", "flux.1", _FLUX),
    Pattern("FLUX", "flux.1", _FLUX, float_encoded=True),
)


class WatermarkReader:
    """Looks for every known pattern in the decoded pixels."""

    name = "watermark"

    def read(self, file: SourceFile) -> Findings:
        if file.image is None:
            return Findings()
        best = max(correlate(file.image.rgb), key=lambda found: found.correlation - found.threshold, default=None)
        if best is None or best.correlation < best.threshold:
            return Findings()
        what = f"the pixels carry the invisible watermark {best.name} (correlation {best.correlation:.2f})"
        evidence = Evidence("watermark", Claim.SYNTHETIC, WATERMARK, what, best.generator)
        return Findings(evidence=(evidence,), watermark=best)


def correlate(rgb: NDArray[np.uint8]) -> tuple[WatermarkFacts, ...]:
    """Return the correlation with every pattern, `PATTERNS`' order; empty for pictures that the encoder refuses.

    `rgb` is uint8 (height, width, 3); of very large pictures only the topmost rows are read.
    """
    height, width = rgb.shape[:2]
    rows = min(height, MAX_PIXELS // max(width, 1)) // PIXELS_A_BLOCK * PIXELS_A_BLOCK
    columns = width // PIXELS_A_BLOCK * PIXELS_A_BLOCK
    if height * width < MIN_PIXELS or not rows or not columns:
        return ()
    bands = _approximation(rgb[:rows, :columns])
    phases: dict[tuple[bool, bool], Floats] = {}
    found = []
    for pattern in PATTERNS:
        kind = (pattern.float_encoded, pattern.swapped)
        if kind not in phases:
            phases[kind] = _phases(bands, float_encoded=kind[0], swapped=kind[1])
        correlation = _correlation(phases[kind], pattern.bits)
        found.append(WatermarkFacts(pattern.name, pattern.generator, correlation, pattern.threshold))
    return tuple(found)


def _approximation(rgb: NDArray[np.uint8]) -> tuple[Floats, Floats, Floats]:
    """Haar approximation (half the sum of 2x2 pixels) of red, green and blue, each float32 (rows / 2, columns / 2)."""
    red, green, blue = (_halved(np.ascontiguousarray(rgb[..., i])) for i in range(3))
    return red, green, blue


def _halved(plane: NDArray[np.uint8]) -> Floats:
    """Return half the sum of each 2x2 pixels; two neighbours are read as one 16-bit number: quicker than strided sums."""
    both = plane.view(np.uint16)
    pairs = (both & 0xFF) + (both >> 8)
    return (pairs[0::2] + pairs[1::2]).astype(np.float32) * np.float32(0.5)


def _phases(bands: tuple[Floats, Floats, Floats], *, float_encoded: bool, swapped: bool) -> Floats:
    """Return cosine and sine of every block's phase on the grid; shape (2, blocks), numbered row by row."""
    red, green, blue = reversed(bands) if swapped else bands
    luma = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
    offset = 2 * (_FLOAT_OFFSET if float_encoded else _BYTE_OFFSET)  # the approximation of a constant is twice it
    u = np.abs((blue - luma) * np.float32(_U_SCALE) + np.float32(offset))
    u[0::BLOCK, 0::BLOCK] = 0.0  # the encoder never takes a block's first coefficient
    down = u.reshape(-1, BLOCK, u.shape[1]).max(axis=1)  # (block rows, columns / 2)
    angles = down.reshape(down.shape[0], -1, BLOCK).max(axis=2).ravel() * np.float32(2 * np.pi / GRID)
    return np.stack((np.cos(angles), np.sin(angles)))


def _correlation(phases: Floats, bits: tuple[int, ...]) -> float:
    """Return the multiple correlation, 0..1, of the pattern with each bit's mean cosine and sine; 0 for constant pictures."""
    count = len(bits)
    turns, rest = divmod(phases.shape[1], count)
    sums = phases[:, : turns * count].reshape(2, -1, count).sum(axis=1, dtype=np.float64)
    sums[:, :rest] += phases[:, turns * count :]
    means = sums / np.maximum(turns + (np.arange(count) < rest), 1)  # (2, bits)
    predictors = means - means.mean(axis=1, keepdims=True)
    pattern = np.asarray(bits) - np.mean(bits)
    covariance = predictors @ predictors.T + 1e-9 * np.eye(2)  # the ridge keeps flat pictures at zero
    projected = predictors @ pattern
    explained = float(projected @ np.linalg.solve(covariance, projected)) / float(pattern @ pattern)
    return float(np.sqrt(max(explained, 0.0)))
