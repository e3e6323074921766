"""Leave out what is there twice: python -m training.audio.dedupe

Demo pages copy clips from each other, and some "fakes" are the recording itself. Two clips of almost the same length are the same
when their waveforms agree at the best lag. Of one label the first stays, pages of the test set before others; a fake that
equals a recording leaves with it. `content` numbers clips that share their envelope: one sentence, whatever made it.
Reads AUDIO_EXTRA/collected.csv and the data folder's own manifest, writes AUDIO_EXTRA/manifest.csv for both. With --append the
manifest's lines stay as they are: what is collected but neither listed nor dropped before is compared with them and added.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from training.audio.data import read_samples
from training.audio.split import TEST_PAGES

LENGTH_TOLERANCE = 0.02
ENVELOPE_POINTS = 96
SAME_ENVELOPE, SAME_WAVE = 0.97, 0.985
PROBE_SECONDS = 2.0
ALIASES = {
    "bne-ppg-vc": "bneppgvc", "freevc-s": "freevc", "freevc-sr": "freevc", "gradtts-cfm": "gradtts",
    "maskgct_ar_baseline": "maskgct", "maskgct_vc": "maskgctvc", "voc_griffinlim": "griffinlim", "voc_world": "world",
    "yourtts_vc": "yourttsvc",
}  # fmt: skip
Floats = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--append", nargs="*", help="pages whose new clips are added to the manifest")
    pages = parser.parse_args().append
    extra = Path(os.environ["AUDIO_EXTRA"])
    with (extra / "collected.csv").open(newline="") as handle:
        collected = list(csv.DictReader(handle))
    if pages:
        append(extra, [row for row in collected if row["page"] in pages])
        return
    rows = [*given(Path(os.environ.get("DATA_ROOT", "../shared/data")) / "audio"), *collected]
    rows.sort(key=lambda r: (r["page"] not in TEST_PAGES, r["page"], r["path"]))
    envelopes, lengths = describe([extra / r["path"] for r in rows])
    dropped, content = same_clips(rows, envelopes, lengths, extra=extra)
    kept = [row | {"content": str(content[i])} for i, row in enumerate(rows) if i not in dropped]
    with (extra / "manifest.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, [*kept[0]], lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
    print(f"{len(rows)} clips, {len(dropped)} twice, {len(kept)} kept", flush=True)


def append(extra: Path, rows: list[dict[str, str]]) -> None:
    """Add the clips that the manifest lacks, in one write; only they can be dropped, the lines that are there stay."""
    with (extra / "manifest.csv").open(newline="") as handle:
        old = list(csv.DictReader(handle))
    listed = {row["path"] for row in old}
    new = [row for row in rows if row["path"] not in listed]
    first = 1 + max(int(row["content"]) for row in old)
    demo = {row["page"] for row in old if row["label"] == "fake"}
    old = [row for row in old if row["page"] in demo]  # pages copy from pages; corpora are read elsewhere
    envelopes, lengths = remembered([extra / row["path"] for row in [*old, *new]], extra / "envelopes.npz")
    dropped, content = same_clips([*old, *new], envelopes, lengths, extra=extra, fixed=len(old))
    numbers = [int(row["content"]) if i < len(old) else first + i for i, row in enumerate([*old, *new])]
    kept = [
        row | {"content": str(numbers[content[i]])} for i, row in enumerate(new, start=len(old)) if i not in dropped
    ]
    text = io.StringIO()
    csv.DictWriter(text, [*old[0]], lineterminator="\n").writerows(kept)
    with (extra / "manifest.csv").open("ab", buffering=0) as manifest:
        manifest.write(text.getvalue().encode())
    print(f"{len(new)} new clips, {len(dropped)} there already, {len(kept)} added", flush=True)


def remembered(paths: list[Path], store: Path) -> tuple[Floats, Floats]:
    """Return what describe returns, reading only the clips that the store lacks and keeping them there."""
    known: dict[str, tuple[Floats, float]] = {}
    if store.is_file():
        with np.load(store) as saved:
            known = dict(
                zip(saved["paths"].tolist(), zip(saved["envelopes"], saved["lengths"], strict=True), strict=True)
            )
    missing = [path for path in paths if str(path) not in known]
    for path, envelope, length in zip(missing, *describe(missing), strict=True):
        known[str(path)] = envelope, float(length)
    np.savez(
        store,
        paths=np.array([*known]),
        envelopes=np.array([e for e, _ in known.values()]),
        lengths=np.array([s for _, s in known.values()]),
    )
    found = [known[str(path)] for path in paths]
    return np.array([e for e, _ in found]), np.array([s for _, s in found], dtype=np.float32)


def same_clips(
    rows: list[dict[str, str]], envelopes: Floats, lengths: Floats, *, extra: Path, fixed: int = 0
) -> tuple[set[int], list[int]]:
    """Return the clips to drop, never one of the first `fixed`, and each clip's content: the first that shares its envelope."""
    dropped, content = set[int](), list(range(len(rows)))
    for first, second in alike(envelopes, lengths):
        if second < fixed:
            continue
        content[second] = min(content[second], content[first])
        if not dropped & {first, second} and same_wave(extra / rows[first]["path"], extra / rows[second]["path"]):
            both = rows[first]["label"] != rows[second]["label"]
            dropped |= {second, first} if both and first >= fixed else {second}
    return dropped, content


