"""Splits, sampling weights, thresholds and metrics: what keeps the reported numbers honest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn comes with training/requirements.txt, not with the lock")

from training.image.calibrate import fit_platt, rate_above, threshold_at_fpr, threshold_at_miss
from training.image.data import Item, assign_folds, balanced_weights, split
from training.image.edits import altered, pairs_of_one_content
from training.metrics import auc, bootstrap, ece, eer, flips, recall_at, share

REAL = ["utkface", "bsds500", "coco", "afhq", "imagenet", "lfw_subset"]
FAKE = {
    "sd1_compvis": "sd1",
    "sd2_tiles": "sd1",
    "kolors": "sdxl",
    "mindalle": "vq_token",
    "taef2_recon": "autoencoder",
}


def item(source: str, n: int, *, family: str = "", group: str = "") -> Item:
    stem = f"{source}{n}"
    return Item(Path(f"{stem}.png"), int(bool(family)), source, family, "scene", "", group or f"alone:{stem}")


ITEMS = [item(s, n) for s in REAL for n in range(6)] + [item(s, n, family=f) for s, f in FAKE.items() for n in range(4)]
ITEMS += [item("coco", 90, group="pair"), item("taef2_recon", 90, family="autoencoder", group="pair")]


@pytest.mark.parametrize("by", ["family", "repository"])
def test_no_source_family_or_pair_straddles(by: str) -> None:
    fold_of = assign_folds(ITEMS, folds=3, by=by)
    for fold in range(3):
        train, held = split(ITEMS, fold_of, fold=fold)
        seen, unseen = [ITEMS[n] for n in train], [ITEMS[n] for n in held]
        assert not {i.source for i in seen} & {i.source for i in unseen}
        assert not {i.pair_group for i in seen} & {i.pair_group for i in unseen}
        if by == "family":
            assert not ({i.family for i in seen} & {i.family for i in unseen}) - {""}


def test_every_picture_is_held_out_once() -> None:
    fold_of = assign_folds(ITEMS, folds=3)
    assert sorted(n for fold in range(3) for n in split(ITEMS, fold_of, fold=fold)[1]) == list(range(len(ITEMS)))


def test_an_edit_is_told_by_its_family_or_by_its_original() -> None:
    items = [
        item("coco", 1, group="a"),
        item("kolors", 2, family="sdxl", group="a"),
        item("kolors", 3, family="sdxl"),
        item("taef2_recon", 4, family="autoencoder"),
        item("afhq", 5),
    ]
    assert altered(items).tolist() == [False, True, False, True, False]
    assert pairs_of_one_content(items).tolist() == [[0, 1]]
    assert pairs_of_one_content(items[2:]).shape == (0, 2)


def test_a_share_is_redrawn_by_source() -> None:
    held = np.array([True] * 3 + [False] * 7)
    one_source = share(held, np.array(["a"] * 10))
    assert (one_source.value, one_source.low, one_source.high) == (0.3, 0.3, 0.3)
    two = share(held, np.array(["a"] * 3 + ["b"] * 7))
    assert (two.low, two.high) == (0.0, 1.0)
    assert np.isnan(share(held[:0], np.array([], dtype=np.str_)).value)


def test_weights_balance_labels_and_damp_large_sources() -> None:
    items = (
        [item("coco", n) for n in range(90)] + [item("afhq", n) for n in range(10)] + [item("kolors", 1, family="sdxl")]
    )
    weights = balanced_weights(items)
    assert weights[:100].sum() == pytest.approx(0.5) and weights[100] == pytest.approx(0.5)
    assert weights[:90].sum() / weights[90:100].sum() == pytest.approx(3.0)  # roots of 90 and 10, not 9 to 1


def test_thresholds_keep_their_promise() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 2000)
    scores = rng.normal(labels * 2.0, 1.0)
    weights = np.ones(4000)
    high = threshold_at_fpr(scores, labels, weights, fpr=0.02)
    low = threshold_at_miss(scores, labels, weights, missed=0.1)
    assert rate_above(scores[labels == 0], weights[:2000], high) == pytest.approx(0.02, abs=0.001)
    assert 1 - rate_above(scores[labels == 1], weights[:2000], low) == pytest.approx(0.1, abs=0.001)


def test_platt_recovers_the_true_odds() -> None:
    rng = np.random.default_rng(1)
    raw = rng.normal(0, 2, 20_000)
    labels = (rng.random(20_000) < 1 / (1 + np.exp(-(0.7 * raw - 0.3)))).astype(np.int64)
    platt = fit_platt(raw, labels, np.full(20_000, 1 / 20_000))
    assert platt.slope == pytest.approx(0.7, abs=0.05) and platt.intercept == pytest.approx(-0.3, abs=0.05)


def test_metrics_on_cases_worked_by_hand() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    scores = np.array([0.1, 0.2, 0.3, 0.8, 0.4, 0.7, 0.9, 0.95])
    assert auc(scores, labels) == pytest.approx(14 / 16)
    assert eer(scores, labels) == pytest.approx(0.25)
    assert recall_at(0.25)(scores, labels) == pytest.approx(0.75)  # threshold 0.425, between 0.3 and 0.8
    assert ece(np.array([0.0, 1.0]), np.array([0, 1])) == 0 and ece(np.array([1.0, 0.0]), np.array([0, 1])) == 1


def test_bootstrap_redraws_whole_sources() -> None:
    labels = np.repeat([0, 0, 1, 1], 25)
    scores = np.repeat([0.1, 0.6, 0.4, 0.9], 25)  # one source of each label stands on the wrong side of the other's
    found = bootstrap(auc, scores, labels, np.repeat(["a", "b", "c", "d"], 25))
    assert (found.value, found.low, found.high) == (0.75, 0.0, 1.0)


def test_bootstrap_of_one_source_redraws_what_is_in_it() -> None:
    labels = np.repeat([0, 1], 40)
    scores = np.concatenate([np.linspace(0, 1, 40), np.linspace(0.3, 1.3, 40)])
    found = bootstrap(auc, scores, labels, np.repeat(["real", "fake"], 40))
    assert 0.5 < found.low < found.value < found.high < 1


def test_a_flip_is_a_decided_file_that_changed_sides() -> None:
    before, after = np.array([0.9, 0.9, 0.1, 0.5, 0.1]), np.array([0.1, 0.95, 0.2, 0.9, 0.5])
    assert flips(before, after, synthetic=0.8, authentic=0.3) == pytest.approx(1 / 3)
    assert flips(before[3:4], after[3:4], synthetic=0.8, authentic=0.3) == 0.0
