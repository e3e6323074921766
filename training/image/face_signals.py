"""Measure what faces of stills tell: python -m training.image.face_signals

Writes models/face/signals.toml (the central 90 % of the largest faces of real photographs as they were found, every source by
the root of its size) for the measures that are served, and models/face/signals.json for all: AUC of a larger value on
wholly generated faces and on swaps against real ones after the neutral re-encoding, and in what share of the pairs a face
that training.image.forged_faces pasted measures lower than its own photograph.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.faces import FaceDetector
from forensics.domain.tracks import Face
from forensics.media.face_crop import CANONICAL, EYE_DISTANCE_PX, aligned, similarity
from forensics.media.face_measures import face_shading, skin_against_eyes, skin_texture
from forensics.settings import ModelSettings
from forensics.usecases.look_at_faces import LEAST_MEASURED_EYES_PX, MEASURES
from training.image.data import TAUGHT_ONLY, Item, balanced_weights, load_items
from training.image.edits import SWAPS, altered
from training.image.features import view_of
from training.image.signals import quantiles
from training.metrics import auc, bootstrap

Floats = NDArray[np.float64]
OUT = Path("models/face")
FORGED = "forged_face"
WORDS = {
    "skin_texture": (
        "smooth",
        "natural",
        "rough",
        "Fine structure of the cheeks against that of the picture around the face.",
    )
}


def mouth_askew(face: Face) -> float:
    """Return the angle between the line of the eyes and the line of the mouth, degrees."""
    left, right, _, mouth_left, mouth_right = np.array(face.landmarks)
    eyes, mouth = right - left, mouth_right - mouth_left
    turn = np.arctan2(eyes[1], eyes[0]) - np.arctan2(mouth[1], mouth[0])
    return float(abs((np.degrees(turn) + 180) % 360 - 180))


def off_canonical(face: Face) -> float:
    """Return how far the five landmarks lie off the canonical face once laid onto it, in eye distances."""
    landmarks = np.array(face.landmarks)
    linear, shift = similarity(landmarks, CANONICAL)
    apart = landmarks @ linear.T + shift - CANONICAL
    return float(np.sqrt((apart**2).sum(axis=1).mean()) / EYE_DISTANCE_PX)


CANDIDATES: Mapping[str, Callable[[Face, NDArray[np.uint8]], float]] = {
    "skin_texture": lambda face, crop: skin_texture(crop),
    "skin_against_eyes": lambda face, crop: skin_against_eyes(crop),
    "geometric, mouth askew": lambda face, crop: mouth_askew(face),
    "geometric, off the canonical face": lambda face, crop: off_canonical(face),
    "lighting": lambda face, crop: face_shading(crop),
}


def main() -> None:
    settings = ModelSettings.from_env()
    finder = FaceDetector.load(settings.models_dir, settings.encoders_dir, threads=1, stills=True)
    everything = load_items(taught_only=True)
    items = [i for i in everything if i.kind == "face" and (i.family not in TAUGHT_ONLY or i.family == FORGED)]
    kept, rows = [], []
    for number, item in enumerate(items, start=1):
        both = [measured(finder, rgb) for rgb in (item.pixels(), view_of(item, view=0))]  # as found, neutral
        if None not in both:
            kept.append(item)
            rows.append(both)
        if number % 500 == 0 or number == len(items):
            print(f"measured {number}/{len(items)} pictures, {len(kept)} with a face large enough", flush=True)
    values = np.array(rows, dtype=np.float64)  # (faces, 2, candidates)
    facts, text = {}, "# Written by training/image/face_signals.py; do not edit.\n"
    for n, name in enumerate(CANDIDATES):
        facts[name] = figures(values[:, :, n], kept)
        print(name, facts[name], flush=True)
        if name in MEASURES:
            below, inside, above, what = WORDS[name]
            low, high = facts[name]["low"], facts[name]["high"]
            text += f"\n[{name}]\nlow = {low:.4g}\nhigh = {high:.4g}\n"
            text += f'below = "{below}"\ninside = "{inside}"\nabove = "{above}"\nwhat = "{what}"\n'
    (OUT / "signals.toml").write_text(text)
    (OUT / "signals.json").write_text(json.dumps(facts, indent=2) + "\n")


def measured(finder: FaceDetector, rgb: NDArray[np.uint8]) -> list[float] | None:
    """Return every candidate of the largest face; None without one that is large enough."""
    faces = finder.detect(rgb)
    if not faces or faces[0].eye_distance < LEAST_MEASURED_EYES_PX:
        return None
    crop = aligned(rgb, np.array(faces[0].landmarks))
    return [measure(faces[0], crop) for measure in CANDIDATES.values()]


def figures(values: Floats, items: Sequence[Item]) -> dict[str, float | str]:
    """Return range and worth of one candidate; `values` is (faces, 2): as found, after the neutral re-encoding."""
    labels = np.array([item.label for item in items])
    sources = np.array([item.source for item in items])
    forged = np.array([item.family == FORGED for item in items])
    groups = {
        "wholly generated": ~altered(items) & (labels == 1),
        "swaps": np.array([item.family in SWAPS for item in items]),
    }
    real = labels == 0
    low, high = quantiles(values[real, 0], balanced_weights(items)[real])
    worth = {
        name: str(bootstrap(auc, values[real | fake, 1], labels[real | fake], sources[real | fake]))
        for name, fake in groups.items()
    }
    own = {item.pair_group: value for item, value in zip(items, values[:, 1], strict=True) if not item.label}
    pasted = [
        (own[i.pair_group], v) for i, v, f in zip(items, values[:, 1], forged, strict=True) if f and i.pair_group in own
    ]
    lower = float(np.mean([forgery < original for original, forgery in pasted]))
    counts = {f"{name}, faces": str(int(group.sum())) for name, group in {"real": real, **groups}.items()}
    return {"low": low, "high": high, **worth, "pasted faces lower": f"{lower:.2f} of {len(pasted)}", **counts}


if __name__ == "__main__":
    main()
