"""Gather public speech beside the data folder: python -m training.audio.collect --clones DIR --packages DIR

Reads training/audio/sources.csv: each row names a repository at a commit (a bare Git directory below DIR/<owner>+<name>), or an
unpacked Debian package (DIR/<name> for `debian:<name>`), a path pattern, what it is, and a regular expression whose
group is the name of the sentence within the page. Every clip, real or fake, goes the same way: the serving decoder to 16 kHz mono,
edges trimmed, level normalised, 16-bit FLAC. Writes AUDIO_EXTRA/<label>/… and AUDIO_EXTRA/collected.csv; nothing of it is ever
committed. `training.audio.dedupe` comes next. With --only, the rows of those pages are gathered anew and appended; files that are
already there are left alone (then `training.audio.dedupe --append`).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from forensics.domain.errors import DetectorError, MediaCorrupt
from forensics.media.audio import SAMPLE_RATE_HZ, Samples, decode_audio
from forensics.media.speech import normalise_level, trim_edges
from training.audio.data import write_samples
from training.repositories import candidates

SOURCES_CSV = Path(__file__).with_name("sources.csv")
SUFFIXES = (".wav", ".mp3", ".flac", ".ogg", ".m4a", ".opus", ".g722", ".webm")
LEAST_SECONDS, MOST_SECONDS = 1.2, 12.0
PIECE_SECONDS = 10.0
MOST_PIECES = 4  # of a long recording, evenly spread
COLUMNS = (
    *("path", "label", "page", "family", "system", "sentence", "piece", "seconds", "native_hz", "codec"),
    *("repository", "repo_path", "sha256"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clones", type=Path, required=True)
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="pages to append; without it everything is gathered anew")
    args = parser.parse_args()
    out = Path(os.environ["AUDIO_EXTRA"])
    out.mkdir(parents=True, exist_ok=True)
    collected = out / "collected.csv"
    seen = present(collected) if args.only else set[str]()
    if not args.only:
        collected.write_text(",".join(COLUMNS) + "\n")
    with SOURCES_CSV.open(newline="") as table, collected.open("ab", buffering=0) as handle:
        for source in csv.DictReader(table):
            if args.only and source["page"] not in args.only:
                continue
            rows = list(take(source, clones=args.clones, packages=args.packages, out=out, seen=seen))
            handle.write(lines(rows))
            print(f"{source['page']} {source['path']}: {len(rows)} of {source['count']}", flush=True)


def lines(rows: list[dict[str, str]]) -> bytes:
    """Return the rows as lines of the table, to be written at once: several pages can be gathered side by side."""
    text = io.StringIO()
    csv.DictWriter(text, COLUMNS, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def present(collected: Path) -> set[str]:
    """Return the hashes of the files that were gathered before."""
    with collected.open(newline="") as handle:
        return {row["sha256"] for row in csv.DictReader(handle)}


def take(
    source: dict[str, str], *, clones: Path, packages: Path, out: Path, seen: set[str]
) -> Iterator[dict[str, str]]:
    """Yield the manifest rows of one source after writing its clips; files already seen are left out."""
    left = int(source["count"])
    for name, data in candidates(source, clones=clones, packages=packages, suffixes=SUFFIXES):
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 in seen:
            continue
        seen.add(sha256)
        rows = list(store(source, name, data, sha256=sha256, out=out))
        yield from rows
        left -= bool(rows)
        if left <= 0:
            return


def store(source: dict[str, str], name: str, data: bytes, *, sha256: str, out: Path) -> Iterator[dict[str, str]]:
    """Write the clips of one file (long recordings give several) and yield their rows; none when it is no speech-long sound."""
    try:
        samples, native_hz, codec = decode(name, data)
    except (DetectorError, av.FFmpegError):
        return
    found = re.search(source["group"], name)
    for number, piece in enumerate(pieces(trim_edges(samples))):
        clip = normalise_level(trim_edges(piece))
        if clip.size < LEAST_SECONDS * SAMPLE_RATE_HZ:
            continue
        path = Path(source["label"]) / source["page"] / f"{sha256[:16]}_{number}.flac"
        write_samples(out / path, clip)
        facts = {k: source[k] for k in ("label", "page", "family", "system", "repository")}
        yield facts | {
            "path": str(path), "sentence": found.group(1) if found else name, "piece": str(number),
            "seconds": f"{clip.size / SAMPLE_RATE_HZ:.2f}", "native_hz": str(native_hz), "codec": codec,
            "repo_path": name, "sha256": sha256,
        }  # fmt: skip


def decode(name: str, data: bytes) -> tuple[Samples, int, str]:
    """Return mono samples (n,), the recording's own rate in Hz and its codec; headerless G.722 is told by its suffix."""
    if name.lower().endswith(".g722"):
        with av.open(io.BytesIO(data), format="g722") as container:
            frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        if not frames:
            raise MediaCorrupt("The file holds no sound.")
        return np.concatenate(frames, axis=1)[0].astype(np.float32) / 32768, SAMPLE_RATE_HZ, "g722"
    decoded = decode_audio(data, max_seconds=300)
    return decoded.samples.mean(axis=0), decoded.facts.sample_rate_hz, decoded.facts.codec


def pieces(samples: Samples) -> Iterator[Samples]:
    """Yield the clip itself, or up to MOST_PIECES evenly spread pieces of a long recording."""
    length = round(PIECE_SECONDS * SAMPLE_RATE_HZ)
    if samples.size <= MOST_SECONDS * SAMPLE_RATE_HZ:
        yield samples
        return
    count = min(MOST_PIECES, samples.size // length)
    for start in np.linspace(0, samples.size - length, max(count, 1)).astype(int):
        yield samples[start : start + length]


if __name__ == "__main__":
    main()
