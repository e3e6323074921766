"""The audio detector: a stream of samples -> speech -> windows -> calibrated scores -> spans -> one Detection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.audio_manifest import MODEL_DIRECTORY, AudioManifest, load_audio_manifest
from forensics.detect.audio_segments import flag_segments
from forensics.detect.audio_signals import SignalMeter, measure_audio
from forensics.detect.encoders import read_encoders
from forensics.detect.image import sigmoid
from forensics.detect.onnx import OnnxModel
from forensics.detect.signals import SignalRanges
from forensics.detect.speech import ENCODER, Network, SpeechDetector
from forensics.detect.speech_network import SpeechNetwork
from forensics.domain.scores import Detection, ModelScore, ScoredWindow, Segment, Signal
from forensics.domain.stopwatch import Stopwatch
from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.speech_spans import Span, SpeechSpans
from forensics.media.windows import SpeechWindows, Window

INPUT, LOGIT, DISTANCE, FAMILIES = "samples", "logit", "distance", "families"
BATCH_WINDOWS = 8
# The sides of a stereo recording are two speakers, not one room, when their difference holds this share of the power.
_APART_SHARE = 0.2
_PEEK_SECONDS = 20
# silero-vad's own least length of speech (its min_speech_duration_ms): a click is no word.
LEAST_SPOKEN_S = 0.25

Progress = Callable[[float], None]
Listener = Callable[[Samples], None]


@dataclass(frozen=True)
class AudioDetection:
    """One recording's whole answer; seconds of sound and of speech, spans of the deciding channel, its windows as a timeline.

    `channel` of `channels` decided; they are 1 unless two sides were scored apart. `speech` is where somebody speaks on it,
    `timings_ms` the detector's stages: vad, signals, model.
    """

    detection: Detection
    segments: tuple[Segment, ...]
    timeline: tuple[ScoredWindow, ...]
    seconds: float
    speech_s: float
    speech: tuple[Span, ...] = ()
    channel: int = 0
    channels: int = 1
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ChannelResult:
    """What one channel gave: mean calibrated logit over its windows (None without speech), mean feature distance."""

    logit: float | None
    distance: float
    windows: tuple[ScoredWindow, ...]
    speech_s: float
    speech: tuple[Span, ...] = ()
    signals: tuple[Signal, ...] = ()
    families: NDArray[np.floating] | None = None  # mean probabilities of the generator families


class ChannelScorer:
    """Scores one channel while it streams by; holds a batch of windows at most."""

    def __init__(
        self, manifest: AudioManifest, network: Network, speech: Network, signals: SignalRanges, clock: Stopwatch
    ) -> None:
        self._manifest = manifest
        self._signals = signals
        self._clock = clock
        self._network = network
        self._speech = SpeechDetector(speech)
        self._cutter = SpeechWindows()
        self._spans = SpeechSpans()
        self._meter = SignalMeter()
        self._waiting: list[Window] = []
        self._scored: list[ScoredWindow] = []
        self._logits: list[float] = []
        self._distances: list[float] = []
        self._families: list[NDArray[np.floating]] = []

    def push(self, samples: Samples) -> None:
        """Take the next mono samples (n,)."""
        with self._clock.stage("vad"):
            chunks, flags = self._speech.push(samples)
            self._spans.push(flags)
        with self._clock.stage("signals"):
            self._meter.push(chunks, flags)
        with self._clock.stage("model"):
            self._take(self._cutter.push(chunks, flags))

    def close(self, *, native_hz: int | None) -> ChannelResult:
        """Score what is left and return the channel's result."""
        with self._clock.stage("vad"):
            chunks, flags = self._speech.close()
            self._spans.push(flags)
        with self._clock.stage("model"):
            self._take(self._cutter.push(chunks, flags))
            self._take(self._cutter.close())
            self._run()
        with self._clock.stage("signals"):
            signals = measure_audio(self._meter.close(native_hz=native_hz), self._signals)
        if self._cutter.speech_s < LEAST_SPOKEN_S:
            return ChannelResult(None, 0.0, (), 0.0, signals=signals)
        logit = float(np.mean(self._logits)) if self._logits else None
        distance = float(np.mean(self._distances)) if self._distances else 0.0
        families = np.mean(self._families, axis=0) if self._families else None
        return ChannelResult(
            logit, distance, tuple(self._scored), self._cutter.speech_s, self._spans.spans(), signals, families
        )

    def _take(self, windows: Iterable[Window]) -> None:
        for window in windows:
            self._waiting.append(window)
            if len(self._waiting) == BATCH_WINDOWS:
                self._run()

    def _run(self) -> None:
        if not self._waiting:
            return
        out = self._network.run({INPUT: np.stack([w.samples for w in self._waiting])})
        logits = self._manifest.slope * out[LOGIT] + self._manifest.intercept
        self._logits += [float(v) for v in logits]
        self._distances += [float(v) for v in out[DISTANCE]]
        self._families += list(out.get(FAMILIES, ()))
        places = zip(self._waiting, logits, strict=True)
        self._scored += [ScoredWindow(w.start_s, w.end_s, w.speech_s, sigmoid(float(v))) for w, v in places]
        self._waiting = []


