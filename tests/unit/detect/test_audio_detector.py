"""The audio detector over fakes: high tones are "synthetic speech", low ones "recordings", silence is silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forensics.detect.audio import AudioDetection, AudioDetector, channels_apart, split_channels
from forensics.detect.audio_manifest import AudioGuards, AudioManifest, load_audio_manifest
from forensics.detect.audio_segments import SpanRule, cells, flag_segments
from forensics.detect.files import file_sha256
from forensics.detect.onnx import Array, ModelUnavailable
from forensics.detect.signals import SignalRange, SignalRanges
from forensics.domain.evidence import Provenance
from forensics.domain.scores import OperatingMode, OperatingPoint, ScoredWindow, Thresholds
from forensics.domain.verdict import Verdict, decide
from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.windows import CHUNK_SAMPLES, SpeechWindows

REAL_HZ, FAKE_HZ = 300.0, 3000.0
FAKE_LOGIT = 3.0
POINT = OperatingPoint(fpr=0.05, recall=0.5, measured_on="a test")
MODE = OperatingMode(Thresholds(synthetic=0.8, authentic=0.2), POINT)


class Loud:
    """Stands for silero-vad: a chunk with power is speech."""

    def run(self, feeds: Mapping[str, Array], *, outputs: Sequence[str] | None = None) -> dict[str, Array]:
        frames = feeds["input"]
        assert frames.shape[1] == CHUNK_SAMPLES + 64
        loud = (np.abs(frames[:, 64:]).max(axis=1) > 0.01).astype(np.float32)
        return {"speech_probs": loud, "hn": feeds["h"], "cn": feeds["c"]}


class Pitch:
    """Stands for the network: zero crossings tell the tone, and so the logit of a window."""

    batches = 0

    def run(self, feeds: Mapping[str, Array], *, outputs: Sequence[str] | None = None) -> dict[str, Array]:
        windows = feeds["samples"]
        self.batches = max(self.batches, len(windows))
        crossings = (np.diff(np.signbit(windows), axis=1) != 0).mean(axis=1) * SAMPLE_RATE_HZ / 2
        share = np.clip((crossings - REAL_HZ) / (FAKE_HZ - REAL_HZ), 0, 1)
        logit = ((2 * share - 1) * FAKE_LOGIT).astype(np.float32)
        return {"logit": logit, "distance": np.ones(len(windows), dtype=np.float32)}


def manifest(*, largest_distance: float = 2.0) -> AudioManifest:
    guards = AudioGuards(least_speech_s=1.5, largest_distance=largest_distance)
    spans = SpanRule(enter=0.8, leave=0.5, partial=0.8)
    return AudioManifest("audio", "1", "Apache-2.0", Path("x"), 1.0, 0.0, spans, MODE, MODE, guards)


def tone(seconds: float, hz: float, *, level: float = 0.3) -> Samples:
    time = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (level * np.sin(2 * np.pi * hz * time + 0.1)).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE_HZ), dtype=np.float32)


def blocks(*channels: Samples, size: int = 4000) -> Iterator[Samples]:
    both = np.stack(channels)
    yield from (both[:, i : i + size] for i in range(0, both.shape[1], size))


def detect(*channels: Samples, rule: AudioManifest | None = None) -> AudioDetection:
    return AudioDetector(rule or manifest(), Pitch(), Loud()).detect(blocks(*channels))


def score(found: AudioDetection) -> float:
    assert found.detection.score is not None
    return found.detection.score


def test_a_synthetic_voice_is_one_span_and_a_recording_none() -> None:
    fake, real = detect(tone(10, FAKE_HZ)), detect(tone(10, REAL_HZ))
    assert score(fake) > 0.9 > 0.1 > score(real)
    assert [(s.start, s.end) for s in fake.segments] == [(0.0, pytest.approx(10.0, abs=0.1))]
    assert real.segments == ()
    assert not fake.detection.manipulated


@pytest.mark.parametrize(("before", "after"), [(0.0, 3.0), (2.7, 0.0), (61.0, 30.3)])
def test_silence_around_moves_nothing(before: float, after: float) -> None:
    speech = np.concatenate([tone(3.3, FAKE_HZ), tone(4.1, REAL_HZ)])
    alone, padded = detect(speech), detect(np.concatenate([silence(before), speech, silence(after)]))
    assert score(padded) == pytest.approx(score(alone), abs=0.05)
    assert padded.timeline[0].start_s == pytest.approx(before, abs=0.12)


def test_a_splice_in_a_recording_is_flagged_where_it_is() -> None:
    found = detect(np.concatenate([tone(30, REAL_HZ), tone(12, FAKE_HZ), tone(60, REAL_HZ)]))
    assert found.detection.manipulated
    (span,) = found.segments
    assert (span.start, span.end) == (pytest.approx(30, abs=2.1), pytest.approx(42, abs=2.1))
    assert score(found) == span.score


def test_a_recording_with_a_span_that_is_not_strong_enough_is_not_called_authentic() -> None:
    careful = replace(manifest(), spans=SpanRule(enter=0.8, leave=0.5, partial=0.9999))
    found = detect(np.concatenate([tone(40, REAL_HZ), tone(8, FAKE_HZ), tone(60, REAL_HZ)]), rule=careful)
    assert found.segments and not found.detection.manipulated
    assert score(found) < MODE.thresholds.authentic
    assert found.detection.reasons == ("models_disagree",)
    assert decide(found.detection, Provenance(), strict=False).verdict is Verdict.INCONCLUSIVE


def test_no_speech_and_too_short_are_said() -> None:
    nothing, brief, enough = detect(silence(8)), detect(tone(1.0, FAKE_HZ)), detect(tone(1.8, FAKE_HZ))
    assert (nothing.detection.score, nothing.detection.reasons) == (None, ("no_speech",))
    assert nothing.detection.models[0].status == "skipped"
    assert brief.detection.reasons == ("too_short",)
    assert enough.detection.reasons == ()
    assert score(enough) > 0.9


def test_an_empty_stream_has_no_speech() -> None:
    found = AudioDetector(manifest(), Pitch(), Loud()).detect(iter(()))
    assert found.detection.reasons == ("no_speech",)
    assert found.seconds == 0.0


def test_what_the_model_was_not_measured_on_is_said() -> None:
    assert detect(tone(5, FAKE_HZ), rule=manifest(largest_distance=0.5)).detection.reasons == ("out_of_distribution",)


def test_the_two_sides_of_a_call_are_scored_apart() -> None:
    found = detect(tone(9, REAL_HZ), tone(9, FAKE_HZ))
    assert score(found) > 0.9
    room = tone(9, REAL_HZ)
    assert score(detect(room, 0.8 * room)) < 0.1


def test_the_deciding_side_is_described_by_its_signals() -> None:
    known = SignalRange(-30.0, -10.0, "clean", "natural", "noisy", "Level of the quietest moments.")
    detector = AudioDetector(manifest(), Pitch(), Loud(), SignalRanges({"noise_floor": known}))
    quiet = silence(1) + np.float32(0.003)
    calm = np.concatenate(
        [tone(5, REAL_HZ), quiet * np.resize([1, -1], quiet.size).astype(np.float32), tone(5, REAL_HZ)]
    )
    (signal,) = detector.detect(blocks(tone(11, FAKE_HZ), calm)).detection.signals
    assert (signal.name, signal.value) == ("noise_floor", "noisy")  # the fake side never pauses
    assert detect(tone(5, REAL_HZ)).detection.signals == ()


def test_channels_count_as_apart_only_when_they_differ() -> None:
    low, high = tone(1, REAL_HZ), tone(1, FAKE_HZ)
    assert channels_apart([np.stack([low, high])])
    assert not channels_apart([np.stack([low, low])])
    assert not channels_apart([np.stack([low, silence(1)])])
    assert [b.shape[0] for b in split_channels(blocks(low, low))] == [1]


def test_an_hour_streams_in_small_batches_with_progress() -> None:
    network, told = Pitch(), list[float]()
    minute = tone(60, REAL_HZ)
    stream = (minute[None] for _ in range(60))
    found = AudioDetector(manifest(), network, Loud()).detect(stream, progress=told.append)
    assert network.batches == 8
    assert told[-1] == found.seconds == 3600
    assert len(found.timeline) == pytest.approx(1800, rel=0.01)


def test_windows_start_anew_after_a_pause_and_cover_all_speech() -> None:
    cutter = SpeechWindows()
    speech = np.concatenate([tone(5, REAL_HZ), silence(10), tone(3, REAL_HZ)])
    speech = speech[: speech.size // CHUNK_SAMPLES * CHUNK_SAMPLES]
    flags = np.abs(speech.reshape(-1, CHUNK_SAMPLES)).max(axis=1) > 0.01
    windows = [*cutter.push(speech, flags), *cutter.close()]
    covered = np.zeros(18 * 10, dtype=bool)
    for window in windows:
        assert window.samples.size == 4 * SAMPLE_RATE_HZ
        covered[int(window.start_s * 10 + 0.9) : int(window.end_s * 10)] = True
    assert covered[1:49].all()
    assert covered[151:178].all()
    assert cutter.speech_s == pytest.approx(8, abs=0.1)


@pytest.mark.parametrize("faint_chunks", [15, 17, 25, 33])
def test_a_first_word_that_is_hardly_heard_moves_the_first_window(faint_chunks: int) -> None:
    faint = np.full(faint_chunks * CHUNK_SAMPLES, 0.0, dtype=np.float32)
    faint[::2] = 1e-4
    heard = np.concatenate([faint, tone(12.0, FAKE_HZ)])[: 375 * CHUNK_SAMPLES]
    cutter = SpeechWindows()
    flags = np.ones(1, dtype=np.bool_)
    found = [w for chunk in heard.reshape(-1, CHUNK_SAMPLES) for w in cutter.push(chunk, flags)] + list(cutter.close())
    assert found[0].start_s == pytest.approx(faint.size / SAMPLE_RATE_HZ, abs=0.001)
    assert found[0].end_s - found[0].start_s == pytest.approx(4.0, abs=0.001)
    assert found[-1].end_s == pytest.approx(12.0, abs=0.01)


def windows_of(*scores: float) -> list[ScoredWindow]:
    return [ScoredWindow(2.0 * i, 2.0 * i + 4, 4.0, s) for i, s in enumerate(scores)]


def test_hysteresis_holds_a_span_over_a_doubtful_window() -> None:
    rule = SpanRule(enter=0.8, leave=0.5, partial=0.9)
    spans = flag_segments(windows_of(0.02, 0.95, 0.95, 0.6, 0.95, 0.95, 0.02, 0.02), rule)
    assert [(s.start, s.end) for s in spans] == [(4.0, 12.0)]
    assert 0.8 < spans[0].score < 0.95
    apart = [ScoredWindow(0, 4, 4, 0.9), ScoredWindow(30, 34, 4, 0.9)]
    assert len(flag_segments(apart, rule)) == 2


def test_a_stretch_counts_by_what_all_windows_over_it_say() -> None:
    found = cells(windows_of(0.5, 0.9, 0.9, 0.5), contrast=0.0)
    assert [(c.start_s, c.end_s) for c in found] == [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]
    assert found[2].score == pytest.approx(0.9)
    assert found[1].score == pytest.approx(0.75, abs=0.01)  # the mean in logits


def test_standing_out_from_the_rest_counts_where_there_is_a_rest() -> None:
    rule = SpanRule(enter=0.6, leave=0.5, partial=0.8, contrast=1.0)
    scores = (0.1, 0.1, 0.1, 0.4, 0.4, 0.1, 0.1, 0.1)
    assert [(s.start, s.end) for s in flag_segments(windows_of(*scores), rule)] == [(8.0, 10.0)]
    assert flag_segments(windows_of(*scores), replace(rule, contrast=0.0)) == ()
    assert flag_segments(windows_of(*(0.4 for _ in scores)), rule) == ()
    assert flag_segments(windows_of(0.1, 0.4), rule) == ()  # two windows have no rest


def test_an_hour_of_windows_is_cut_in_a_moment() -> None:
    assert len(cells(windows_of(*([0.2] * 1800)), contrast=1.0)) == 1801


def test_the_manifest_pins_its_network(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"weights")
    text = f"""
