"""What the face model adds to the image model, picture by picture, by the product's own rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.face_forgery import FaceForgery
from forensics.detect.manifest import ModelManifest
from forensics.domain.evidence import Provenance
from forensics.domain.picture_verdict import FacesLookedAt, ScoredFace, with_faces
from forensics.domain.places import place
from forensics.domain.scores import Detection
from forensics.domain.tracks import FaceBox
from forensics.domain.verdict import Verdict, decide
from training.image.data import Item, read_csv
from training.metrics import auc, bootstrap

SEEN_FAMILY = "stylegan"  # the face model was trained on one such source: for it no StyleGAN is unseen
FAKE = (Verdict.SYNTHETIC, Verdict.MANIPULATED)
_NOWHERE = FaceBox(0.0, 0.0, 1.0, 1.0)
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Said:
    """What the product says of pictures (n,): the verdict, and a number that sorts them as its rule does."""

    verdicts: NDArray[np.str_]
    order: NDArray[np.float64]


@dataclass(frozen=True)
class FaceLogits:
    """The face model's highest logit of each picture that `training.image.faces` looked at, None without a face."""

    of: Mapping[tuple[str, str], float | None]

    @classmethod
    def read(cls, path: Path, *, view: int) -> FaceLogits:
        rows = read_csv(path)
        return cls({(r["source"], r["file"]): float(r[f"view{view}"]) if r[f"view{view}"] else None for r in rows})

    def judged(self, items: Sequence[Item]) -> Index:
        """Return which of the pictures were looked at: (m,)."""
        return np.array([n for n, item in enumerate(items) if _key(item) in self.of])


@dataclass(frozen=True)
class Rule:
    """Both models' operating modes, as the product has them."""

    image: ModelManifest
    face: FaceForgery

    def say(self, items: Sequence[Item], scores: NDArray[np.float64], faces: FaceLogits | None) -> Said:
        """Judge pictures by the whole-picture scores (n,), and by their faces when there are any."""
        answers = [
            self._answer(float(score), faces.of[_key(item)] if faces else None)
            for item, score in zip(items, scores, strict=True)
        ]
        verdicts = [decide(answer, Provenance(), strict=False).verdict for answer in answers]
        return Said(np.array(verdicts), np.array([place(answer, strict=False) for answer in answers]))

    def _answer(self, score: float, logit: float | None) -> Detection:
        whole = Detection(score=score, normal=self.image.normal, strict=self.image.strict, models=())
        faces = () if logit is None else (ScoredFace(_NOWHERE, logit),)
        seen = FacesLookedAt(self.face.name, self.face.version, faces, self.face.normal, self.face.strict)
        return with_faces(whole, seen, strict=False)


def compared(items: Sequence[Item], before: Said, after: Said) -> dict[str, str]:
    """Return what changes for these pictures: AUC with intervals, and the shares of verdicts, without and with faces."""
    labels = np.array([item.label for item in items])
    sources = np.array([item.source for item in items])
    values: dict[str, str] = {}
    for name, said in (("whole alone", before), ("with faces", after)):
        values[f"AUC, {name}"] = str(bootstrap(auc, said.order, labels, sources))
    for name, said in (("whole alone", before), ("with faces", after)):
        fake, real = np.isin(said.verdicts, FAKE), said.verdicts == Verdict.AUTHENTIC
        values |= {
            f"fakes found, {name}": _share(fake[labels == 1]),
            f"fakes called authentic, {name}": _share(real[labels == 1]),
            f"false alarms, {name}": _share(fake[labels == 0], digits=3),
            f"real called authentic, {name}": _share(real[labels == 0]),
        }
    return values


def _share(held: NDArray[np.bool_], *, digits: int = 2) -> str:
    return f"{held.mean():.{digits}f}" if held.size else "-"


def _key(item: Item) -> tuple[str, str]:
    return (item.source, item.path.stem)
