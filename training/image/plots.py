"""Two small SVG charts, written by hand: nothing to install, nothing to go stale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

SIZE, MARGIN = 260, 40
COLOURS = ("#1f5fa8", "#b3541e")
Floats = NDArray[np.float64]


def roc_svg(scores: Floats, labels: NDArray[np.int64], *, names: Sequence[str]) -> str:
    """Return the ROC curves of out-of-fold scores (items, protocols), one per name."""
    curves = []
    for n in range(scores.shape[1]):
        fpr, tpr, _ = roc_curve(labels, scores[:, n])
        keep = np.unique(np.linspace(0, len(fpr) - 1, 120).astype(int))
        curves.append([*zip(fpr[keep], tpr[keep], strict=True)])
    return _chart(curves, x="false alarm rate", y="recall", title="ROC, out of fold", names=names)


def reliability_svg(scores: Floats, labels: NDArray[np.int64], weights: Floats, *, bins: int = 10) -> str:
    """Return the reliability diagram: share of fakes over mean score per bin, both labels weighing one half."""
    place = np.minimum((scores * bins).astype(int), bins - 1)
    points = []
    for b in range(bins):
        inside = place == b
        if inside.sum() >= 5:
            w = weights[inside]
            points.append((float(np.average(scores[inside], weights=w)), float(np.average(labels[inside], weights=w))))
    return _chart([points], x="score", y="share of fakes", title="Reliability, out of fold", dots=True)


def _chart(
    curves: Sequence[Sequence[tuple[float, float]]],
    *,
    x: str,
    y: str,
    title: str,
    dots: bool = False,
    names: Sequence[str] = (),
) -> str:
    total = SIZE + 2 * MARGIN
    marks = ""
    for n, points in enumerate(curves):
        at = [(MARGIN + px * SIZE, MARGIN + (1 - py) * SIZE) for px, py in points]
        line = " ".join(f"{px:.1f},{py:.1f}" for px, py in at)
        marks += f'<polyline points="{line}" fill="none" stroke="{COLOURS[n]}" stroke-width="2"/>'
        marks += (
            "".join(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{COLOURS[n]}"/>' for px, py in at) if dots else ""
        )
    for n, name in enumerate(names):
        place = f'x="{MARGIN + SIZE - 8}" y="{MARGIN + SIZE - 10 - 14 * n}" text-anchor="end"'
        marks += f'<text {place} fill="{COLOURS[n]}">{name}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {total}" font-family="sans-serif" font-size="11">'
        f'<rect width="{total}" height="{total}" fill="white"/>'
        f'<rect x="{MARGIN}" y="{MARGIN}" width="{SIZE}" height="{SIZE}" fill="none" stroke="#888"/>'
        f'<line x1="{MARGIN}" y1="{MARGIN + SIZE}" x2="{MARGIN + SIZE}" y2="{MARGIN}" stroke="#ccc"/>{marks}'
        f'<text x="{total / 2}" y="20" text-anchor="middle">{title}</text>'
        f'<text x="{total / 2}" y="{total - 10}" text-anchor="middle">{x} (0 to 1)</text>'
        f'<text x="14" y="{total / 2}" text-anchor="middle" transform="rotate(-90 14 {total / 2})">{y} (0 to 1)</text></svg>\n'
    )
