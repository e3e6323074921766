"""Scores of windows to numbers of clips: AUC, EER, recall at fixed false alarms, by family, with bootstrap intervals by source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.audio.data import Clip
from training.metrics import auc, bootstrap, eer, recall_at

Floats = NDArray[np.float64]


def clip_scores(
    paths: Sequence[str], logits: NDArray[np.floating], clips: Mapping[str, Clip]
) -> tuple[list[Clip], Floats]:
    """Return each clip once with the mean logit of its windows."""
    sums: dict[str, list[float]] = {}
    for path, logit in zip(paths, logits, strict=True):
        sums.setdefault(path, []).append(float(logit))
    return [clips[p] for p in sums], np.array([np.mean(v) for v in sums.values()])


def matched(clips: Sequence[Clip]) -> NDArray[np.bool_]:
    """Tell clips of pages that hold fakes and recordings of one channel."""
    fake, real = {c.page for c in clips if c.label}, {c.page for c in clips if not c.label}
    return np.array([c.page in fake & real for c in clips])


def unseen(clips: Sequence[Clip], trained: set[str]) -> NDArray[np.bool_]:
    """Tell recordings and fakes of systems that training never met."""
    return np.array([not c.label or c.system not in trained for c in clips])


def report(clips: Sequence[Clip], scores: Floats, trained: set[str]) -> str:
    """Return one line: unseen systems on matched pages, all of them and by family, then all clips."""
    labels = np.array([c.label for c in clips])
    sources = np.array([c.source for c in clips])
    families = np.array([c.family for c in clips])
    base = matched(clips) & unseen(clips, trained)
    parts = [f"unseen matched AUC {bootstrap(auc, scores[base], labels[base], sources[base])}"]
    parts += [f"EER {eer(scores[base], labels[base]):.3f}"]
    parts += [f"R@{f:.0%} {recall_at(f)(scores[base], labels[base]):.2f}" for f in (0.01, 0.05)]
    for family in ("tts", "vc", "vocoder", "codec"):
        some = base & ((labels == 0) | (families == family))
        parts.append(f"{family} {auc(scores[some], labels[some]):.3f}")
    parts.append(f"per page {page_auc(clips, scores, base):.3f}")
    parts.append(f"all {auc(scores, labels):.3f}")
    return ", ".join(parts)


def page_auc(clips: Sequence[Clip], scores: Floats, base: NDArray[np.bool_]) -> float:
    """Return the mean AUC within each page: what is left when the page itself gives nothing away."""
    pages = np.array([c.page for c in clips])
    labels = np.array([c.label for c in clips])
    values = [auc(scores[base & (pages == p)], labels[base & (pages == p)]) for p in np.unique(pages[base])]
    return float(np.nanmean(values))
