"""Forged faces in real pictures, to teach and never to measure: python -m training.image.forged_faces --each 12

Takes up to `--each` pictures of every real source of faces, pastes onto each a face that was made of it or of another person
(training.face.fakes: self-blended, swapped, another expression), and writes them to DATA_EXTRA with a manifest. The rest of the
picture stays as it was, and a forgery shares the pair group of its picture: where that is held out, it is not taught.
Needs DATA_ROOT, DATA_EXTRA and FACE_MESH; resumes where it stopped.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from forensics.detect.faces import FaceDetector
from forensics.media.face_crop import CANONICAL, similarity
from forensics.media.tensors import working_copy
from forensics.settings import ModelSettings
from training.face import fakes
from training.face.collect import eye_distance
from training.face.mesh import FaceMesh
from training.image.data import Item, load_items
from training.image.taught import chosen, write_taught

SOURCE, GENERATOR = "forged_faces_made", "forged by training.face.fakes"
KINDS = {"self_blend": 0.4, "swap": 0.45, "reenact": 0.15}
LONG_SIDE_PX = 768
LEAST_EYES_PX = 24.0  # smaller ones leave nothing to see at 224 pixels
LEAST_CHANGE = 2.0  # grey levels inside the face, below which a forgery only teaches doubt
TRIES, PARTNERS = 5, 12

Rgb = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Portrait:
    """A real picture with the mesh of its largest face, (468, 2) in pixels, and the five landmarks brought upright."""

    item: Item
    rgb: Rgb
    mesh: Points
    pose: Points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=12)
    each = parser.parse_args().each
    settings = ModelSettings.from_env()
    detector = FaceDetector.load(settings.models_dir, settings.encoders_dir)
    portraits = found(chosen(load_items(), kinds=("face",), each=each), detector, FaceMesh())
    print(f"{len(portraits)} faces", flush=True)
    made = [(portrait.item, partial(forged, portrait, portraits)) for portrait in portraits]
    write_taught(made, source=SOURCE, generator=GENERATOR, total=len(made))


def found(items: Sequence[Item], detector: FaceDetector, mesh: FaceMesh) -> list[Portrait]:
    """Return the pictures in which there is a face large enough."""
    portraits = []
    for item in items:
        rgb = working_copy(item.pixels(), max_side=LONG_SIDE_PX, tolerated=1.0)
        face = next(iter(detector.detect(rgb, most=1)), None)
        if face is None or eye_distance(face) < LEAST_EYES_PX:
            continue
        landmarks = np.array(face.landmarks)
        linear, shift = similarity(landmarks, CANONICAL)
        portraits.append(Portrait(item, rgb, mesh.find(rgb, landmarks), landmarks @ linear.T + shift))
    return portraits


def forged(portrait: Portrait, others: Sequence[Portrait]) -> Rgb:
    """Return the picture with its face forged, by its name alone; drawn anew while nobody could see it."""
    rng = np.random.default_rng(zlib.crc32(portrait.item.path.name.encode()))
    for _ in range(TRIES):
        fake = _forged(portrait, others, rng)
        left, top = np.clip(portrait.mesh.min(axis=0), 0, None).astype(int)
        right, bottom = portrait.mesh.max(axis=0).astype(int)
        change = fake[top:bottom, left:right].astype(np.int16) - portrait.rgb[top:bottom, left:right]
        if np.abs(change).mean() >= LEAST_CHANGE:
            break
    return fake


def _forged(portrait: Portrait, others: Sequence[Portrait], rng: np.random.Generator) -> Rgb:
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    if kind == "reenact":
        return fakes.reenact(portrait.rgb, portrait.mesh, rng)
    if kind == "swap":
        drawn = [others[int(n)] for n in rng.choice(len(others), PARTNERS)]
        strangers = [other for other in drawn if other.item.source != portrait.item.source]
        if strangers:
            other = min(strangers, key=lambda o: float(np.abs(o.pose - portrait.pose).sum()))
            return fakes.swap(portrait.rgb, portrait.mesh, other.rgb, other.mesh, rng)
    while True:
        target, fake = fakes.self_blend(portrait.rgb, portrait.mesh, rng)
        if (
            target is portrait.rgb
        ):  # the other way round the whole picture is restyled, and its original is no part of the data
            return fake


if __name__ == "__main__":
    main()
