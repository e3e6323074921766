"""Make fakes of the very recordings that are real: python -m training.audio.copysynth --lyra DIR [--count N]

Copy-synthesis keeps speaker, words, room and channel and leaves only what a vocoder leaves, so a network cannot learn the
channel instead (Wang and Yamagishi 2023, "Spoofed training data for speech spoofing countermeasure can be efficiently
created using neural vocoders"). WORLD, LPC and mel Griffin-Lim are computed here; Lyra (SoundStream, Zeghidour et al. 2021) runs
from the three tflite files of google/lyra at DIR. Reads AUDIO_EXTRA/manifest.csv, appends to AUDIO_EXTRA/copysynth.csv.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyworld
import scipy.signal
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.speech import normalise_level, trim_edges
from training.audio.data import read_samples, write_samples
from training.audio.mel import mel_filters

LYRA_FRAME, LYRA_QUANTIZERS = 320, 46
LYRA_BITS = {"lyra": (16, 30, 46), "lyragan": (0,)}  # quantizers used; 0 decodes the unquantised features
LPC_ORDER = 18
Synth = Callable[[Samples, np.random.Generator], Samples]


class Lyra:
    """The SoundStream codec of google/lyra, 20 ms frames at 16 kHz; its nets keep state, so each clip loads them afresh."""

    def __init__(self, directory: Path) -> None:
        self._files = {
            n: (directory / f"{n}.tflite").read_bytes() for n in ("soundstream_encoder", "quantizer", "lyragan")
        }

    def __call__(self, samples: Samples, rng: np.random.Generator) -> Samples:
        used = int(rng.choice((0, 16, 30, 46)))
        encoder, decoder = self._net("soundstream_encoder"), self._net("lyragan")
        quantizer = Interpreter(model_content=self._files["quantizer"])
        encode, decode = quantizer.get_signature_runner("encode"), quantizer.get_signature_runner("decode")
        frames = np.resize(samples, -(-samples.size // LYRA_FRAME) * LYRA_FRAME).reshape(-1, 1, LYRA_FRAME)
        out = []
        for frame in frames:
            features = _run(encoder, frame)
            if used:
                coded = encode(input_frames=features, num_quantizers=np.int32(used))
                indices = next(v for v in coded.values() if v.dtype == np.int32)
                features = next(iter(decode(encoding_indices=indices).values()))
            out.append(_run(decoder, features)[0])
        return np.concatenate(out)

    def _net(self, name: str) -> Interpreter:
        net = Interpreter(model_content=self._files[name], num_threads=1)
        net.allocate_tensors()
        return net


def _run(net: Interpreter, value: NDArray[np.float32]) -> NDArray[np.float32]:
    net.set_tensor(net.get_input_details()[0]["index"], value.astype(np.float32))
    net.invoke()
    return np.asarray(net.get_tensor(net.get_output_details()[0]["index"]))


def world(samples: Samples, rng: np.random.Generator) -> Samples:
    """Analyse and resynthesise with WORLD (Morise et al. 2016); the spectral envelope is sometimes coded to few coefficients."""
    x = samples.astype(np.float64)
    f0, times = pyworld.dio(x, SAMPLE_RATE_HZ)
    envelope = pyworld.cheaptrick(x, pyworld.stonemask(x, f0, times, SAMPLE_RATE_HZ), times, SAMPLE_RATE_HZ)
    noise = pyworld.d4c(x, f0, times, SAMPLE_RATE_HZ)
    if rng.random() < 0.6:
        width = envelope.shape[1] * 2 - 2
        coded = pyworld.code_spectral_envelope(envelope, SAMPLE_RATE_HZ, int(rng.integers(24, 60)))
        envelope = pyworld.decode_spectral_envelope(coded, SAMPLE_RATE_HZ, width)
    return np.asarray(pyworld.synthesize(f0, envelope, noise, SAMPLE_RATE_HZ), dtype=np.float32)


def griffin_lim(samples: Samples, rng: np.random.Generator) -> Samples:
    """Keep the mel magnitudes only and find a phase for them (Perraudin et al. 2013, fast Griffin-Lim)."""
    size = int(rng.choice((512, 1024)))
    bands, rounds = int(rng.choice((60, 80, 100))), int(rng.integers(8, 50))
    filters = mel_filters(bands=bands, fft_size=size)
    spectrum = _stft(samples, size)
    magnitude = np.maximum(np.linalg.pinv(filters) @ (filters @ np.abs(spectrum)), 1e-5)
    phase = np.exp(2j * np.pi * rng.random(spectrum.shape))
    before = np.zeros_like(spectrum)
    for _ in range(rounds):
        rebuilt = _stft(_istft(magnitude * phase, size, samples.size), size)[:, : magnitude.shape[1]]
        momentum = rebuilt + 0.9 * (rebuilt - before)
        before, phase = rebuilt, np.exp(1j * np.angle(momentum))
    return _istft(magnitude * phase, size, samples.size)


def lpc(samples: Samples, rng: np.random.Generator) -> Samples:
    """Excite each frame's all-pole filter by pulses and noise (Atal and Hanauer 1971)."""
    f0, _ = pyworld.dio(samples.astype(np.float64), SAMPLE_RATE_HZ, frame_period=10.0)
    hop, size = SAMPLE_RATE_HZ // 100, SAMPLE_RATE_HZ // 40
    window = np.hanning(size)
    out, clock = np.zeros(samples.size + size), 0.0
    for index, start in enumerate(range(0, samples.size - size, hop)):
        frame = samples[start : start + size] * window
        auto = np.correlate(frame, frame, "full")[size - 1 : size + LPC_ORDER]
        if auto[0] <= 1e-8:
            continue
        filt = np.concatenate([[1.0], -scipy.linalg.solve_toeplitz(auto[:-1] * _lag_window(), auto[1:])])
        pitch = f0[min(index, f0.size - 1)]
        pulses, clock = _excitation(pitch, size, hop, clock, rng)
        voice = scipy.signal.lfilter([1.0], filt, pulses) * window
        gain = np.sqrt((frame**2).sum() / max(float((voice**2).sum()), 1e-12))
        out[start : start + size] += gain * voice * 0.8
    return out[: samples.size].astype(np.float32)


