"""The whole-view head: two voices, who learns from what, and that an edit scores above its own original."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch comes with training/requirements.txt, not with the lock")

from training.image.data import Item
from training.image.network import Schooling
from training.image.semantic import HeadRecipe, fit_head, lessons

WIDTH, MADE, EDITED = 24, 0, 1
SCHOOLING = Schooling(16, 150, 32, 5e-3, 0.1, 0.0, 0.0, 0.05, (1.0,), pairs=8, pair_weight=1.0)
RECIPE = HeadRecipe(seed=1, general=1, made=1, altered=1, altered_handicap=1.0, schooling=SCHOOLING)


def item(n: int, *, family: str = "", group: str = "") -> Item:
    return Item(Path(f"{n}.png"), int(bool(family)), f"s{n % 5}{family}", family, "scene", "", group or f"alone:{n}")


def world() -> tuple[np.ndarray, list[Item]]:
    """Real pictures, made ones (one feature says so) and edits of the real ones (another does, faintly, over strong content)."""
    rng = np.random.default_rng(2)
    real = [item(n, group=f"g{n}") for n in range(60)]
    made = [item(100 + n, family="sdxl") for n in range(60)]
    edits = [item(200 + n, family="deep_swap", group=f"g{n}") for n in range(60)]
    features = rng.normal(0, 1, (180, 1, WIDTH)).astype(np.float32)
    features[120:] = features[:60]
    features[60:120, 0, MADE] += 3
    features[120:, 0, EDITED] += 1.5
    return features, real + made + edits


def test_each_sort_of_network_sees_what_it_shall() -> None:
    _, items = world()
    (general, *_), (made, *_), (altered, voice, count) = lessons(items, RECIPE)
    assert (general.shares > 0).all() and len(general.pairs) == len(made.pairs) == 0
    assert not made.shares[120:].any() and (made.shares[:120] > 0).all()
    assert not altered.shares[60:120].any() and len(altered.pairs) == 60
    assert (voice, count) == (1, 1)
    for lesson in (general, made, altered):
        assert lesson.shares.sum() == pytest.approx(1)
        assert lesson.shares[lesson.labels == 1].sum() == pytest.approx(0.5)


def test_the_louder_voice_says_what_was_done_and_edits_lie_above_their_originals() -> None:
    features, items = world()
    head = fit_head(features, items, RECIPE)
    logits, altered = head.logits(features)[:, 0], head.altered(features)[:, 0]
    assert (logits[120:] > logits[:60]).mean() > 0.95
    assert logits[60:120].mean() > logits[:60].mean() + 1
    assert altered[120:].mean() > altered[60:120].mean() + 0.2
    assert np.array_equal(head.inward, head.inward.astype(np.float16))  # as it ships


def test_a_family_that_is_left_out_is_not_taught() -> None:
    features, items = world()
    renamed = [item(100 + n, family="ldm" if n % 2 else "sdxl") for n in range(60)]
    items[60:120] = renamed
    taught = [n for n, i in enumerate(items) if i.family != "ldm"]
    left_out = fit_head(features, items, HeadRecipe(**{**vars(RECIPE), "left_out_families": ("ldm",)}))
    absent = fit_head(features[taught], [items[n] for n in taught], RECIPE)
    # Only the standardisation, which is of all pictures, may differ.
    assert np.corrcoef(left_out.logits(features)[:, 0], absent.logits(features)[:, 0])[0, 1] > 0.98
