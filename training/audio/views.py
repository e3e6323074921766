"""Cut and augment every window once: python -m training.audio.views --part train --view 0

Augmenting costs as much as a training step, so windows are made ahead: AUDIO_EXTRA/views/<part>-<view>/windows.i16, int16
(rows, WINDOW_SAMPLES), and rows.csv (the clip of each row). A numbered view gives every clip one window with a random history;
a named one gives all its windows, as serving would cut them, clean or damaged in one known way.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.speech import WINDOW_SAMPLES, model_window, window_starts
from training.audio.augment import CODECS, MP3, augment, through
from training.audio.data import Clip, capped, extra_dir, load_clips, read_clip

MOST_CLIPS = {"train": 260, "dev": 120, "test": 120}  # of one system, or of the recordings, on one page
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


def test_windows(clip: Clip, condition: Condition, rng: np.random.Generator) -> Iterator[Samples]:
    """Yield all windows of a clip under one condition."""
    heard = condition(read_clip(clip), rng)
    for start in window_starts(heard.size):
        yield model_window(heard[start : start + WINDOW_SAMPLES])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("train", "dev", "test"), required=True)
    parser.add_argument("--view", required=True, help=f"a number (a random history) or one of {', '.join(CONDITIONS)}")
    parser.add_argument("--only", nargs="*", help="pages gathered since the other views were made; without it all")
    args = parser.parse_args()
    clips = [c for c in load_clips() if c.part == args.part and (args.only is None or c.page in args.only)]
    clips = capped(clips, most=MOST_CLIPS[args.part])
    np.random.default_rng(len(args.view)).shuffle(clips)  # so that a part of the rows is a fair part
    folder = extra_dir() / "views" / f"{args.part}-{args.view}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "windows.i16").open("wb") as raw, (folder / "rows.csv").open("w", newline="") as handle:
        for number, clip in enumerate(clips):
            for window in windows(clip, args.view, number):
                raw.write(np.round(np.clip(window, -2, 2) * INT16).astype(np.int16).tobytes())
                csv.writer(handle, lineterminator="\n").writerow([clip.path])
            if number % 500 == 0:
                print(f"{number}/{len(clips)}", flush=True)


def windows(clip: Clip, view: str, number: int) -> Iterator[Samples]:
    """Yield one random history of the clip for a numbered view, else all its windows under the named condition."""
    if view.isdigit():
        yield augment(read_clip(clip), np.random.default_rng([int(view), number]))
    else:
        yield from test_windows(clip, CONDITIONS[view], np.random.default_rng(number))


def open_view(part: str, view: str) -> tuple[list[str], NDArray[np.int16]]:
    """Return the clip path of every row and the windows, int16 (rows, WINDOW_SAMPLES); divide by INT16."""
    folder = extra_dir() / "views" / f"{part}-{view}"
    paths = (folder / "rows.csv").read_text().splitlines()
    whole = (folder / "windows.i16").stat().st_size // (2 * WINDOW_SAMPLES)
    count = min(whole, len(paths))
    return paths[:count], np.memmap(folder / "windows.i16", np.int16, "r", shape=(count, WINDOW_SAMPLES))


if __name__ == "__main__":
    main()