def _lag_window() -> NDArray[np.float64]:
    """White-noise correction on the first lag keeps the filter stable."""
    weights = np.ones(LPC_ORDER)
    weights[0] = 1.001
    return weights


def _excitation(
    pitch: float, size: int, hop: int, clock: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], float]:
    noise = rng.standard_normal(size)
    if pitch <= 0:
        return noise, 0.0
    period = SAMPLE_RATE_HZ / pitch
    pulses = noise * 0.1
    pulses[np.arange(clock, size, period).astype(int)] += np.sqrt(period)
    return pulses, (clock - hop) % period


def _stft(samples: Samples, size: int) -> NDArray[np.complex128]:
    return np.asarray(scipy.signal.stft(samples, nperseg=size, noverlap=size - size // 4)[2])


def _istft(spectrum: NDArray[np.complex128], size: int, length: int) -> Samples:
    samples = scipy.signal.istft(spectrum, nperseg=size, noverlap=size - size // 4)[1]
    return np.asarray(np.resize(samples, length), dtype=np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lyra", type=Path, required=True)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    extra = Path(os.environ["AUDIO_EXTRA"])
    with (extra / "manifest.csv").open(newline="") as handle:
        real = [row for row in csv.DictReader(handle) if row["label"] == "real" and float(row["seconds"]) >= 2.0]
    rng = np.random.default_rng(args.seed)
    methods: list[tuple[str, str, Synth]] = [
        *([("copy_lyra", "codec", Lyra(args.lyra))] * 5),
        *([("copy_griffinlim", "vocoder", griffin_lim)] * 2),
        *([("copy_world", "vocoder", world)] * 2),
        ("copy_lpc", "vocoder", lpc),
    ]
    with (extra / "copysynth.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, [*real[0]], lineterminator="\n")
        writer.writeheader()
        for index in rng.permutation(len(real))[: args.count]:
            writer.writerow(copy(real[index], methods[int(rng.integers(len(methods)))], extra, rng))
            handle.flush()


def copy(row: dict[str, str], method: tuple[str, str, Synth], extra: Path, rng: np.random.Generator) -> dict[str, str]:
    """Resynthesise one real clip and return its manifest row; page, sentence and content stay the parent's."""
    system, family, synth = method
    samples = read_samples(extra / row["path"])
    clip = normalise_level(trim_edges(synth(samples[: round(4.6 * SAMPLE_RATE_HZ)], rng)))
    path = Path("fake") / system / f"{Path(row['path']).stem}.flac"
    write_samples(extra / path, clip)
    seconds = f"{clip.size / SAMPLE_RATE_HZ:.2f}"
    return row | {
        "path": str(path),
        "label": "fake",
        "family": family,
        "system": system,
        "seconds": seconds,
        "sha256": "",
    }


if __name__ == "__main__":
    main()
