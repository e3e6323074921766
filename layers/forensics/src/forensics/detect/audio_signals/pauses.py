"""What lies between words: how often somebody pauses, how quiet it is there, and whether it is digital nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forensics.detect.audio_signals.evidence import BAND_EDGES_HZ, Chunks, Evidence, Measure, Table
from forensics.media.windows import CHUNK_SECONDS, Flags

PAUSE_CHUNKS = 8  # 0.26 s
LEAST_SPAN_S = 6.0  # from the first word to the last
FLOOR_PERCENTILE = 5
DIGITAL_SHARE = 0.1  # of what lies between words
BREATH_CHUNKS = 4  # 0.13 s
BREATH_ABOVE_FLOOR_DB = 8.0
BREATH_HISS_DB = -6.0  # level of 1 to 6 kHz against what lies below 500 Hz: breath is hiss, hum and rumble are not
_LOW = slice(0, BAND_EDGES_HZ.index(500))
_HISS = slice(BAND_EDGES_HZ.index(1000), BAND_EDGES_HZ.index(6000))


@dataclass(frozen=True)
class Pause:
    """A stretch between words, in chunks: [start, end)."""

    start: int
    end: int

    @property
    def chunks(self) -> slice:
        return slice(self.start, self.end)


def noise_floor(evidence: Evidence) -> Measure | None:
    """Return the level in dB that the quietest chunks reach (5th percentile, digital silence aside) below the speech's."""
    chunks = evidence.chunks
    audible = chunks.level[~chunks.zero]
    if not chunks.speech.any() or not audible.size:
        return None
    value = float(np.percentile(audible, FLOOR_PERCENTILE)) - chunks.speech_level
    between = between_words(chunks)
    digital = float(chunks.zero[between].mean()) if between.any() else 0.0
    levels = [float(np.median(chunks.level[p.chunks])) for p in pauses_of(chunks) if not chunks.zero[p.chunks].any()]
    varies = f"It varies by {np.std(levels):.1f} dB between {len(levels)} pauses. " if len(levels) > 1 else ""
    note = f"{varies}{digital:.0%} of what lies between words is digital silence."
    return Measure(value, note, word="digital_silence" if digital >= DIGITAL_SHARE else None, word_score=digital)


def pauses(evidence: Evidence) -> Measure | None:
    """Return pauses of PAUSE_CHUNKS and more per minute between the first and the last word."""
    chunks = evidence.chunks
    span_s = float(_span(chunks)) * CHUNK_SECONDS
    if span_s < LEAST_SPAN_S:
        return None
    found = pauses_of(chunks)
    breaths = sum(has_breath(chunks, p) for p in found)
    digital = sum(bool(chunks.zero[p.chunks].mean() > 0.5) for p in found)
    note = f"{len(found)} pauses: breath-like sound in {breaths}, digital silence in {digital}."
    return Measure(len(found) * 60 / span_s, note)


def pauses_of(chunks: Chunks) -> list[Pause]:
    """Return the pauses between words, those at the ends aside."""
    edges = np.flatnonzero(np.diff(chunks.speech.astype(np.int8))) + 1
    starts = [int(e) for e in edges if not chunks.speech[e]]
    ends = [int(e) for e in edges if chunks.speech[e]]
    if ends and (not starts or ends[0] < starts[0]):
        ends = ends[1:]
    return [Pause(s, e) for s, e in zip(starts, ends, strict=False) if e - s >= PAUSE_CHUNKS]


def has_breath(chunks: Chunks, pause: Pause) -> bool:
    """Tell whether hiss stands out of a pause for BREATH_CHUNKS: the edges, where words fade, are not looked at."""
    inner = slice(pause.start + 2, pause.end - 2)
    level = chunks.level[inner]
    if level.size < BREATH_CHUNKS or chunks.zero[inner].all():
        return False
    floor = float(np.percentile(level, 10))
    bands = chunks.bands[inner]
    hiss = _sum_db(bands[:, _HISS]) - _sum_db(bands[:, _LOW]) > BREATH_HISS_DB
    loud = np.asarray((level > floor + BREATH_ABOVE_FLOOR_DB) & hiss)
    runs = np.convolve(loud, np.ones(BREATH_CHUNKS), "valid")
    return bool((runs >= BREATH_CHUNKS).any())


def between_words(chunks: Chunks) -> Flags:
    """Tell the chunks that lie between the first and the last word and are not speech."""
    spoken = np.flatnonzero(chunks.speech)
    inside = np.zeros_like(chunks.speech)
    if spoken.size:
        inside[spoken[0] : spoken[-1]] = True
    return inside & ~chunks.speech


def _span(chunks: Chunks) -> int:
    spoken = np.flatnonzero(chunks.speech)
    return int(spoken[-1] - spoken[0] + 1) if spoken.size else 0


def _sum_db(bands: Table) -> Table:
    return np.asarray(10 * np.log10((10 ** (bands / 10)).sum(axis=1)))