class AudioDetector:
    """The audio model's sessions; safe to call from several threads, since every recording gets scorers of its own."""

    def __init__(
        self, manifest: AudioManifest, network: Network, speech: Network, signals: SignalRanges | None = None
    ) -> None:
        self.manifest = manifest
        self._signals = signals or SignalRanges({})
        self._network = network
        self._speech = speech

    @classmethod
    def load(cls, models_dir: Path, encoders_dir: Path, *, threads: int = 1) -> AudioDetector:
        """Load models_dir/audio and silero-vad; raises EncoderMissing or ModelUnavailable."""
        manifest = load_audio_manifest(models_dir / MODEL_DIRECTORY)
        speech = read_encoders(models_dir)[ENCODER].located(encoders_dir)
        ranges = SignalRanges.load(models_dir / MODEL_DIRECTORY / "signals.toml")
        return cls(
            manifest, OnnxModel(manifest.network, threads=threads), SpeechNetwork(speech, threads=threads), ranges
        )

    def detect(
        self,
        blocks: Iterable[Samples],
        *,
        progress: Progress | None = None,
        listen: Listener | None = None,
        native_hz: int | None = None,
    ) -> AudioDetection:
        """Score a stream of float32 (channels 1..2, n) blocks at SAMPLE_RATE_HZ.

        `progress` is told the seconds heard so far; `listen` is given each block as it is scored: (channels scored apart, n).
        `native_hz` is the rate that the file declares.
        """
        clock = Stopwatch()
        stream = split_channels(blocks)
        scorers: list[ChannelScorer] = []
        heard = 0
        for block in stream:
            scorers = scorers or [self._scorer(clock) for _ in block]
            for scorer, channel in zip(scorers, block, strict=True):
                scorer.push(channel)
            if listen:
                listen(block)
            heard += block.shape[1]
            if progress:
                progress(heard / SAMPLE_RATE_HZ)
        results = [scorer.close(native_hz=native_hz) for scorer in scorers] or [ChannelResult(None, 0.0, (), 0.0)]
        return self._answer(results, heard / SAMPLE_RATE_HZ, clock.elapsed_ms)

    def _scorer(self, clock: Stopwatch) -> ChannelScorer:
        return ChannelScorer(self.manifest, self._network, self._speech, self._signals, clock)

    def _answer(self, results: list[ChannelResult], seconds: float, timings_ms: Mapping[str, float]) -> AudioDetection:
        latency_ms = round(sum(timings_ms.values()))
        rule, guards = self.manifest.spans, self.manifest.guards
        deciding = max(results, key=lambda r: -np.inf if r.logit is None else r.logit)
        segments = flag_segments(deciding.windows, rule)
        whole = None if deciding.logit is None else sigmoid(deciding.logit)
        spliced = (
            whole is not None
            and whole < self.manifest.normal.thresholds.synthetic
            and any(s.score >= rule.partial for s in segments)
        )
        score = max(s.score for s in segments) if spliced else whole
        speech_s = max(r.speech_s for r in results)
        reasons = _reasons(speech_s, deciding.distance, guards.least_speech_s, guards.largest_distance)
        if segments and score is not None and score <= self.manifest.normal.thresholds.authentic:
            reasons += ("models_disagree",)  # authentic as a whole, and not everywhere
        detection = Detection(
            score=score,
            normal=self.manifest.normal,
            strict=self.manifest.strict,
            models=(ModelScore("audio-speech", self.manifest.version, score, _status(score), latency_ms),),
            signals=deciding.signals,
            reasons=reasons,
            manipulated=spliced,
            generator=self._family(deciding, score),
        )
        return AudioDetection(
            detection=detection,
            segments=segments,
            timeline=deciding.windows,
            seconds=seconds,
            speech_s=speech_s,
            speech=deciding.speech,
            channel=results.index(deciding),
            channels=len(results),
            timings_ms=timings_ms,
        )

    def _family(self, channel: ChannelResult, score: float | None) -> str | None:
        """Name the family only of what leans towards fake as a whole."""
        attribution, votes = self.manifest.attribution, channel.families
        if attribution is None or votes is None or score is None or score < self.manifest.strict.thresholds.synthetic:
            return None
        return attribution.name(votes)


def split_channels(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """Yield (1, n) blocks of the mix, or (2, n) when the first seconds show two different channels, as telephone recordings do."""
    peeked: list[Samples] = []
    apart: bool | None = None
    for block in blocks:
        if block.shape[0] == 1:
            yield block
            continue
        if apart is None:
            peeked.append(block)
            if sum(b.shape[1] for b in peeked) < _PEEK_SECONDS * SAMPLE_RATE_HZ:
                continue
            block, apart = np.concatenate(peeked, axis=1), channels_apart(peeked)
        yield block if apart else block.mean(axis=0, keepdims=True)
    if peeked and apart is None:
        block = np.concatenate(peeked, axis=1)
        yield block if channels_apart(peeked) else block.mean(axis=0, keepdims=True)


def channels_apart(blocks: list[Samples]) -> bool:
    """Tell whether two channels carry different sound: the power of their difference against that of both."""
    left, right = np.concatenate(blocks, axis=1)
    power = float((left**2).mean() + (right**2).mean())
    quiet = min(float((left**2).mean()), float((right**2).mean())) < 1e-3 * power
    return not quiet and float(((left - right) ** 2).mean()) > _APART_SHARE * power


def _reasons(speech_s: float, distance: float, least_s: float, largest: float) -> tuple[str, ...]:
    if not speech_s:
        return ("no_speech",)
    checks = {"too_short": speech_s < least_s, "out_of_distribution": distance > largest}
    return tuple(reason for reason, holds in checks.items() if holds)


def _status(score: float | None) -> str:
    return "skipped" if score is None else "ok"
