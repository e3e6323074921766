"""Measure the signals' ranges on real photographs: python -m training.image.signals

Writes models/image/signals.toml: the central 90 % of the real photographs as they were found, every source counting by
the root of its size. The AUCs are taken after the neutral re-encoding, lest they measure who compressed the files:
`auc` of the value, `auc_distance` of its distance from the real median, `pairs_lower` on pairs of one content. Near 0.5 a
signal describes but does not separate.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.signals import MEASURES, SMALLEST_SIDE_PX, Plane, luma_sample
from forensics.media.tensors import working_copy
from training.image.data import Item, balanced_weights, load_items
from training.image.features import view_of
from training.metrics import auc, bootstrap

WORDS = {
    "spectrum": (
        "soft",
        "natural",
        "sharp",
        "Share of the picture's fine structure in the upper half of its spectrum.",
    ),
}
OUT = Path("models/image")
NOISE_BLOCK_PX, JPEG_BLOCK_PX, FLAT_SHARE = 16, 8, 0.25
# Mean absolute value of the Laplacian of unit white Gaussian noise (Immerkaer 1996: sigma = sqrt(pi/2) / 6 * mean |L|).
_IMMERKAER = float(np.sqrt(np.pi / 2) / 6)


def noise_residual(luma: Plane) -> float:
    """Return the noise deviation in grey levels, estimated on the flattest quarter of 16 x 16 blocks (Immerkaer 1996)."""
    core = luma[1:-1, 1:-1]
    edges = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    corners = luma[:-2, :-2] + luma[:-2, 2:] + luma[2:, :-2] + luma[2:, 2:]
    blocks = _blocks(np.abs(4 * core - 2 * edges + corners), size=NOISE_BLOCK_PX)
    means = np.sort(blocks.mean(axis=(1, 3)).ravel())
    return _IMMERKAER * float(means[: max(1, int(len(means) * FLAT_SHARE))].mean())


def compression(luma: Plane) -> float:
    """Return the strength of the 8 x 8 grid: mean step across block borders over the mean step inside blocks, 1 = none."""
    steps_x, steps_y = np.abs(np.diff(luma, axis=1)).mean(axis=0), np.abs(np.diff(luma, axis=0)).mean(axis=1)
    profile = np.zeros(JPEG_BLOCK_PX)
    for steps in (steps_x, steps_y):
        profile += [steps[phase::JPEG_BLOCK_PX].mean() for phase in range(JPEG_BLOCK_PX)]
    peak = int(np.argmax(profile))  # the grid's phase is unknown after a crop
    return float(profile[peak] / max(np.delete(profile, peak).mean(), 1e-6))


# All that was tried; only what forensics.detect.signals measures is served.
CANDIDATES = {"noise_residual": noise_residual, "compression": compression, **MEASURES}


def main() -> None:
    items = [i for i in load_items() if i.kind in ("face", "scene")]
    both = []  # as found and after the neutral re-encoding
    for number, item in enumerate(items, start=1):
        both.append([_measured(working_copy(item.pixels())), _measured(view_of(item, view=0))])
        if number % 1000 == 0 or number == len(items):
            print(f"measured {number}/{len(items)} pictures", flush=True)
    found, values = np.array(both).swapaxes(0, 1)  # (items, signals) each
    known = ~np.isnan(found[:, 0])
    kept = [item for item, k in zip(items, known, strict=True) if k]
    found, values = found[known], values[known]
    labels, weights = np.array([i.label for i in kept]), balanced_weights(kept)
    sources = np.array([i.source for i in kept])
    text, facts = "# Written by training/image/signals.py; do not edit.\n", {}
    for n, name in enumerate(CANDIDATES):
        real = values[labels == 0, n]
        low, high = quantiles(found[labels == 0, n], weights[labels == 0])
        outside = np.abs(values[:, n] - np.median(real))
        two_sided, one_sided = bootstrap(auc, outside, labels, sources), bootstrap(auc, values[:, n], labels, sources)
        lower = pairs_lower(values[:, n], kept)
        facts[name] = {
            "low": low,
            "high": high,
            "auc": str(one_sided),
            "auc_distance": str(two_sided),
            "pairs_lower": lower,
        }
        print(name, facts[name], flush=True)
        if name not in MEASURES:
            continue
        below, inside, above, what = WORDS[name]
        words = f'below = "{below}"\ninside = "{inside}"\nabove = "{above}"\nwhat = "{what}"\n'
        text += f"\n[{name}]\nlow = {low:.4g}\nhigh = {high:.4g}\n{words}"
    (OUT / "signals.toml").write_text(text)
    (OUT / "signals.json").write_text(json.dumps(facts, indent=2) + "\n")


def pairs_lower(values: NDArray[np.float64], items: Sequence[Item]) -> str:
    """Return in what share of the pairs (a real picture and its autoencoder reconstruction) the fake measures lower."""
    real = {i.pair_group: v for i, v in zip(items, values, strict=True) if i.label == 0}
    pairs = [
        (real[i.pair_group], v)
        for i, v in zip(items, values, strict=True)
        if i.family == "autoencoder" and i.pair_group in real
    ]
    return f"{np.mean([fake < original for original, fake in pairs]):.2f} of {len(pairs)}"


def _measured(rgb: NDArray[np.uint8]) -> list[float]:
    if min(rgb.shape[:2]) < SMALLEST_SIDE_PX:
        return [float("nan")] * len(CANDIDATES)
    luma = luma_sample(rgb)
    return [measure(luma) for measure in CANDIDATES.values()]


def _blocks(plane: Plane, *, size: int) -> Plane:
    rows, cols = plane.shape[0] // size, plane.shape[1] // size
    return plane[: rows * size, : cols * size].reshape(rows, size, cols, size)


def quantiles(values: NDArray[np.float64], weights: NDArray[np.float64]) -> tuple[float, float]:
    """Return the weighted 5 % and 95 % quantiles of values (n,)."""
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(share, 0.05)]), float(values[order][np.searchsorted(share, 0.95)])


if __name__ == "__main__":
    main()
