"""Audio signals on sounds whose pitch, band, floor, pauses and splices are known."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.detect.audio_signals import Evidence, Measure, SignalMeter, measure_audio
from forensics.detect.audio_signals.frames import STRETCH_CHUNKS, frames_of
from forensics.detect.audio_signals.meter import MOST_STRETCHES
from forensics.detect.audio_signals.pauses import has_breath, noise_floor, pauses, pauses_of
from forensics.detect.audio_signals.phase import phase
from forensics.detect.audio_signals.pitch import pitch_dynamics
from forensics.detect.audio_signals.spectrum import cutoff_hz, spectrum
from forensics.detect.audio_signals.splices import jumps, splices
from forensics.detect.signals import SignalRange, SignalRanges
from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.windows import CHUNK_SAMPLES, CHUNK_SECONDS

RNG = np.random.default_rng(11)


def noise(seconds: float, *, level_db: float) -> Samples:
    count = round(seconds * SAMPLE_RATE_HZ)
    return (RNG.standard_normal(count) * 10 ** (level_db / 20)).astype(np.float32)


def voice(seconds: float, *, low_hz: float, high_hz: float, level_db: float = -24.0) -> Samples:
    """Return all harmonics up to 8 kHz, falling by 6 dB an octave; the pitch swings between two values once a second."""
    time = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    middle, swing = np.log(low_hz * high_hz) / 2, np.log(high_hz / low_hz) / 2
    pitch = np.exp(middle + swing * np.sin(2 * np.pi * time))
    turns = np.cumsum(pitch) / SAMPLE_RATE_HZ
    waves = [np.sin(2 * np.pi * k * turns) / k for k in range(1, int(7900 / high_hz))]
    whole = np.sum(waves, axis=0)
    return (whole / np.sqrt((whole**2).mean()) * 10 ** (level_db / 20)).astype(np.float32)


def low_passed(samples: Samples, hz: float) -> Samples:
    bins = np.fft.rfft(samples)
    bins[round(hz / SAMPLE_RATE_HZ * samples.size) :] = 0
    return np.fft.irfft(bins, samples.size).astype(np.float32)


def heard(samples: Samples, *, speech: np.ndarray | None = None, size: int = 7) -> Evidence:
    """Meter mono samples in blocks of `size` chunks; speech is everything unless told."""
    whole = samples[: samples.size // CHUNK_SAMPLES * CHUNK_SAMPLES]
    count = whole.size // CHUNK_SAMPLES
    flags = np.ones(count, dtype=np.bool_) if speech is None else speech[:count]
    meter = SignalMeter()
    for at in range(0, count, size):
        meter.push(whole[at * CHUNK_SAMPLES : (at + size) * CHUNK_SAMPLES], flags[at : at + size])
    return meter.close()


def spoken(*spans: tuple[float, float], seconds: float) -> np.ndarray:
    """Return speech flags that hold within the spans, in seconds."""
    middles = (np.arange(round(seconds / CHUNK_SECONDS)) + 0.5) * CHUNK_SECONDS
    return np.any([(middles > a) & (middles < b) for a, b in spans], axis=0)


def value(found: Measure | None) -> float:
    assert found is not None
    return found.value


@pytest.mark.parametrize(("low", "high"), [(100.0, 200.0), (180.0, 240.0), (70.0, 90.0)])
def test_pitch_range_is_what_the_voice_does(low: float, high: float) -> None:
    # A sine spends a tenth of its time beyond 0.951 of its swing on either side.
    expected = 12 * np.log2(high / low) * 0.951
    assert value(pitch_dynamics(heard(voice(8, low_hz=low, high_hz=high)))) == pytest.approx(expected, rel=0.06)


def test_a_monotone_is_flat_and_noise_has_no_pitch() -> None:
    flat = pitch_dynamics(heard(voice(6, low_hz=120, high_hz=120)))
    assert value(flat) < 0.1
    assert flat is not None
    assert "Median pitch 120 Hz" in flat.note
    assert pitch_dynamics(heard(noise(6, level_db=-24))) is None


@pytest.mark.parametrize("hz", [3400.0, 5500.0, 7000.0])
def test_the_cutoff_is_found(hz: float) -> None:
    evidence = heard(low_passed(noise(6, level_db=-24), hz))
    assert evidence.frames is not None
    assert 0 <= cutoff_hz(evidence.frames) - hz < 320  # the window's skirt at 70 dB


def test_narrow_bands_are_told_and_have_no_phase() -> None:
    evidence = heard(low_passed(voice(6, low_hz=100, high_hz=140), 3400))
    found = spectrum(evidence)
    assert found is not None
    assert found.word == "band_limited"
    assert "up to 3.5 kHz" in found.note
    assert phase(evidence) is None


def test_hiss_in_the_treble_moves_more_and_is_less_aligned_than_pulses() -> None:
    pulses = voice(6, low_hz=120, high_hz=120)
    hissing = low_passed(pulses, 3900) + noise(6, level_db=-40)
    assert value(spectrum(heard(hissing))) > 3 * value(spectrum(heard(pulses)))
    assert value(phase(heard(hissing))) > 1.3 * value(phase(heard(pulses)))


def test_level_does_not_matter() -> None:
    speech = (voice(7, low_hz=110, high_hz=170) + noise(7, level_db=-60)).astype(np.float32)
    for measure in (spectrum, phase, pitch_dynamics, noise_floor):
        loud, quiet = measure(heard(speech)), measure(heard(speech / 30))
        assert value(quiet) == pytest.approx(value(loud), rel=0.02)


def test_the_noise_floor_is_measured_below_the_speech() -> None:
    flags = spoken((0.5, 4), (5, 9), seconds=10)
    speech = noise(10, level_db=-70)
    for a, b in ((0.5, 4), (5, 9)):
        speech[round(a * SAMPLE_RATE_HZ) : round(b * SAMPLE_RATE_HZ)] += voice(b - a, low_hz=110, high_hz=170)
    assert value(noise_floor(heard(speech, speech=flags))) == pytest.approx(-46, abs=1.5)


def test_digital_silence_between_words_is_told_and_around_them_is_not() -> None:
    flags = spoken((1, 4), (5, 9), seconds=10)
    silent = np.where(
        np.repeat(flags, CHUNK_SAMPLES), np.resize(voice(2, low_hz=110, high_hz=170), flags.size * CHUNK_SAMPLES), 0
    )
    found = noise_floor(heard(silent.astype(np.float32), speech=flags))
    assert found is not None
    assert found.word == "digital_silence"
    ends = spoken((1, 9), seconds=10)
    padded = np.where(
        np.repeat(ends, CHUNK_SAMPLES), np.resize(voice(2, low_hz=110, high_hz=170), ends.size * CHUNK_SAMPLES), 0
    )
    around = noise_floor(heard(padded.astype(np.float32), speech=ends))
    assert around is not None
    assert around.word is None


def test_pauses_are_counted_between_words_only() -> None:
    flags = spoken((2, 4), (5, 8), (8.1, 11), (12, 14), seconds=20)  # a gap of 0.1 s is no pause
    evidence = heard(noise(20, level_db=-40), speech=flags)
    assert len(pauses_of(evidence.chunks)) == 2
    assert value(pauses(evidence)) == pytest.approx(2 * 60 / 12, rel=0.02)
    assert pauses(heard(noise(4, level_db=-40))) is None


def test_breath_is_hiss_that_stands_out_of_a_pause() -> None:
    flags = spoken((0, 3), (4.5, 8), seconds=8)
    room = noise(8, level_db=-70)
    breath, hum = room.copy(), room.copy()
    at = slice(round(3.5 * SAMPLE_RATE_HZ), round(3.9 * SAMPLE_RATE_HZ))
    breath[at] += noise(0.4, level_db=-50)
    hum[at] += low_passed(noise(0.4, level_db=-40), 300)
    for samples, expected in ((room, False), (breath, True), (hum, False)):
        evidence = heard(samples, speech=flags)
        (pause,) = pauses_of(evidence.chunks)
        assert has_breath(evidence.chunks, pause) is expected


def test_a_change_of_room_is_found_where_it_is() -> None:
    speech = voice(20, low_hz=110, high_hz=170)
    gaps = np.repeat(np.arange(20 * 2) % 3 != 0, SAMPLE_RATE_HZ // 2)
    floor = np.concatenate([noise(12, level_db=-70), noise(8, level_db=-50)])
    evidence = heard((speech * gaps + floor).astype(np.float32))
    found = max(jumps(evidence), key=lambda j: j.height_db)
    assert found.at_s == pytest.approx(12, abs=1.0)
    assert found.height_db == pytest.approx(20, abs=5)
    told = splices(evidence)
    assert told is not None
    assert f"{found.at_s:.1f} s" in told.note
    even = heard((speech * gaps + noise(20, level_db=-70)).astype(np.float32))
    assert value(splices(even)) < 5
    assert splices(heard(speech[: 5 * SAMPLE_RATE_HZ])) is None


def test_the_size_of_blocks_changes_nothing() -> None:
    speech = (voice(13, low_hz=110, high_hz=170) + noise(13, level_db=-60)).astype(np.float32)
    one, all_at_once = heard(speech, size=1), heard(speech, size=10_000)
    assert np.array_equal(one.chunks.bands, all_at_once.chunks.bands)
    for measure in (spectrum, phase, pitch_dynamics, noise_floor, pauses, splices):
        assert value(measure(one)) == value(measure(all_at_once))


def test_close_looks_are_bounded_and_spread_over_the_recording() -> None:
    meter, count = SignalMeter(), 0
    for minute in range(30):  # each minute has a pitch of its own
        block = voice(8, low_hz=80 + 10 * minute, high_hz=80 + 10 * minute)
        chunks = block[: block.size // CHUNK_SAMPLES * CHUNK_SAMPLES]
        meter.push(chunks, np.ones(chunks.size // CHUNK_SAMPLES, dtype=np.bool_))
        count += chunks.size // CHUNK_SAMPLES
    evidence = meter.close()
    assert evidence.chunks.level.size == count
    assert evidence.frames is not None
    assert MOST_STRETCHES / 2 <= len(np.unique(evidence.frames.stretch)) <= MOST_STRETCHES
    pitches = evidence.frames.pitch_hz[evidence.frames.voiced]
    assert pitches.min() < 110
    assert pitches.max() > 320


def test_stretches_without_speech_are_not_looked_at() -> None:
    nothing = heard(noise(20, level_db=-40), speech=np.zeros(1000, dtype=np.bool_))
    assert nothing.frames is None
    assert frames_of([]) is None
    short = heard(voice(STRETCH_CHUNKS * CHUNK_SECONDS / 2, low_hz=100, high_hz=120))
    assert short.frames is None
    assert [measure(nothing) for measure in (spectrum, phase, pitch_dynamics, noise_floor, pauses, splices)] == [
        None
    ] * 6


def test_words_scores_and_sentences_follow_the_range() -> None:
    known = SignalRange(1.0, 3.0, "flat", "natural", "wide", "Range of the pitch in semitones.")
    ranges = SignalRanges({"pitch_dynamics": known})
    (signal,) = measure_audio(heard(voice(6, low_hz=100, high_hz=130)), ranges)
    assert (signal.name, signal.value) == ("pitch_dynamics", "wide")
    assert signal.score == pytest.approx((12 * np.log2(1.3) * 0.951 - 3) / 2, abs=0.1)
    assert "90 % of real recordings lie in 1 to 3" in signal.what
    assert measure_audio(heard(voice(6, low_hz=100, high_hz=130)), SignalRanges({})) == ()


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.3, 1.0])
def test_short_and_silent_recordings_are_no_trouble(seconds: float) -> None:
    ranges = SignalRanges({n: SignalRange(0, 1, "a", "b", "c", "d") for n in ("spectrum", "noise_floor", "splices")})
    count = round(seconds * SAMPLE_RATE_HZ)
    measure_audio(heard(np.zeros(count, dtype=np.float32)), ranges)
    measure_audio(heard(np.full(count, 0.5, dtype=np.float32)), ranges)
    measure_audio(heard(noise(seconds, level_db=0.0)), ranges)
