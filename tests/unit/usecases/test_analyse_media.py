from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from PIL import Image

from forensics.domain.errors import InvalidRequest, MediaCorrupt, MediaTooLong, PayloadTooLarge, UnsupportedMediaType
from forensics.domain.evidence import Claim, Evidence, Provenance
from forensics.domain.job import DetectOptions
from forensics.domain.result import Analysis
from forensics.domain.scores import ScoredWindow, Segment
from forensics.media.audio import Samples
from forensics.media.audio_picture import SIZE_PX
from forensics.usecases.analyse_audio import DAMAGED, LEAST_REALTIME, AnalyseAudio
from forensics.usecases.analyse_media import AnalyseMedia
from forensics.web.schemas import Timeline
from tests.support.fakes import FakeProvenance, detection
from tests.support.hearing import Heard, Listener
from tests.support.sounds import RATE_HZ, tone, wav, wav_of


def test_a_recording_is_heard_whole_and_its_spans_are_told() -> None:
    listener = Listener(segments=(Segment(0.5, 2.0, 0.93),))
    analysis = AnalyseAudio(listener, FakeProvenance())(wav(seconds=2.5), DetectOptions())
    assert (analysis.media_type, analysis.decision.verdict, analysis.segments) == (
        "audio",
        "synthetic",
        listener.segments,
    )
    assert (analysis.media.format, analysis.media.duration_s, analysis.media.width) == ("wav", 2.5, None)
    assert analysis.warnings == () and list(analysis.timings_ms) == ["decode", "vad", "model", "provenance"]


def test_strict_mode_and_evidence_hold_for_sound_too() -> None:
    assert (
        AnalyseAudio(Listener(0.7), FakeProvenance())(wav(seconds=1), DetectOptions()).decision.verdict
        == "inconclusive"
    )
    strict = AnalyseAudio(Listener(0.7), FakeProvenance())(wav(seconds=1), DetectOptions(strict_mode=True))
    assert strict.decision.verdict == "synthetic"
    claim = Provenance(evidence=(Evidence("c2pa", Claim.SYNTHETIC, 0.97, "signed by a voice service", "some-tts"),))
    decided = AnalyseAudio(Listener(0.1), FakeProvenance(claim))(wav(seconds=1), DetectOptions()).decision
    assert (decided.verdict, decided.generator) == ("synthetic", "some-tts")


def test_a_recording_without_sound_is_corrupt() -> None:
    with pytest.raises((MediaCorrupt, UnsupportedMediaType)):
        AnalyseAudio(Listener(), FakeProvenance())(wav(seconds=1)[:44], DetectOptions())


def test_what_was_not_heard_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Impatient(Listener):
        def detect(
            self,
            blocks: Iterable[Samples],
            *,
            progress: Callable[[float], None] | None = None,
            listen: Callable[[Samples], None] | None = None,
            native_hz: int | None = None,
        ) -> Heard:
            next(iter(blocks))
            return Heard(detection(0.1), (), 0.1)

    analysis = AnalyseAudio(Impatient(), FakeProvenance())(wav(seconds=5), DetectOptions())
    assert analysis.warnings == (DAMAGED,)


def test_the_pipeline_is_chosen_by_the_bytes(photo: bytes) -> None:
    made: list[str] = []

    def audio(data: bytes, options: DetectOptions) -> Analysis:
        return AnalyseAudio(Listener(), FakeProvenance())(data, options)

    def make() -> type[Analysis] | object:
        made.append("audio")
        return audio

    analyse = AnalyseMedia({"audio": make}, {"audio": 100_000})  # type: ignore[dict-item]
    assert analyse(wav(seconds=1), DetectOptions()).media_type == "audio"
    assert made == ["audio"]
    with pytest.raises(PayloadTooLarge):
        analyse(wav(seconds=10), DetectOptions())
    with pytest.raises(UnsupportedMediaType, match="image"):
        analyse(photo, DetectOptions())
    with pytest.raises(InvalidRequest):
        analyse(b"", DetectOptions())
    assert made == ["audio"]  # only for a file it would take


def test_explain_gives_a_picture_and_a_timeline() -> None:
    listener = Listener(segments=(Segment(0.5, 2.0, 0.93),), timeline=(ScoredWindow(0.0, 2.5, 2.1, 0.91234567),))
    analysis = AnalyseAudio(listener, FakeProvenance())(wav(seconds=2.5), DetectOptions(explain=True))
    picture, timeline = analysis.artifacts
    assert (picture.file_name, picture.content_type) == ("spectrogram.png", "image/png")
    with Image.open(io.BytesIO(picture.data)) as image:
        assert (image.format, image.size) == ("PNG", SIZE_PX)
    assert (timeline.file_name, timeline.content_type) == ("timeline.json", "application/json")
    Timeline.model_validate_json(timeline.data)
    found = json.loads(timeline.data)
    assert (found["duration_s"], found["window_s"], found["hop_s"], found["side"]) == (2.5, 4.0, 2.0, None)
    assert found["windows"] == [{"start": 0.0, "end": 2.5, "speech_s": 2.1, "score": 0.9123}]
    assert found["flagged_segments"] == [{"start": 0.5, "end": 2.0, "score": 0.93}]
    assert found["threshold"] == analysis.decision.mode.thresholds.synthetic
    assert found["model"] == "fake-model 1" and found["explains"] == "synthetic"
    assert len(found["waveform"]["min"]) == len(found["waveform"]["max"]) == 125
    assert analysis.timings_ms["explain"] > 0


def test_nothing_is_drawn_unasked() -> None:
    analysis = AnalyseAudio(Listener(), FakeProvenance())(wav(seconds=1), DetectOptions())
    assert analysis.artifacts == () and "explain" not in analysis.timings_ms


def test_the_side_that_decided_is_drawn() -> None:
    sides = np.concatenate([np.zeros((1, RATE_HZ), np.float32), tone(1, RATE_HZ)])
    both = wav_of((sides.T * 32767).astype("<i2").tobytes(), channels=2)
    analysis = AnalyseAudio(Listener(), FakeProvenance())(both, DetectOptions(explain=True))
    found = json.loads(analysis.artifacts[1].data)
    assert found["side"] == "right"
    assert max(found["waveform"]["max"]) == pytest.approx(0.4, abs=0.01)


def test_progress_is_told_with_the_declared_length() -> None:
    told: list[tuple[float, float | None]] = []

    def tell(heard_s: float, duration_s: float | None) -> None:
        told.append((heard_s, duration_s))

    AnalyseAudio(Listener(), FakeProvenance(), progress=tell)(wav(seconds=3), DetectOptions())
    assert told[-1] == (3.0, 3.0)
    assert [heard for heard, _ in told] == sorted(heard for heard, _ in told)


def test_the_time_a_recording_takes_is_told_by_its_length_and_not_by_its_header() -> None:
    analyse = AnalyseAudio(Listener(), FakeProvenance(), max_seconds=8)
    assert analyse.estimate_s(wav(seconds=6)) == pytest.approx(6 / LEAST_REALTIME, rel=0.01)
    body = wav(seconds=6)[44:]
    assert analyse.estimate_s(wav_of(body, data_size=0xFFFF_FFFF)) == pytest.approx(6 / LEAST_REALTIME, rel=0.01)
    with pytest.raises(MediaTooLong):
        analyse.estimate_s(wav(seconds=10))
    with pytest.raises(MediaTooLong):
        analyse(wav(seconds=10), DetectOptions())