name = "audio"
version = "0.1.0"
licence = "Apache-2.0"
[network]
file = "net.onnx"
sha256 = "{file_sha256(tmp_path / "net.onnx")}"
slope = 1.0
intercept = -0.5
[operating.normal]
synthetic = 0.8
authentic = 0.2
fpr = 0.05
recall = 0.5
measured_on = "a test"
[operating.strict]
synthetic = 0.6
authentic = 0.2
fpr = 0.1
recall = 0.7
measured_on = "a test"
[guards]
least_speech_s = 1.5
largest_distance = 3.0
"""
    (tmp_path / "manifest.toml").write_text(text)
    with pytest.raises(ModelUnavailable, match=r"spans\.toml"):
        load_audio_manifest(tmp_path)
    (tmp_path / "spans.toml").write_text("enter = 0.8\nleave = 0.5\npartial = 0.9\ncontrast = 1\n")
    loaded = load_audio_manifest(tmp_path)
    assert loaded.strict.thresholds.synthetic == 0.6
    assert loaded.spans == SpanRule(0.8, 0.5, 0.9, 1.0)
    assert loaded.guards == AudioGuards(1.5, 3.0)
    (tmp_path / "net.onnx").write_bytes(b"changed")
    with pytest.raises(ModelUnavailable, match=r"net\.onnx"):
        load_audio_manifest(tmp_path)
    with pytest.raises(ModelUnavailable, match=r"manifest\.toml"):
        load_audio_manifest(tmp_path / "nowhere")