def given(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the data folder's clips as rows like ours; their paths are absolute, a page is named by its repository."""
    with (folder / "manifest.csv").open(newline="") as handle:
        for row in csv.DictReader(handle):
            page = row["repo"].rpartition("/")[2].removesuffix(".github.io").lower() if row["repo"] else row["source"]
            name = row["source"].removeprefix("demo_")
            yield {
                "path": str((folder / row["path"]).resolve()), "label": row["label"], "page": page,
                "family": row["family"], "system": "" if row["label"] == "real" else ALIASES.get(name, name),
                "sentence": row["pair_group"] or row["path"], "piece": "0", "seconds": row["seconds"],
                "native_hz": row["native_sr"], "codec": row["native_codec"], "repository": row["repo"],
                "repo_path": row["repo_path"], "sha256": row["sha256"],
            }  # fmt: skip


def describe(paths: list[Path]) -> tuple[Floats, Floats]:
    """Return unit-norm log envelopes (clips, ENVELOPE_POINTS) and lengths in seconds (clips,)."""
    envelopes = np.zeros((len(paths), ENVELOPE_POINTS), dtype=np.float32)
    lengths = np.zeros(len(paths), dtype=np.float32)
    for i, path in enumerate(paths):
        samples = read_samples(path)
        lengths[i] = samples.size / SAMPLE_RATE_HZ
        frames = np.array_split(samples[: samples.size], ENVELOPE_POINTS)
        level = np.log10(1e-4 + np.array([float(np.sqrt((f**2).mean())) for f in frames]))
        envelopes[i] = (level - level.mean()) / max(float(np.linalg.norm(level - level.mean())), 1e-6)
    return envelopes, lengths


def alike(envelopes: Floats, lengths: Floats) -> Iterator[tuple[int, int]]:
    """Yield index pairs (first < second) of nearly equal length and envelope, in order."""
    order = np.argsort(lengths, kind="stable")
    ends = np.searchsorted(lengths[order], lengths[order] * (1 + LENGTH_TOLERANCE), side="right")
    found = []
    for place, index in enumerate(order):
        others = order[place + 1 : ends[place]]
        near = others[envelopes[others] @ envelopes[index] > SAME_ENVELOPE]
        found += [(min(int(index), int(o)), max(int(index), int(o))) for o in near]
    yield from sorted(found)


def same_wave(first: Path, second: Path) -> bool:
    """Tell whether two clips are one recording: normalised cross-correlation of their first seconds at the best lag."""
    a, b = _probe(first), _probe(second)
    size = a.size + b.size
    cross = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
    return bool(np.abs(cross).max() > SAME_WAVE)


@lru_cache(maxsize=2048)
def _probe(path: Path) -> Samples:
    samples = read_samples(path)[: round(PROBE_SECONDS * SAMPLE_RATE_HZ)]
    return np.asarray(samples / max(float(np.linalg.norm(samples)), 1e-6), dtype=np.float32)


if __name__ == "__main__":
    main()
