"""Partial fakes: made where they say, judged by frames and spans, told as text; all on tones, with a made-up detector."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn comes with training/requirements.txt, not with the lock")

from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from training.audio.data import Clip
from training.audio.partial import report, seconds_of, section
from training.audio.span_metrics import Judged, f1, frame_counts, interval, iou, recall, span_counts
from training.audio.splices import (
    CROSS_FADE_S,
    FAKE,
    REAL_SPLICE,
    WHOLE,
    Splice,
    cached,
    eligible,
    joined,
    make_splices,
    quiet_moment,
)

REAL_HZ, FAKE_HZ, OTHER_HZ = 300.0, 3000.0, 900.0


def clip(number: int, page: str, system: str = "", *, part: str = "test") -> Clip:
    family = "tts" if system else "real"
    path = Path(f"{page}-{system or 'real'}-{number}.flac")
    return Clip(path, int(bool(system)), page, family, system, str(number), 5.0, part)


def tone(hz: float, seconds: float = 5.0) -> Samples:
    time = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return np.asarray(0.2 * np.sin(2 * np.pi * hz * time), dtype=np.float32)


def read(wanted: Clip) -> Samples:
    """Fakes are high; of each page's recordings one is of another voice."""
    if wanted.label:
        return tone(FAKE_HZ)
    return tone(OTHER_HZ if wanted.content == "9" else REAL_HZ)


CLIPS = [
    *(clip(n, page) for page in ("demo", "other") for n in range(10)),
    *(clip(n, page, system) for page in ("demo", "other") for system in ("vits", "xtts") for n in range(6)),
    *(clip(n, "corpus") for n in range(20)),
    clip(1, "lonely"),
    clip(1, "lonely", "vits"),
]


def splices(*, count: int = 8, controls: int = 8, seed: int = 3) -> list[Splice]:
    return [s for _, s in make_splices(CLIPS, count=count, controls=controls, seed=seed, read=cached(read))]


def pitch(samples: Samples) -> float:
    return float((np.diff(np.signbit(samples)) != 0).mean() * SAMPLE_RATE_HZ / 2)


def test_the_stretch_is_synthetic_where_it_says_and_nowhere_else() -> None:
    made = [s for s in splices() if s.kind == FAKE]
    assert {s.page for s in made} == {"demo", "other"}
    for splice in made:
        assert splice.span is not None
        start, end = (round(t * SAMPLE_RATE_HZ) for t in splice.span)
        fade = round(CROSS_FADE_S * SAMPLE_RATE_HZ)
        assert 1.0 <= splice.span[0] and splice.span[1] <= splice.seconds - 0.7
        assert 1.0 <= splice.span[1] - splice.span[0] <= 6.0
        assert pitch(splice.samples[start + fade : end - fade]) == pytest.approx(FAKE_HZ, rel=0.02)
        rest = np.concatenate([splice.samples[: start - fade], splice.samples[end + fade :]])
        assert pitch(rest) <= 1.05 * OTHER_HZ
        inside, outside = splice.samples[start + fade : end - fade].std(), rest.std()
        assert inside == pytest.approx(outside, rel=0.05)
        assert 11 <= splice.seconds <= 47


def test_controls_hold_nothing_synthetic_and_half_of_them_a_joint() -> None:
    made = [s for s in splices() if s.kind != FAKE]
    assert [s.kind for s in made].count(REAL_SPLICE) == [s.kind for s in made].count(WHOLE) == 4
    for splice in made:
        assert splice.span is None and splice.source.endswith("/real")
        high = np.array([pitch(b[0]) for b in seconds_of(splice.samples)]) > 2000
        assert not high.any()


def test_the_same_seed_makes_the_same() -> None:
    first, again, other = (
        splices(count=4, controls=0),
        splices(count=4, controls=0),
        splices(count=4, controls=0, seed=4),
    )
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a.samples, b.samples) for a, b in zip(first, other, strict=True))


def test_pages_without_enough_are_left_out() -> None:
    with pytest.raises(ValueError, match="no page"):
        next(make_splices([c for c in CLIPS if c.page == "lonely"], count=1, controls=0, seed=0, read=read))


