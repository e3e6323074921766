"""Two small SVG charts, written by hand: nothing to install, nothing to go stale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

SIZE, MARGIN = 260, 40
COLOURS = ("#1f5fa8", "#b3541e", "#3d7a3d", "#7a3d77")
Floats = NDArray[np.float64]


def roc_svg(
    scored: Sequence[tuple[Floats, NDArray[np.int64]]], *, names: Sequence[str], measured_on: str = "out of fold"
) -> str:
    """Return one ROC curve for each pair of scores and labels."""
    curves = []
    for scores, labels in scored:
        fpr, tpr, _ = roc_curve(labels, scores)
        keep = np.unique(np.linspace(0, len(fpr) - 1, 120).astype(int))
        curves.append([*zip(fpr[keep], tpr[keep], strict=True)])
    return _chart(curves, x="false alarm rate", y="recall", title=f"ROC, {measured_on}", names=names)


def reliability_svg(
    scores: Floats, labels: NDArray[np.int64], weights: Floats, *, bins: int = 10, measured_on: str = "out of fold"
) -> str:
    """Return the reliability diagram: share of fakes over mean score per bin, both labels weighing one half."""
    place = np.minimum((scores * bins).astype(int), bins - 1)
    points = []
    for b in range(bins):
        inside = place == b
        if inside.sum() >= 5:
            w = weights[inside]
            points.append((float(np.average(scores[inside], weights=w)), float(np.average(labels[inside], weights=w))))
    return _chart([points], x="score", y="share of fakes", title=f"Reliability, {measured_on}", dots=True)


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
