"""Write models/audio/golden.json, what the served model says of three made-up recordings: python -m training.audio.golden

A test holds decoding, speech, windows and graph together to these scores; a change of any of them shows, meant or not. The sounds
are nobody's speech (bench.voice), so the scores say nothing of quality.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.voice import RATE_HZ, voice
from forensics.detect.audio import AudioDetector
from forensics.media.audio import Samples
from forensics.settings import ModelSettings

GOLDEN = Path("models/audio/golden.json")
SECONDS = 9.0
PAUSE_S = 2.0
NOISE_BELOW_DB = 25.0


def fixtures() -> Iterator[tuple[str, Samples]]:
    """Yield names and mono samples (n,) at RATE_HZ: a voice, one between pauses, one in noise."""
    yield "voice", voice(SECONDS, seed=11)
    first, second = np.split(voice(SECONDS, seed=12), 2)
    yield "pauses", np.concatenate([first, np.zeros(round(PAUSE_S * RATE_HZ), np.float32), second])
    clean = voice(SECONDS, seed=13)
    level = float(np.sqrt((clean**2).mean())) * 10 ** (-NOISE_BELOW_DB / 20)
    noise = np.random.default_rng(13).standard_normal(clean.size)
    yield "noise", np.asarray(clean + level * noise, dtype=np.float32)


def logits(detector: AudioDetector) -> dict[str, float]:
    """Return the calibrated logit of each fixture; raises ValueError when no speech is heard in one."""
    found = {}
    for name, samples in fixtures():
        score = detector.detect(iter([samples[None]])).detection.score
        if score is None:
            raise ValueError(f"no speech was heard in {name}")
        found[name] = math.log(score / (1 - score))
    return found


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    settings = ModelSettings.from_env()
    found = logits(AudioDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads))
    GOLDEN.write_text(json.dumps({name: round(logit, 3) for name, logit in found.items()}, indent=2) + "\n")
    print(GOLDEN.read_text())


if __name__ == "__main__":
    main()
