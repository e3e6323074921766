"""Copiers around the neural parts of Opus 1.5, run as its own demonstration programs on raw 16-bit samples at 16 kHz."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from forensics.media.audio import Samples
from training.audio.copysynth import Synth

FULL_SCALE = 32768.0
HEADROOM = 0.95
FARGAN_LEAD = 560  # samples at the beginning that FARGAN spends on its first frames and does not give back
PACKET = 320  # samples: 20 ms
HEARD_FIRST, HEARD_BETWEEN = 4, 2  # packets; the rest is rebuilt from the redundancy of the next packet heard
DRED_SPAN = 100  # units of 10 ms: how far back a packet's redundancy reaches


def fargan(program: Path) -> Synth:
    """Return a copier that keeps 18 cepstral coefficients, the pitch and its strength each 10 ms; `program` is fargan_demo."""

    def synth(samples: Samples, rng: np.random.Generator) -> Samples:
        with TemporaryDirectory() as folder:
            original, features, made = (str(Path(folder) / name) for name in ("in.s16", "features.f32", "out.s16"))
            # A mirrored beginning is spent instead; zeros in its place would give every copy away.
            gain = _write(np.concatenate([samples[FARGAN_LEAD:0:-1], samples]), original)
            _run([str(program), "-features", original, features])
            _run([str(program), "-fargan-synthesis", features, made])
            return _read(made, gain)[: samples.size]

    return synth


def dred(program: Path) -> Synth:
    """Return a copier that loses nine packets of ten, so that DRED's latent code brings them back; `program` is opus_demo."""

    def synth(samples: Samples, rng: np.random.Generator) -> Samples:
        pattern = losses(-(-samples.size // PACKET), lost=int(rng.integers(20, 27)))
        with TemporaryDirectory() as folder:
            original, lost, made = (str(Path(folder) / name) for name in ("in.s16", "losses.txt", "out.s16"))
            gain = _write(samples, original)
            Path(lost).write_text("\n".join(map(str, pattern)))
            rate = str(int(rng.choice((48000, 64000, 96000))))
            coding = ["voip", "16000", "1", rate, "-cbr", "-loss", "60", "-dred", str(DRED_SPAN), "-lossfile", lost]
            _run([str(program), *coding, original, made])
            return _read(made, gain)[: samples.size]

    return synth


def losses(packets: int, *, lost: int) -> list[int]:
    """Return 1 for each packet that is lost: runs of `lost` between packets that are heard, and a heard end."""
    pattern = [0] * HEARD_FIRST
    while len(pattern) < packets:
        run = min(lost, max(packets - len(pattern) - HEARD_BETWEEN, 0))
        pattern += [1] * run + [0] * HEARD_BETWEEN
    return pattern + [0] * DRED_SPAN


def _write(samples: Samples, path: str) -> float:
    """Store 16-bit samples and return the gain that kept them from clipping."""
    gain = min(1.0, HEADROOM / max(float(np.abs(samples).max()), 1e-6))
    np.round(samples * gain * (FULL_SCALE - 1)).astype("<i2").tofile(path)
    return gain


def _read(path: str, gain: float) -> Samples:
    return np.asarray(np.fromfile(path, "<i2") / (FULL_SCALE * gain), dtype=np.float32)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)
