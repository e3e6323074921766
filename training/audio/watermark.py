"""Measure how far PerTh's published reader can be believed: python -m training.audio.watermark --checkpoint FILE

FILE is perth_net_250000.pth.tar of the wheel resemble-perth 1.0.1. Marks written here are read again after codecs; false alarms
are counted on real recordings, alone and with hum or held notes under them. Writes models/audio/watermark.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from forensics.detect.audio_signals.frames import STRETCH_CHUNKS
from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.windows import CHUNK_SAMPLES
from training.audio.augment import MP3, through
from training.audio.data import capped, load_clips, read_clip
from training.audio.perth import Perth
from training.audio.views import noisy, opus_16k, telephone

OUT = Path("models/audio/watermark.json")
STRETCH = STRETCH_CHUNKS * CHUNK_SAMPLES
MOST_STRETCHES = 6
LEAST_SECONDS = 2.4  # three stretches
Way = Callable[[Samples, np.random.Generator], Samples]


def square(*pitches_hz: float, below_db: float) -> Way:
    """Return a treatment that lays square waves under the clip, so many dB below it: hum, or a held chord."""

    def under(samples: Samples, rng: np.random.Generator) -> Samples:
        time = np.arange(samples.size) / SAMPLE_RATE_HZ
        waves = np.sum([np.sign(np.sin(2 * np.pi * hz * time + 0.1)) for hz in pitches_hz], axis=0)
        scale = np.linalg.norm(samples) / np.linalg.norm(waves) * 10 ** (-below_db / 20)
        return np.asarray(samples + scale * waves, dtype=np.float32)

    return under


WAYS: Mapping[str, Way] = {
    "untouched": lambda samples, rng: samples,
    "MP3 64 kbit/s": lambda samples, rng: through(samples, MP3, kbps=64),
    "MP3 32 kbit/s": lambda samples, rng: through(samples, MP3, kbps=32),
    "Opus 16 kbit/s": opus_16k,
    "telephone": telephone,
    "pink noise 15 dB below": noisy,
}
UNDER: Mapping[str, Way] = {
    "50 Hz hum 30 dB below": square(50, below_db=30),
    "a chord 20 dB below": square(220, 277, 330, below_db=20),
    "a chord 10 dB below": square(220, 277, 330, below_db=10),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--real", type=int, default=1000)
    parser.add_argument("--marked", type=int, default=60)
    args = parser.parse_args()
    perth, rng = Perth(args.checkpoint), np.random.default_rng(0)
    clips = [c for c in load_clips() if not c.label and c.seconds >= LEAST_SECONDS]
    clips = sorted(capped(clips, most=60), key=lambda c: hashlib.sha256(c.path.name.encode()).hexdigest())
    few = clips[: args.marked]
    marked = [perth.marked(read_clip(c)) for c in few]
    facts = {
        "false_alarms": {"recordings": args.real, "share": share(perth, map(read_clip, clips[: args.real]))}
        | {name: share(perth, (way(read_clip(c), rng) for c in few)) for name, way in UNDER.items()},
        "found": {name: share(perth, (way(m, rng) for m in marked)) for name, way in WAYS.items()},
        "marked": len(marked),
    }
    OUT.write_text(json.dumps(facts, indent=2) + "\n")
    print(json.dumps(facts, indent=2))


def share(perth: Perth, recordings: Iterable[Samples]) -> float:
    """Return the share of the recordings in which a mark is found."""
    return round(float(np.mean([perth.finds(stretches(r)) for r in recordings])), 4)


def stretches(samples: Samples) -> Sequence[Samples]:
    """Cut a clip into as many stretches as serving would look at, were it all speech."""
    return [samples[at : at + STRETCH] for at in range(0, samples.size - STRETCH + 1, STRETCH)][:MOST_STRETCHES]


if __name__ == "__main__":
    main()
