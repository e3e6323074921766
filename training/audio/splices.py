"""Recordings with a synthetic stretch in them, made from the gathered clips: who speaks, the room and the level stay alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.speech import frame_power, normalise_level
from training.audio.data import Clip

RECORDING_S = (12.0, 40.0)
STRETCH_S = (1.0, 6.0)
EDGE_S = 1.0  # this much of the recording stays before and after the stretch
CROSS_FADE_S = 0.01
FAKE, WHOLE, REAL_SPLICE = "fake", "whole", "real splice"
_QUIET_REACH_S = 0.25  # joints move this far to the quietest moment
_FRAME_S = 0.02
_BANDS = 40

Read = Callable[[Clip], Samples]
Spectrum = NDArray[np.float64]


@dataclass(frozen=True)
class Splice:
    """One made recording, float32 (n,); `span` is its synthetic stretch in seconds, None in a control."""

    samples: Samples
    kind: str
    page: str
    system: str
    span: tuple[float, float] | None

    @property
    def source(self) -> str:
        """What resampling redraws as one: the system on its page, or the recordings of the page."""
        return f"{self.page}/{self.system or 'real'}"

    @property
    def seconds(self) -> float:
        return self.samples.size / SAMPLE_RATE_HZ


class SpliceMaker:
    """Makes recordings of one page: its recordings, joined by likeness, and stretches of its fakes or of its other recordings.

    Pages name no speakers everywhere, so the clips nearest in their long-term spectrum are taken to be of one voice and room.
    """

    def __init__(self, clips: Sequence[Clip], *, read: Read, rng: np.random.Generator) -> None:
        self._read = read
        self._rng = rng
        self._spectra: dict[Clip, Spectrum] = {}
        self.real = [c for c in clips if not c.label]
        fakes = [c for c in clips if c.label and c.seconds >= STRETCH_S[0]]
        self.fakes = {system: [c for c in fakes if c.system == system] for system in sorted({c.system for c in fakes})}

    @property
    def page(self) -> str:
        return self.real[0].page  # only asked when there is one

    @property
    def enough(self) -> bool:
        """Tell whether there are fakes, and recordings for the shortest base with something left to splice in."""
        return bool(self.fakes) and len(self.real) > 2 and sum(c.seconds for c in self.real) >= RECORDING_S[0] + 8

    def fake(self) -> Splice:
        """Return a recording with a stretch of one of the page's systems, each system as likely."""
        base, used = self._base()
        system = str(self._rng.choice(list(self.fakes)))
        pool = self._nearest(used[0], self.fakes[system])[:5]
        donor = pool[int(self._rng.integers(len(pool)))]
        samples, span = self._spliced(base, self._read(donor))
        return Splice(samples, FAKE, self.page, system, span)

    def control(self, *, spliced: bool) -> Splice:
        """Return a recording without anything synthetic; `spliced` puts a stretch of another recording into it in the same way."""
        base, used = self._base()
        if not spliced:
            return Splice(base, WHOLE, self.page, "", None)
        donor = self._nearest(used[0], [c for c in self.real if c not in used])[0]
        return Splice(self._spliced(base, self._read(donor))[0], REAL_SPLICE, self.page, "", None)

    def _base(self) -> tuple[Samples, list[Clip]]:
        """Join recordings, nearest first, up to a random length; at least one recording is left unused."""
        wanted = self._rng.uniform(*RECORDING_S) * SAMPLE_RATE_HZ
        seed = self.real[int(self._rng.integers(len(self.real)))]
        used: list[Clip] = []
        base = np.zeros(0, dtype=np.float32)
        for clip in self._nearest(seed, self.real)[:-1]:
            piece = normalise_level(self._read(clip))
            base = joined(base, piece) if used else piece
            used.append(clip)
            if base.size >= wanted:
                break
        return base[: int(wanted)], used

    def _spliced(self, base: Samples, donor: Samples) -> tuple[Samples, tuple[float, float]]:
        """Put a stretch of the donor into the base, in place of as much of it or between; return where it lies, in seconds."""
        most = min(STRETCH_S[1], donor.size / SAMPLE_RATE_HZ)
        length = round(self._rng.uniform(min(STRETCH_S[0], most), most) * SAMPLE_RATE_HZ)
        first = min(quiet_moment(donor, int(self._rng.integers(donor.size - length + 1))), donor.size - length)
        stretch = normalise_level(donor[first : first + length])
        edge = round(EDGE_S * SAMPLE_RATE_HZ)
        start = quiet_moment(base, int(self._rng.integers(edge, max(base.size - stretch.size - edge, edge + 1))))
        replaced = self._rng.random() < 0.5
        end = quiet_moment(base, start + stretch.size) if replaced else start
        whole = joined(joined(base[:start], stretch), base[end:])
        return whole, (start / SAMPLE_RATE_HZ, (start + stretch.size) / SAMPLE_RATE_HZ)

    def _nearest(self, clip: Clip, others: Sequence[Clip]) -> list[Clip]:
        here = self._spectrum(clip)
        return sorted(others, key=lambda c: float(np.abs(self._spectrum(c) - here).mean()))

    def _spectrum(self, clip: Clip) -> Spectrum:
        if clip not in self._spectra:
            self._spectra[clip] = long_term_spectrum(self._read(clip))
        return self._spectra[clip]


