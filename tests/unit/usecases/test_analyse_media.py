from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytest

from forensics.domain.errors import InvalidRequest, MediaCorrupt, PayloadTooLarge, UnsupportedMediaType
from forensics.domain.evidence import Claim, Evidence, Provenance
from forensics.domain.job import DetectOptions
from forensics.domain.result import Analysis
from forensics.domain.scores import Detection, Segment
from forensics.media.audio import Samples
from forensics.usecases.analyse_audio import DAMAGED, AnalyseAudio
from forensics.usecases.analyse_media import AnalyseMedia
from tests.support.fakes import FakeProvenance, detection
from tests.support.sounds import RATE_HZ, wav


@dataclass(frozen=True)
class Heard:
    detection: Detection
    segments: tuple[Segment, ...]
    seconds: float
    timings_ms: Mapping[str, float] = field(default_factory=lambda: {"vad": 1.0, "model": 2.0})


@dataclass
class Listener:
    """Hears everything and answers as told."""

    score: float = 0.9
    segments: tuple[Segment, ...] = ()
    blocks: list[Samples] = field(default_factory=list)

    def detect(self, blocks: Iterable[Samples]) -> Heard:
        self.blocks = list(blocks)
        seconds = sum(b.shape[1] for b in self.blocks) / RATE_HZ
        return Heard(detection(self.score), self.segments, seconds)


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
        def detect(self, blocks: Iterable[Samples]) -> Heard:
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
