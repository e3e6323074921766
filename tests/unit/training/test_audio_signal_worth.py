"""The measuring of audio signals: pages weigh alike, AUCs stay within pages, splices lie where they are said to."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from forensics.detect.audio_signals import MEASURES
from forensics.media.audio import SAMPLE_RATE_HZ
from training.audio.data import Clip, write_samples
from training.audio.signals import KINDS, page_aucs, quantiles, splice, table


def clip(page: str, *, label: int = 0, path: Path = Path("x.flac"), seconds: float = 10.0, system: str = "") -> Clip:
    return Clip(path, label, page, "tts" if label else "real", system, "0", seconds, "train")


def test_large_pages_do_not_drown_small_ones() -> None:
    large, small = [(clip("large"), 1.0)] * 64, [(clip("small"), 5.0)] * 16
    low, high = quantiles([*large, *small])  # weights 8 and 4: a third lies on the small page, not a fifth
    assert (low, high) == (1.0, 5.0)
    assert quantiles([*large, *small[:1]]) == (1.0, 5.0)
    assert quantiles(large) == (1.0, 1.0)


def test_what_tells_pages_apart_is_worth_nothing() -> None:
    rows = [
        (clip(page, label=n % 2), {"phase": level + n // 2})
        for page, level in (("a", 0.0), ("b", 90.0))
        for n in range(16)
    ]
    facts = page_aucs(rows, "phase")
    assert (facts["auc"], facts["pages"]) == ("0.500 (0.500-0.500)", 2)
    lower = [(c, {"phase": v["phase"] - 0.5 * c.label}) for c, v in rows]
    assert page_aucs(lower, "phase")["lower"] == 2
    assert page_aucs(rows[:6], "phase")["pages"] == 0


def test_a_splice_begins_where_it_is_said_to(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    host, guest = (clip("a", path=tmp_path / f"{n}.flac") for n in "hg")
    write_samples(host.path, (0.06 * rng.standard_normal(9 * SAMPLE_RATE_HZ)).astype(np.float32))
    write_samples(guest.path, (0.3 * rng.standard_normal(4 * SAMPLE_RATE_HZ)).astype(np.float32))
    made = splice(host, guest, "same_page")
    assert made is not None
    assert made.at_s == pytest.approx(4.5)
    assert made.samples.size == 8.5 * SAMPLE_RATE_HZ
    before, after = made.samples[: 4 * SAMPLE_RATE_HZ], made.samples[5 * SAMPLE_RATE_HZ :]
    assert after.std() == pytest.approx(before.std(), rel=0.05)  # the levels give nothing away
    assert splice(host, None, "same_page") is None


def test_guests_come_from_where_the_kind_says() -> None:
    clips = [clip(p, path=Path(f"{p}{n}"), system=s) for p in "ab" for n, s in enumerate(("", "", "copy_world"))]
    for kind, page in (("same_page", "a"), ("another_page", "b"), ("copy_synthesis", "a")):
        guest = KINDS[kind](clips[0], clips, np.random.default_rng(0))
        assert guest is not None
        assert guest.page == page
        assert guest.path != clips[0].path


def test_the_table_is_what_serving_reads() -> None:
    read = tomllib.loads(table({name: {"low": -1.0, "high": 2.0} for name in MEASURES}))
    assert list(read) == list(MEASURES)
    assert set(read["phase"]) == {"low", "high", "below", "inside", "above", "what"}