def make_splices(
    clips: Sequence[Clip], *, count: int, controls: int, seed: int, read: Read
) -> Iterator[tuple[int, Splice]]:
    """Yield `count` partial fakes and then `controls` controls, pages in turn; the same seed makes the same ones.

    Raises ValueError when no page has recordings and fakes enough.
    """
    pages = sorted({c.page for c in clips})
    makers = [
        SpliceMaker([c for c in clips if c.page == page], read=read, rng=np.random.default_rng([seed, number]))
        for number, page in enumerate(pages)
    ]
    ready = [m for m in makers if m.enough]
    if not ready:
        raise ValueError("no page holds enough recordings and fakes")
    for number in range(count + controls):
        maker = ready[number % len(ready)]
        spliced = (number // len(ready) + number) % 2 == 0  # alternates over the pages and on each
        yield number, maker.fake() if number < count else maker.control(spliced=spliced)


def joined(first: Samples, second: Samples) -> Samples:
    """Return one after the other with a short cross-fade, as long as both together: the overlap is mirrored out of each."""
    fade = min(round(CROSS_FADE_S * SAMPLE_RATE_HZ) // 2, first.size, second.size)
    if not fade:
        return np.concatenate([first, second])
    up = np.linspace(0, 1, 2 * fade, dtype=np.float32)
    before = np.concatenate([first[-fade:], first[: -fade - 1 : -1]])
    after = np.concatenate([second[fade - 1 :: -1], second[:fade]])
    return np.concatenate([first[:-fade], (1 - up) * before + up * after, second[fade:]])


def quiet_moment(samples: Samples, at: int) -> int:
    """Return the sample near `at` where a joint is heard least: the start of the quietest 20 ms within a quarter of a second."""
    reach, frame = round(_QUIET_REACH_S * SAMPLE_RATE_HZ), round(_FRAME_S * SAMPLE_RATE_HZ)
    low = max(at - reach, 0)
    power = frame_power(samples[low : at + reach])
    return min(low + int(power.argmin()) * frame, samples.size) if power.size else min(at, samples.size)


def long_term_spectrum(samples: Samples) -> Spectrum:
    """Return the mean log power of 40 bands without its level: float64 (40,)."""
    size = 512
    padded = np.pad(samples, (0, max(size - samples.size, 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 2] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, axis=1)[:, 1:241]) ** 2
    levels = np.log(power.mean(axis=0).reshape(_BANDS, -1).mean(axis=1) + 1e-9)
    return np.asarray(levels - levels.mean(), dtype=np.float64)


def eligible(clips: Sequence[Clip], *, part: str) -> list[Clip]:
    """Return the clips of a part; of the test part only fakes of systems that appear nowhere in training."""
    trained = {c.system for c in clips if c.part == "train" and c.label}
    return [c for c in clips if c.part == part and not (part == "test" and c.label and c.system in trained)]


def cached(read: Read) -> Read:
    """Return `read` with a memory: a page's clips are used many times."""
    kept: dict[Clip, Samples] = {}
    return partial(_remembered, kept, read)


def _remembered(kept: dict[Clip, Samples], read: Read, clip: Clip) -> Samples:
    if clip not in kept:
        kept[clip] = read(clip)
    return kept[clip]
