"""Close looks at the kept stretches: spectra, group delay and pitch of overlapping frames, all stretches at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forensics.detect.audio_signals.evidence import TREBLE, Frames, Grid
from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.windows import CHUNK_SAMPLES

STRETCH_CHUNKS = 24  # 0.77 s
HOP_SAMPLES = CHUNK_SAMPLES // 2
LOWEST_PITCH_HZ, HIGHEST_PITCH_HZ = 60, 400
VOICED_PERIODICITY = 0.75
ACTIVE_BELOW_PEAK_DB = 30.0
_PITCH_RATE_HZ = SAMPLE_RATE_HZ // 2
_PITCH_FRAME = 320  # 40 ms: two periods of 60 Hz and a little
_LAGS = _PITCH_RATE_HZ // LOWEST_PITCH_HZ + 2
_SHORTEST_LAG = _PITCH_RATE_HZ // HIGHEST_PITCH_HZ
_OCTAVE_SHARE = 0.9  # the first peak this close to the highest one is the period, not a multiple of it
_WINDOW = np.hanning(CHUNK_SAMPLES)
_FROM_MIDDLE = np.arange(CHUNK_SAMPLES) - CHUNK_SAMPLES / 2
_EARLIER = (2 * _PITCH_FRAME - CHUNK_SAMPLES) // 2  # the longer pitch frame begins this much before the spectral one
_TINY = 1e-12


def frames_of(stretches: Sequence[Samples]) -> Frames | None:
    """Return the frames of equally long stretches, None when there is none."""
    if not stretches:
        return None
    samples = np.stack(stretches).astype(np.float64)  # (stretches, n)
    frames = _framed(samples[:, _EARLIER:], CHUNK_SAMPLES, HOP_SAMPLES)
    halved = (samples[:, 1:-1:2] * 2 + samples[:, :-2:2] + samples[:, 2::2]) / 4  # zero at 8 kHz, half at 4 kHz
    pitch_hz, periodicity, level = pitch(_framed(halved, _PITCH_FRAME, HOP_SAMPLES // 2))
    count = min(frames.shape[1], pitch_hz.shape[1])
    power, delay = spectra(frames[:, :count].reshape(-1, CHUNK_SAMPLES))
    pitch_hz, periodicity, level = (v[:, :count].ravel() for v in (pitch_hz, periodicity, level))
    active = level > np.percentile(level, 95) - ACTIVE_BELOW_PEAK_DB
    stretch = np.repeat(np.arange(len(stretches)), count)
    return Frames(
        power, delay, pitch_hz, periodicity, level, stretch, active, active & (periodicity > VOICED_PERIODICITY)
    )


def spectra(frames: Grid) -> tuple[Grid, Grid]:
    """Return power (frames, bins), and group delay of the treble's bins: Re(X* T) / |X|^2, T the transform of t x(t)."""
    windowed = frames * _WINDOW
    spectrum = np.fft.rfft(windowed, axis=1)
    ramped = np.fft.rfft(windowed * _FROM_MIDDLE, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    treble, ramped = spectrum[:, TREBLE], ramped[:, TREBLE]
    crossed = treble.real * ramped.real + treble.imag * ramped.imag
    return power, np.clip(crossed / (power[:, TREBLE] + _TINY), _FROM_MIDDLE[0], -_FROM_MIDDLE[0])


def pitch(frames: Grid) -> tuple[Grid, Grid, Grid]:
    """Return pitch in Hz, periodicity 0..1 and level in dB of (stretches, frames, samples) at 8 kHz, each (stretches, frames).

    Normalised autocorrelation with parabolic interpolation (Talkin 1995, "A robust algorithm for pitch tracking").
    """
    shape, flat = frames.shape[:2], frames.reshape(-1, _PITCH_FRAME)
    flat = flat - flat.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(flat, 512, axis=1)  # 320 samples and 135 lags: no wrap-around
    products = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, 512, axis=1)[:, :_LAGS]
    energy = np.concatenate([np.zeros((len(flat), 1)), np.cumsum(flat**2, axis=1)], axis=1)
    lags = np.arange(_LAGS)
    heads, tails = energy[:, _PITCH_FRAME - lags], energy[:, -1:] - energy[:, lags]
    likeness = products / np.sqrt(heads * tails + _TINY)
    lag, height = _first_peak(likeness)
    level = 10 * np.log10(energy[:, -1] / _PITCH_FRAME + _TINY)
    return (_PITCH_RATE_HZ / lag).reshape(shape), height.reshape(shape), level.reshape(shape)


def _first_peak(likeness: Grid) -> tuple[Grid, Grid]:
    before, here, after = (
        likeness[:, _SHORTEST_LAG - 1 : -2],
        likeness[:, _SHORTEST_LAG:-1],
        likeness[:, _SHORTEST_LAG + 1 :],
    )
    high = here >= _OCTAVE_SHARE * here.max(axis=1, keepdims=True)
    peaks = (here >= before) & (here >= after) & high
    place = np.where(peaks.any(axis=1), peaks.argmax(axis=1), here.argmax(axis=1))
    rows = np.arange(len(likeness))
    left, top, right = before[rows, place], here[rows, place], after[rows, place]
    bend = left - 2 * top + right
    shift = np.where(bend < -_TINY, 0.5 * (left - right) / np.minimum(bend, -_TINY), 0.0)
    return place + _SHORTEST_LAG + np.clip(shift, -0.5, 0.5), np.clip(top, 0.0, 1.0)


def _framed(samples: Grid, length: int, hop: int) -> Grid:
    return np.lib.stride_tricks.sliding_window_view(samples, length, axis=1)[:, ::hop]
