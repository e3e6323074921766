"""A speaker encoder, frozen: what telling voices apart is worth to training.audio.frozen, beside features of other trainings.

Generalised end-to-end loss (Wan et al., "Generalized End-to-End Loss for Speaker Verification", ICASSP 2018) as Resemblyzer 0.1.4
ships it (https://github.com/resemble-ai/Resemblyzer, Apache-2.0; `resemblyzer/pretrained.pt` of its wheel, SHA-256 39373b86...).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from forensics.media.speech import WINDOW_SAMPLES
from training.audio.mel import mel_filters

FFT, HOP, BANDS = 400, 160, 40  # 25 ms every 10 ms, as in resemblyzer/hparams.py
WIDTH, LAYERS = 256, 3
PART_FRAMES = 160  # 1.6 s, the length the encoder was trained on
PART_STEP = (WINDOW_SAMPLES // HOP - PART_FRAMES) // 2  # three parts, together exactly one window
SIZE = 3 * WIDTH


class PowerMel(nn.Module):
    """librosa's power mel, no logarithm, as in resemblyzer/audio.py: (batch, samples) -> (batch, frames, 40)."""

    window: Tensor
    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(FFT))
        self.register_buffer("filters", torch.from_numpy(mel_filters(bands=BANDS, fft_size=FFT)).T.contiguous())

    def forward(self, samples: Tensor) -> Tensor:
        padded = functional.pad(samples, (FFT // 2, FFT // 2))
        frames = padded.unfold(1, FFT, HOP) * self.window
        return torch.matmul(torch.fft.rfft(frames).abs().square(), self.filters)


class SpeakerEncoder(nn.Module):
    """What the encoder hears in windows: (batch, samples) -> (batch, SIZE).

    Mean and deviation over time of the last layer's outputs, then the embedding of the window, of length 1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mel = PowerMel()
        self.lstm = nn.LSTM(BANDS, WIDTH, LAYERS, batch_first=True)
        self.linear = nn.Linear(WIDTH, WIDTH)

    def forward(self, samples: Tensor) -> Tensor:
        # No levelling: Resemblyzer only raises what is below -30 dBFS, and windows come with their speech at -24 dBFS.
        parts = self.mel(samples).unfold(1, PART_FRAMES, PART_STEP).transpose(2, 3)  # (batch, parts, frames, bands)
        batch, count = parts.shape[:2]
        outputs, _ = self.lstm(parts.flatten(0, 1))
        # Each part is embedded by its last output; the window's embedding is their mean, as in embed_utterance.
        voices = functional.normalize(functional.relu(self.linear(outputs[:, -1])))
        voice = functional.normalize(voices.view(batch, count, WIDTH).mean(dim=1))
        states = outputs.reshape(batch, -1, WIDTH)
        mean = states.mean(dim=1)
        deviation = torch.sqrt(((states - mean[:, None]) ** 2).mean(dim=1) + 1e-6)
        return torch.cat([mean, deviation, voice], dim=1)


def load_speaker_encoder(path: Path) -> SpeakerEncoder:
    """Return the encoder with the weights of Resemblyzer's pretrained.pt, ready to listen."""
    encoder = SpeakerEncoder()
    held = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    # Its remaining two numbers scale similarities in the loss; listening needs neither.
    state = {name: value for name, value in held.items() if name.startswith(("lstm.", "linear."))}
    missing, unexpected = encoder.load_state_dict(state, strict=False)
    if unexpected or set(missing) != {"mel.window", "mel.filters"}:
        raise ValueError(f"weights do not fit: {missing} {unexpected}")
    encoder.eval()
    return encoder
