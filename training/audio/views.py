"""Cut and augment every window once: python -m training.audio.views --part train --views 2

Augmenting costs as much as a training step, so windows are made ahead: AUDIO_EXTRA/views/<part>/windows.i16, int16
(rows, WINDOW_SAMPLES), and rows.csv (clip, view). Test and dev clips get a clean view and four damaged ones, each of up to
MOST_WINDOWS windows; training clips get random histories.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.speech import WINDOW_SAMPLES, model_window, window_starts
from training.audio.augment import CODECS, MP3, augment, through
from training.audio.data import Clip, extra_dir, load_clips, read_clip

MOST_WINDOWS = 2
NOISE_BELOW_DB = 15.0
INT16 = 32767 / 2  # windows peak well below 2 after level normalisation
Condition = Callable[[Samples, np.random.Generator], Samples]


def clean(samples: Samples, rng: np.random.Generator) -> Samples:
    """Leave the clip as it is."""
    return samples


def telephone(samples: Samples, rng: np.random.Generator) -> Samples:
    """300 to 3400 Hz, 8 kHz mu-law."""
    sos = scipy.signal.butter(6, [300, 3400], "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    filtered = np.asarray(scipy.signal.sosfilt(sos, samples), dtype=np.float32)
    return through(filtered, next(c for c in CODECS if c.encoder == "pcm_mulaw"), kbps=None)


def mp3_32k(samples: Samples, rng: np.random.Generator) -> Samples:
    """MP3 at 32 kbit/s."""
    return through(samples, MP3, kbps=32)


def opus_16k(samples: Samples, rng: np.random.Generator) -> Samples:
    """Opus at 16 kbit/s, as messengers send voice."""
    return through(samples, next(c for c in CODECS if c.encoder == "libopus"), kbps=16)


def noisy(samples: Samples, rng: np.random.Generator) -> Samples:
    """Pink noise 15 dB below the clip."""
    spectrum = np.fft.rfft(rng.standard_normal(samples.size))
    noise = np.fft.irfft(spectrum / np.sqrt(np.arange(1, spectrum.size + 1)), samples.size)
    scale = np.linalg.norm(samples) / np.linalg.norm(noise) * 10 ** (-NOISE_BELOW_DB / 20)
    return np.asarray(samples + scale * noise, dtype=np.float32)


CONDITIONS: dict[str, Condition] = {
    "clean": clean, "telephone": telephone, "mp3_32k": mp3_32k, "opus_16k": opus_16k, "noisy": noisy,
}  # fmt: skip


def test_windows(clip: Clip, rng: np.random.Generator) -> Iterator[tuple[str, Samples]]:
    """Yield (condition, window) for the first windows of a clip under every condition."""
    samples = read_clip(clip)
    for name, condition in CONDITIONS.items():
        heard = condition(samples, rng)
        for start in window_starts(heard.size)[:MOST_WINDOWS]:
            yield name, model_window(heard[start : start + WINDOW_SAMPLES])


def train_windows(clip: Clip, rng: np.random.Generator, *, views: int) -> Iterator[tuple[str, Samples]]:
    """Yield random histories of a training clip."""
    samples = read_clip(clip)
    for view in range(views):
        yield f"view{view}", augment(samples, rng)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("train", "dev", "test"), required=True)
    parser.add_argument("--views", type=int, default=2)
    parser.add_argument("--shard", default="0/1", help="i/n: every n-th clip from i, in a folder of its own")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    shard, shards = (int(v) for v in args.shard.split("/"))
    clips = [c for c in load_clips() if c.part == args.part][shard::shards]
    folder = extra_dir() / "views" / f"{args.part}{shard if shards > 1 else ''}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "windows.i16").open("wb") as raw, (folder / "rows.csv").open("w", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        for number, clip in enumerate(clips):
            rng = np.random.default_rng([args.seed, shard, number])
            made = train_windows(clip, rng, views=args.views) if args.part == "train" else test_windows(clip, rng)
            for name, window in made:
                raw.write(np.round(np.clip(window, -2, 2) * INT16).astype(np.int16).tobytes())
                writer.writerow([clip.path, name])
            if number % 500 == 0:
                print(f"{number}/{len(clips)}", flush=True)


def open_views(part: str) -> tuple[list[tuple[str, str]], NDArray[np.int16]]:
    """Return the (path, view) of every row and the windows, int16 (rows, WINDOW_SAMPLES); divide by INT16."""
    folders = sorted((extra_dir() / "views").glob(f"{part}*"))
    rows: list[tuple[str, str]] = []
    arrays = []
    for folder in folders:
        with (folder / "rows.csv").open(newline="") as handle:
            listed = [(row[0], row[1]) for row in csv.reader(handle)]
        whole = Path(folder / "windows.i16").stat().st_size // (2 * WINDOW_SAMPLES)
        rows += listed[:whole]
        arrays.append(np.memmap(folder / "windows.i16", np.int16, "r", shape=(whole, WINDOW_SAMPLES))[: len(listed)])
    return rows, arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


if __name__ == "__main__":
    main()
