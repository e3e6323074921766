"""models/video/manifest.toml: how frames and faces are pooled, and the thresholds that the development clips allow."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from forensics.detect.face_forgery import MODEL_DIRECTORY as FACE_DIRECTORY
from forensics.detect.face_forgery import has_face_model
from forensics.detect.image import ImageDetector
from forensics.domain.scores import Thresholds
from forensics.domain.video_verdict import pooled_logit
from forensics.settings import ModelSettings
from forensics.usecases.video_model import MODEL_DIRECTORY
from training.video.clips import LEAST_LOOKS, PLAIN, UPPER_SHARE, Clip, rate, sigmoid

LEAST_FRAMES = 2
REAL_PICTURES = (PLAIN, "voice")  # kinds of training.video.made whose picture is not forged
TOLERATED = 1  # real clips above the strict threshold


def manifest(clips: Sequence[Clip], settings: ModelSettings) -> str:
    """Return the text of the manifest: how frames and faces are pooled, and the thresholds of both."""
    image = ImageDetector.load(settings.models_dir, settings.encoders_dir).manifest
    pooled = {c.name: sigmoid(pooled_logit(c.frames, UPPER_SHARE)) for c in clips}
    again = cut_again(settings.models_dir, "whole frames")
    modes = frame_modes(clips, pooled, again, image.normal.thresholds.synthetic, image.strict.thresholds.synthetic)
    parts = [
        "# Written by training/video/measure.py; do not edit.",
        'name = "video"\nversion = "0.6.0"\nlicence = "Apache-2.0"\n',
        f"[pooling]\nupper_share = {UPPER_SHARE}\nslope = 1.0\nintercept = 0.0\n",
        spans_text("spans", enter=modes["normal"].synthetic, leave=image.strict.thresholds.synthetic),
        *(mode_text(f"operating.{name}", bounds, clips, pooled, "frames") for name, bounds in modes.items()),
    ]
    if has_face_model(settings.models_dir):
        own, faces = own_modes(settings.models_dir), face_modes(clips, settings.models_dir)
        parts.append(f"[faces]\nupper_share = {UPPER_SHARE}\nleast_looks = {LEAST_LOOKS}\n")
        parts.append(spans_text("faces.spans", enter=faces["normal"].synthetic, leave=own["strict"].synthetic))
        scores = {c.name: score for c in clips if (score := c.face_score) is not None}
        parts += [mode_text(f"faces.{name}", bounds, clips, scores, "faces") for name, bounds in faces.items()]
    return "\n".join(parts).rstrip() + "\n"


def frame_modes(
    clips: Sequence[Clip], pooled: Mapping[str, float], again: Mapping[str, float], normal: float, strict: float
) -> dict[str, Thresholds]:
    """Return the thresholds of whole frames.

    `synthetic` is the image model's, raised where real clips lie above: normal until none does, strict until at most TOLERATED.
    A clip counts once, by the higher of its score as it came and the score after it was cut and encoded `again`.
    `authentic` lies at half the odds of the least suspicious fake: a picture model that knows no swapped faces may not call a
    video real.
    """
    least = min(pooled[c.name] for c in clips if c.fake)
    authentic = 0.5 * least / (1 - least) / (1 + 0.5 * least / (1 - least))
    reals = sorted((max(pooled[c.name], again.get(c.name, 0.0)) for c in clips if not c.fake), reverse=True)
    highest, next_highest = max(normal, above(reals[0])), max(strict, above(reals[TOLERATED]))
    return {"normal": Thresholds(highest, authentic), "strict": Thresholds(next_highest, authentic)}


def own_modes(models_dir: Path) -> dict[str, Thresholds]:
    """Return the face model's own thresholds."""
    table = tomllib.loads((models_dir / FACE_DIRECTORY / "manifest.toml").read_text())["operating"]
    return {name: Thresholds(table[name]["synthetic"], table[name]["authentic"]) for name in ("normal", "strict")}


def face_modes(clips: Sequence[Clip], models_dir: Path) -> dict[str, Thresholds]:
    """Return the face model's own thresholds, `synthetic` raised where real clips lie above.

    Normal is raised until none does, strict until at most TOLERATED: of the clips as they came and of those that
    training.video.made has cut to a few seconds and encoded anew, as every platform does.
    """
    own = own_modes(models_dir)
    reals = sorted(
        [*(c.face_score or 0.0 for c in clips if not c.fake), *cut_again(models_dir, "face").values()], reverse=True
    )
    return {
        name: replace(own[name], synthetic=max(own[name].synthetic, above(reals[allowed])))
        for name, allowed in (("normal", 0), ("strict", TOLERATED))
    }


def cut_again(models_dir: Path, what: str) -> dict[str, float]:
    """Return the scores ("face", "whole frames") of real clips that were cut and encoded anew, by name of the clip.

    A clip whose sound alone was forged shows the same picture and was encoded once more: the higher of the two counts, since one
    encoding differs from the next. Empty before training.video.made ran.
    """
    made = models_dir / MODEL_DIRECTORY / "made.json"
    rows = json.loads(made.read_text()) if made.exists() else []
    scores: dict[str, float] = {}
    for row in rows:
        if row["kind"] in REAL_PICTURES and row[what] is not None:
            scores[row["clip"]] = max(row[what], scores.get(row["clip"], 0.0))
    return scores


def above(score: float) -> float:
    """Return the next threshold of four digits that the score does not reach."""
    return math.ceil(score * 1e4) / 1e4 + 1e-4


def spans_text(name: str, *, enter: float, leave: float) -> str:
    return f"[{name}]\nenter = {enter:.4f}\nleave = {leave:.4f}\nleast_frames = {LEAST_FRAMES}\n"


def mode_text(name: str, bounds: Thresholds, clips: Sequence[Clip], scores: Mapping[str, float], what: str) -> str:
    scored = [c for c in clips if c.name in scores]
    fpr, recall = (rate([scores[c.name] for c in scored if c.fake is fake], bounds.synthetic) for fake in (False, True))
    said = f"the {what} of {len(scored)} development clips ({sum(c.fake for c in scored)} fakes): an indication, not a rate"
    head = f"[{name}]\nsynthetic = {bounds.synthetic:.4f}\nauthentic = {bounds.authentic:.4f}\n"
    return head + f'fpr = {fpr:.4f}\nrecall = {recall:.4f}\nmeasured_on = "{said}"\n'
