"""The whole-view head: two voices, who learns from what, and that an edit scores above its own original."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch comes with training/requirements.txt, not with the lock")

from training.image.data import Item, read_csv, split
from training.image.network import Schooling
from training.image.semantic import HeadRecipe, fit_head, lessons, out_of_fold
from training.image.train import head_arrays, read_heads, read_recipe, write_oof

CONFIG = Path(__file__).parents[3] / "training" / "image" / "configs" / "first.toml"
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


def test_everybody_is_judged_by_a_head_that_had_them_held_out(tmp_path: Path) -> None:
    features, items = world()
    fold_of = {i.source: int(i.source[1]) % 2 for i in items}  # an edit goes with its original
    said, heads = out_of_fold(features, items, RECIPE, fold_of)
    assert said.shape == (180, 1, 2) and len(heads) == 2
    assert ((said[..., 1] > 0) & (said[..., 1] < 1)).all()
    _, held = split(items, fold_of, fold=1)
    np.testing.assert_allclose(said[held, :, 0], heads[1].logits(features[held]))
    saved = {f"folds_family_{name}": array for name, array in head_arrays(heads).items()}
    again = read_heads(saved, "folds_family")
    np.testing.assert_allclose(again[0].logits(features), heads[0].logits(features), atol=1e-4)
    write_oof(tmp_path / "oof.csv", items, {"family_view0": said[:, 0, 0], "family_altered": said[:, 0, 1]})
    rows = read_csv(tmp_path / "oof.csv")
    assert [float(row["family_altered"]) for row in rows] == pytest.approx(said[:, 0, 1].tolist(), abs=1e-5)


def test_the_shipped_recipe_is_read_whole() -> None:
    recipe = read_recipe(tomllib.loads(CONFIG.read_text()))
    assert (recipe.general, recipe.made, recipe.altered) == (2, 2, 2)
    assert recipe.schooling.view_weights == (1, 1) and recipe.taught_weights["forged_face"] > 1
