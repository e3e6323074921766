"""Real pictures with one place redrawn, to teach and never to measure: python -m training.image.patched --each 4

An edit leaves most of a picture as it was. Here a place of wavy outline is restyled, redrawn from few pixels, bent, smoothed,
filled from its edge, or covered with another place of the same picture: what there is to learn is the edit and not the content.
Takes up to `--each` pictures of every real source that is not of faces (those: training.image.forged_faces), writes them to
DATA_EXTRA with a manifest, and shares the pair group of the picture. Needs DATA_ROOT and DATA_EXTRA; resumes where it stopped.
"""

from __future__ import annotations

import argparse
import zlib
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from forensics.media.tensors import working_copy
from training.face.fakes import blend, match_colours, restyle
from training.image.data import Item, load_items
from training.image.taught import chosen, write_taught

SOURCE, GENERATOR = "patched_made", "patched by training.image.patched"
KINDS = ("scene", "art", "document", "other")
LONG_SIDE_PX = 768
LEAST_CHANGE = 3.0  # grey levels inside the place, below which there is nothing to see
TRIES = 6
SHARE = (0.04, 0.45)  # of the picture's area

Rgb = NDArray[np.uint8]
Mask = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=4)
    each = parser.parse_args().each

    items = chosen(load_items(), kinds=KINDS, each=each)
    write_taught([(item, partial(of, item)) for item in items], source=SOURCE, generator=GENERATOR, total=len(items))


def of(item: Item) -> Rgb:
    """Return a picture with one place redrawn, by its name alone."""
    rgb = working_copy(item.pixels(), max_side=LONG_SIDE_PX, tolerated=1.0)
    return patched(rgb, np.random.default_rng(zlib.crc32(item.path.name.encode())))


def patched(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """Return uint8 (h, w, 3) with one place redrawn; drawn anew while nobody could see it."""
    for _ in range(TRIES):
        mask = place(rgb.shape[:2], rng)
        redrawn = REDRAW[int(rng.integers(len(REDRAW)))](rgb, mask, rng)
        fake = blend(rgb, redrawn, mask)
        inside = mask > 0.5
        change = np.abs(fake[inside].astype(np.int16) - rgb[inside])
        if change.size and change.mean() >= LEAST_CHANGE:
            break
    return fake


def place(shape: tuple[int, ...], rng: np.random.Generator) -> Mask:
    """Return a mask float32 (h, w) in 0..1: the highest part of a smooth random field, or a rectangle, with a soft edge."""
    height, width = shape
    share = float(np.exp(rng.uniform(*np.log(SHARE))))
    if rng.random() < 0.3:
        aspect = float(np.exp(rng.normal(0, 0.4)))
        h, w = (
            int(min(0.9 * n, np.sqrt(share * height * width * a))) for n, a in ((height, 1 / aspect), (width, aspect))
        )
        top, left = int(rng.integers(0, height - h)), int(rng.integers(0, width - w))
        mask = np.zeros(shape, dtype=np.float32)
        mask[top : top + h, left : left + w] = 1
    else:
        ys, xs = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
        middle = rng.uniform(0.2, 0.8, 2)
        coarse = rng.normal(0, 1, (5, 5)).astype(np.float32)
        field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * rng.uniform(0.1, 0.5)
        field = field - 3 * np.hypot(ys - middle[0], xs - middle[1])
        mask = (field > np.quantile(field, 1 - share)).astype(np.float32)
    edge = float(np.exp(rng.uniform(np.log(0.6), np.log(10.0))))
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), edge), dtype=np.float32)


def restyled(rgb: Rgb, mask: Mask, rng: np.random.Generator) -> Rgb:
    """Other colours and sharpness."""
    return restyle(rgb, rng)


def reduced(rgb: Rgb, mask: Mask, rng: np.random.Generator) -> Rgb:
    """What a network of few pixels would have drawn."""
    scale = float(np.exp(rng.uniform(np.log(0.2), np.log(0.7))))
    small = cv2.resize(
        rgb, (max(8, round(rgb.shape[1] * scale)), max(8, round(rgb.shape[0] * scale))), interpolation=cv2.INTER_AREA
    )
    back = (cv2.INTER_CUBIC, cv2.INTER_LINEAR, cv2.INTER_LANCZOS4)[int(rng.integers(3))]
    return np.asarray(cv2.resize(small, rgb.shape[1::-1], interpolation=back), dtype=np.uint8)


def bent(rgb: Rgb, mask: Mask, rng: np.random.Generator) -> Rgb:
    """Pulled about by a smooth field of some per cent of the picture."""
    height, width = rgb.shape[:2]
    reach = rng.uniform(0.01, 0.05) * max(height, width)
    field = cv2.resize(
        rng.normal(0, reach, (5, 5, 2)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(rgb, xs + field[..., 0], ys + field[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, dtype=np.uint8)


def smoothed(rgb: Rgb, mask: Mask, rng: np.random.Generator) -> Rgb:
    """Details gone, edges kept."""
    if rng.random() < 0.5:
        return np.asarray(cv2.bilateralFilter(rgb, 9, rng.uniform(20, 60), rng.uniform(3, 9)), dtype=np.uint8)
    return np.asarray(cv2.medianBlur(rgb, int(rng.choice((3, 5, 7)))), dtype=np.uint8)


def filled(rgb: Rgb, mask: Mask, rng: np.random.Generator) -> Rgb:
    """Grown in from the edge of the place (Telea 2004), with a little grain."""
    scale = min(1.0, 256 / max(rgb.shape[:2]))  # the filling is slow and smooth: it loses nothing by being small
    size = (max(8, round(rgb.shape[1] * scale)), max(8, round(rgb.shape[0] * scale)))
    hole = (cv2.resize(mask, size) > 0.2).astype(np.uint8)
    small = cv2.inpaint(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), hole, 4, cv2.INPAINT_TELEA)
    grown = cv2.resize(small, rgb.shape[1::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)
    grain = rng.normal(0, rng.uniform(0, 4), rgb.shape).astype(np.float32)
    return np.clip(grown + grain, 0, 255).astype(np.uint8)


def covered(rgb: Rgb, mask: Mask, rng: np.random.Generator) -> Rgb:
    """Another place of the same picture, mirrored or not, with colours matched."""
    other = rgb[:, ::-1] if rng.random() < 0.5 else rgb
    shift = [int(rng.uniform(0.15, 0.85) * n) for n in rgb.shape[:2]]
    moved = np.roll(other, shift, axis=(0, 1))
    return match_colours(np.ascontiguousarray(moved), rgb, mask, strength=float(rng.uniform(0.5, 1.0)))


REDRAW = (restyled, reduced, bent, smoothed, filled, covered)


if __name__ == "__main__":
    main()