def test_of_the_test_part_only_systems_unseen_in_training_count() -> None:
    clips = [*CLIPS, clip(1, "elsewhere", "vits", part="train")]
    assert {c.system for c in eligible(clips, part="test")} == {"", "xtts"}
    assert {c.system for c in eligible([replace(c, part="dev") for c in clips], part="dev")} == {"", "vits", "xtts"}


def test_a_joint_keeps_the_length_and_has_no_step() -> None:
    low = np.full(1000, -1.0, dtype=np.float32)
    both = joined(low, -low)
    assert both.size == 2000
    assert np.abs(np.diff(both)).max() < 0.02
    assert both[900] == -1.0 and both[1100] == 1.0
    assert joined(low[:0], low).size == 1000


def test_joints_move_to_the_quietest_moment() -> None:
    samples = tone(REAL_HZ, 2.0)
    samples[16_000:16_640] = 0.0
    assert quiet_moment(samples, 14_000) == pytest.approx(16_000, abs=320)
    assert abs(quiet_moment(samples, 5000) - 5000) <= 4000


def judged(truth: tuple[float, float] | None, *flagged: tuple[float, float], verdict: str = "manipulated") -> Judged:
    return Judged("demo/vits" if truth else "demo/real", FAKE if truth else WHOLE, 20.0, truth, flagged, verdict)


def test_frames_and_spans_are_counted() -> None:
    assert frame_counts(judged((5.0, 8.0), (6.0, 10.0))) == (20, 20, 10)
    assert frame_counts(judged(None, (1.0, 2.0))) == (0, 10, 0)
    assert span_counts(judged((5.0, 8.0), (6.0, 10.0), (15.0, 16.0))) == (1, 1, 0)  # 2 s of 5 s are shared
    assert span_counts(judged((5.0, 6.0), (4.0, 12.0))) == (0, 1, 1)
    assert iou((0.0, 2.0), (1.0, 3.0)) == pytest.approx(1 / 3)
    assert iou((0.0, 1.0), (2.0, 3.0)) == 0


def test_metrics_are_of_sums_with_intervals_over_sources() -> None:
    counts = np.array([[20.0, 20.0, 10.0]])
    assert (f1(counts)[0], recall(counts)[0]) == (pytest.approx(40 / 70), pytest.approx(20 / 30))
    assert f1(np.zeros((1, 3)))[0] == 0
    sources = [f"s{n % 6}" for n in range(60)]
    found = interval(recall, [(float(n % 6 < 3), 0.0, float(n % 6 >= 3)) for n in range(60)], sources)
    assert found.low < found.value == 0.5 < found.high
    assert interval(recall, [(1.0, 0.0, 0.0)] * 5, ["a"] * 5).low == 1.0
    assert np.isnan(interval(recall, [], []).value)


def test_the_report_is_json_and_reads_as_a_section() -> None:
    found = [
        judged((5.0, 6.5), (5.0, 7.0)),
        judged((5.0, 8.0), (4.0, 9.0), verdict="synthetic"),
        judged((5.0, 10.0), verdict="authentic"),
        judged(None, verdict="authentic"),
        replace(judged(None, (1.0, 4.0), verdict="inconclusive"), kind=REAL_SPLICE),
    ]
    result = json.loads(json.dumps({"part": "test", "seed": 1, "model": "9.9.9", **report(found)}))
    assert (result["fakes"], result["controls"], result["fake_sources"]) == (3, 2, 1)
    assert result["partial_fakes"]["found"][0] == pytest.approx(2 / 3, abs=1e-4)
    assert list(result["by_length"]) == ["1-2 s", "2-4 s", "4-6 s"]
    assert result["by_length"]["4-6 s"]["frame_recall"][0] == 0
    assert result["controls_by_kind"][REAL_SPLICE]["flagged"][0] == 1
    text = section(result)
    assert text.startswith("## Partial fakes") and "9.9.9" in text
    assert "| 2-4 s | 1 | 1.000 (1.000-1.000) |" in text
    assert max(len(line) for line in text.splitlines()) <= 160
