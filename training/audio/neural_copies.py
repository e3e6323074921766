"""Resynthesise real clips with neural vocoders: python -m training.audio.neural_copies --weights DIR [--count N]

Like training.audio.copysynth, with the generators that end today's speech synthesis: the analysis keeps a clip's mel spectrogram
and the network invents phase and fine structure (Wang and Yamagishi 2023). Copies are made of recordings of the train part alone,
are dropped when their log-mel spectrogram strays from the parent's, and are appended to AUDIO_EXTRA/copysynth.csv as copy_NAME;
lines that stand there are never rewritten. training.audio.vocoders lists the networks, their weights and where these come from.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.speech import normalise_level, trim_edges
from training.audio.copysynth import Synth
from training.audio.data import read_samples, write_samples
from training.audio.mel import mel_filters
from training.audio.split import part_of
from training.audio.vocoders import CODECS, VOCODERS, load

LONGEST_S, SHORTEST_S = 4.6, 2.0
LJ_SPEECH_CLIPS = 150
LEAST_CORRELATION = 0.9
LOUDEST_CHANGE_DB = 9.0
MANIFEST = "copysynth.csv"


def resemblance(parent: Samples, copied: Samples) -> tuple[float, float]:
    """Return the correlation of the two log-mel spectrograms (64 bands, 25 ms) and the copy's level over the parent's in dB."""
    size = min(parent.size, copied.size)
    first, second = _log_mel(parent[:size]), _log_mel(copied[:size])
    level = 10 * np.log10((float(np.mean(copied**2)) + 1e-12) / (float(np.mean(parent**2)) + 1e-12))
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1]), float(level)


def _log_mel(samples: Samples) -> Samples:
    frames = np.lib.stride_tricks.sliding_window_view(samples, 512)[::160] * np.hanning(512)
    power = np.abs(np.fft.rfft(frames, axis=1)) @ mel_filters(bands=64, fft_size=512).T
    return np.log(np.maximum(power, 1e-4)).astype(np.float32)


def copy(row: dict[str, str], name: str, synth: Synth, extra: Path, rng: np.random.Generator) -> dict[str, str] | None:
    """Resynthesise one real clip and return its manifest row, or None where the copy does not resemble its parent."""
    parent = read_samples(extra / row["path"])[: round(LONGEST_S * SAMPLE_RATE_HZ)]
    copied = synth(parent, rng)
    correlation, level = resemblance(parent, copied)
    if not (correlation >= LEAST_CORRELATION and abs(level) <= LOUDEST_CHANGE_DB):
        return None
    clip = normalise_level(trim_edges(copied))
    path = copy_path(row, name)
    write_samples(extra / path, clip)
    family = "codec" if name in CODECS else "vocoder"
    changed = {"path": str(path), "label": "fake", "family": family, "system": f"copy_{name}", "sha256": ""}
    return row | changed | {"seconds": f"{clip.size / SAMPLE_RATE_HZ:.2f}"}


def copy_path(row: dict[str, str], name: str) -> Path:
    """Return where a recording's copy by one vocoder lies, relative to AUDIO_EXTRA."""
    return Path("fake") / f"copy_{name}" / f"{Path(row['path']).stem}.flac"


def parents(extra: Path) -> list[dict[str, str]]:
    """Return the manifest's rows of recordings that may be copied: of the train part and long enough."""
    with (extra / "manifest.csv").open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["label"] == "real"]
    return [r for r in rows if float(r["seconds"]) >= SHORTEST_S and part_of(r["page"], r["system"]) == "train"]


def draw(rows: Sequence[dict[str, str]], count: int, rng: np.random.Generator) -> list[dict[str, str]]:
    """Return up to `count` different rows; a page's share grows with the root of its size, so small channels are heard too."""
    sizes = Counter(row["page"] for row in rows)
    odds = np.array([sizes[row["page"]] ** -0.5 for row in rows])
    chosen = rng.choice(len(rows), size=min(count, len(rows)), replace=False, p=odds / odds.sum())
    return [rows[i] for i in chosen]


def plan(
    rows: Sequence[dict[str, str]], count: int, names: Sequence[str], rng: np.random.Generator
) -> list[tuple[str, dict[str, str]]]:
    """Return which vocoder copies which recording, shuffled, so that a run that is cut short is balanced too."""
    shares = {name: VOCODERS[name] for name in names}
    total = sum(shares.values())
    tasks = [(name, row) for name in names for row in draw(rows, round(count * shares[name] / total), rng)]
    return [tasks[i] for i in rng.permutation(len(tasks))]


def append(path: Path, row: dict[str, str]) -> None:
    """Add one line to a CSV that has a header, in one write, so that readers never see half a line."""
    with path.open(newline="") as handle:
        columns = next(csv.reader(handle))
    line = io.StringIO()
    csv.DictWriter(line, columns, lineterminator="\n").writerow(row)
    with path.open("ab", buffering=0) as binary:
        binary.write(line.getvalue().encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--count", type=int, default=4000, help="copies in all, shared out as VOCODERS says")
    parser.add_argument("--only", nargs="*", choices=sorted(VOCODERS), default=sorted(VOCODERS))
    parser.add_argument("--worker", type=int, nargs=2, default=(0, 1), metavar=("K", "OF"), help="take every OF-th")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    extra = Path(os.environ["AUDIO_EXTRA"])
    rows = parents(extra)
    spoken = [extra / row["path"] for row in rows if "LJ0" in row["repo_path"]][:LJ_SPEECH_CLIPS]
    synths = {n: load(n, args.weights, lj_speech=lambda: [read_samples(p) for p in spoken]) for n in args.only}
    rng = np.random.default_rng(args.seed)
    tasks = plan(rows, args.count, args.only, rng)[args.worker[0] :: args.worker[1]]
    with (extra / MANIFEST).open(newline="") as handle:
        listed = {row["path"] for row in csv.DictReader(handle)}
    made: Counter[str] = Counter()
    for name, row in tasks:
        if str(copy_path(row, name)) in listed:
            continue
        copied = copy(row, name, synths[name], extra, rng)
        if copied:
            append(extra / MANIFEST, copied)
        made[f"{name} {'made' if copied else 'unlike'}"] += 1
    print(dict(sorted(made.items())))


if __name__ == "__main__":
    main()
