"""Measure models/face on the test part and write its card: python -m training.face.card

No clip of the test part was trained on or chosen by. Writes models/face/card.md, metrics.json and
both charts. Intervals redraw whole clips, because the frames of one are alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from forensics.detect.face_forgery import FaceForgery
from forensics.domain.scores import OperatingMode
from training.face import degrade
from training.face.card_text import write_card
from training.face.data import Faces, SavedFace, load_faces
from training.face.export import MODEL_DIR, read_modes
from training.image.augment import add_noise, reencode
from training.metrics import Metric, auc, bootstrap, ece, eer, recall_at
from training.plots import reliability_svg, roc_svg

FILM_KINDS = ("video",)
FILMED = ("swap", "reenactment", "morph")
UPPER_SHARE = 0.5  # of a clip's faces, as the join takes them
DIGITS = 4
Rgb = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """Scores 0..1 of faces (or clips), with what they are."""

    scores: Floats
    labels: NDArray[np.int64]
    clips: NDArray[np.str_]
    sources: NDArray[np.str_]
    kinds: NDArray[np.str_]

    def where(self, keep: NDArray[np.bool_]) -> Measured:
        """Return those of them."""
        places = np.flatnonzero(keep)
        return Measured(
            self.scores[places], self.labels[places], self.clips[places], self.sources[places], self.kinds[places]
        )

    def interval(self, metric: Metric) -> list[float] | None:
        """Return value, low, high; None when one label is absent."""
        found = bootstrap(metric, self.scores, self.labels, self.clips)
        values = [round(v, DIGITS) for v in (found.value, found.low, found.high)]
        return None if np.isnan(found.value) else values


def main() -> None:
    model = FaceForgery.load(MODEL_DIR.parent)
    test = load_faces("test")
    faces = measure(model, test.rows, test.crops)
    facts: dict[str, Any] = {
        "faces": {"real": int((faces.labels == 0).sum()), "forged": int((faces.labels == 1).sum())},
        "frames": groups(faces),
        "clips": groups(pooled(faces)),
        "stills": stills(faces, model),
        "by_source": by_source(faces, read_modes(MODEL_DIR)["normal"]),
        "after_damage": damaged(model, test),
    }
    (MODEL_DIR / "metrics.json").write_text(json.dumps(facts, indent=1) + "\n")
    films = of_films(faces)
    swaps = films.where((films.labels == 0) | (films.kinds == "swap"))
    drawn = [(swaps.scores, swaps.labels), (pooled(swaps).scores, pooled(swaps).labels)]
    (MODEL_DIR / "roc.svg").write_text(roc_svg(drawn, names=("swaps, faces", "swaps, clips"), measured_on="test part"))
    weights = np.where(films.labels == 1, 0.5 / films.labels.sum(), 0.5 / (1 - films.labels).sum())
    chart = reliability_svg(films.scores, films.labels, weights, measured_on="test part, films")
    (MODEL_DIR / "reliability.svg").write_text(chart)
    text = write_card(facts, version=model.version, modes=read_modes(MODEL_DIR))
    (MODEL_DIR / "card.md").write_text(text)
    print(text)


def measure(model: FaceForgery, rows: Sequence[SavedFace], crops: Rgb) -> Measured:
    """Score serving crops with the code that serves."""
    logits = np.concatenate([model.score(np.asarray(crops[at : at + 64])) for at in range(0, len(crops), 64)])
    columns = ([r.clip for r in rows], [r.source for r in rows], [r.kind for r in rows])
    clips, sources, kinds = (np.array(column) for column in columns)
    labels = np.array([r.label for r in rows])
    clips = np.where(labels == 1, np.char.add(clips, "#forged"), clips)  # the two halves of a side-by-side film
    return Measured(1 / (1 + np.exp(-logits)), labels, clips, sources, kinds)


def pooled(faces: Measured) -> Measured:
    """Return one score for each clip: the mean logit of its upper half."""
    names = np.unique(faces.clips)
    first = np.array([int(np.flatnonzero(faces.clips == name)[0]) for name in names])
    scores = np.array([_upper_mean(faces.scores[faces.clips == name]) for name in names])
    return Measured(scores, faces.labels[first], names, faces.sources[first], faces.kinds[first])


def _upper_mean(scores: Floats) -> float:
    safe = np.clip(scores, 1e-6, 1 - 1e-6)
    logits = np.sort(np.log(safe / (1 - safe)))[::-1]
    return float(1 / (1 + np.exp(-logits[: max(1, round(len(logits) * UPPER_SHARE))].mean())))


def of_films(faces: Measured) -> Measured:
    """Return frames of films, real and forged: their histories match."""
    return faces.where(np.isin(faces.kinds, (*FILM_KINDS, *FILMED)) & ~np.char.startswith(faces.sources, "image:"))


def groups(faces: Measured) -> dict[str, dict[str, object]]:
    """Return AUC, EER and recall by group; forged films against real films, forged photos against real photos."""
    films, photos = of_films(faces), faces.where(np.char.startswith(faces.sources, "image:"))
    ours = films.where(np.char.startswith(films.sources, "video:"))
    picks: dict[str, tuple[Measured, Callable[[Measured], NDArray[np.bool_]]]] = {
        "films: swaps": (films, lambda m: m.kinds == "swap"),
        "films: swaps, side-by-side films left out": (
            films.where(films.sources != "deepfacelive_test"),
            lambda m: m.kinds == "swap",
        ),
        "films: FaceForensics++ swaps against their originals": (
            films.where(np.char.find(films.sources, "ffpp_") >= 0),
            lambda m: m.kinds == "swap",
        ),
        "films: reenactment": (films, lambda m: m.kinds == "reenactment"),
        "the 20 development clips: swaps": (ours, lambda m: m.kinds == "swap"),
        "the 20 development clips: reenactment": (ours, lambda m: m.kinds == "reenactment"),
        "photos: swaps": (photos, lambda m: m.kinds == "swap"),
        "photos: wholly synthetic": (photos, lambda m: m.kinds == "synthetic"),
        "photos: restored, inpainted, reconstructed": (
            photos,
            lambda m: np.isin(m.kinds, ("restoration", "inpainting", "reconstruction")),
        ),
    }
    return {name: _figures(m.where((m.labels == 0) | pick(m))) for name, (m, pick) in picks.items()}


def stills(faces: Measured, model: FaceForgery) -> dict[str, dict[str, float | int]]:
    """Return how single looks are decided at the thresholds for stills, by kind; frames of films are looked at alone here."""
    photo = np.char.startswith(faces.sources, "image:")
    names = np.char.add(
        np.where(photo, "photos: ", "frames of films: "), np.where(faces.labels == 1, faces.kinds, "real")
    )
    found = {}
    for name in np.unique(names):
        scores = faces.scores[names == name]
        found[str(name)] = {"faces": len(scores)} | {
            key: round(float(np.mean(scores >= bound)), DIGITS)
            for key, bound in {
                "manipulated": model.normal.thresholds.synthetic,
                "manipulated, strict": model.strict.thresholds.synthetic,
                "in doubt or manipulated": model.normal.thresholds.authentic,
            }.items()
        }
    return found


def _figures(found: Measured) -> dict[str, object]:
    metrics: dict[str, Metric] = {"auc": auc, "eer": eer, "recall_at_1_percent": recall_at(0.01)}
    metrics |= {"recall_at_5_percent": recall_at(0.05), "ece": ece}
    counts = {"real": int((found.labels == 0).sum()), "forged": int((found.labels == 1).sum())}
    return counts | {name: found.interval(metric) for name, metric in metrics.items()}


def by_source(faces: Measured, mode: OperatingMode) -> list[dict[str, object]]:
    """Return for every source and label how many faces, their mean score, and the share decided forged."""
    rows: list[dict[str, object]] = []
    for label in (0, 1):
        for source in np.unique(faces.sources[faces.labels == label]):
            scores = faces.scores[(faces.sources == source) & (faces.labels == label)]
            decided = float((scores >= mode.thresholds.synthetic).mean())
            facts = {"faces": len(scores), "mean": round(float(scores.mean()), 3), "decided_forged": round(decided, 3)}
            rows.append({"source": str(source), "label": "forged" if label else "real", **facts})
    return rows


def damaged(model: FaceForgery, test: Faces) -> dict[str, list[float] | None]:
    """Return the AUC of swaps in films after one more damage of the crop."""
    keep = [n for n, r in enumerate(test.rows) if not r.source.startswith("image:") and r.kind in ("video", "swap")][
        ::2
    ]
    rows, crops = [test.rows[n] for n in keep], test.crops[keep]
    rng = np.random.default_rng(0)
    damages: dict[str, Callable[[Image.Image], Image.Image]] = {
        "none": lambda image: image,
        "JPEG quality 60": lambda image: reencode(image, "JPEG", quality=60),
        "half size": lambda image: image.resize((112, 112), Image.Resampling.BILINEAR).resize((224, 224)),
        "H.264, crf 32": lambda image: Image.fromarray(degrade.h264(np.asarray(image, dtype=np.uint8), crf=32)),
        "noise, 5 levels": lambda image: add_noise(image, rng, sigma=5.0),
    }
    return {name: measure(model, rows, _each(crops, damage)).interval(auc) for name, damage in damages.items()}


def _each(crops: Iterable[Rgb], damage: Callable[[Image.Image], Image.Image]) -> Rgb:
    return np.stack([np.asarray(damage(Image.fromarray(crop)).convert("RGB"), dtype=np.uint8) for crop in crops])


if __name__ == "__main__":
    main()
