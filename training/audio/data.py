"""Clips and their windows: what the manifest lists, in which part, with which weight."""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from forensics.media.audio import SAMPLE_RATE_HZ, Samples, decode_audio
from training.audio.split import part_of

MANIFESTS = ("manifest.csv", "copysynth.csv")
CORPUS_SHARE = 0.35  # of the training weight: recordings of no demo page, and their copies


@dataclass(frozen=True)
class Clip:
    """One clip of 16 kHz mono speech; `page` is where it was published, `content` what is said in it."""

    path: Path
    label: int  # 1 is fake
    page: str
    family: str
    system: str
    content: str
    seconds: float
    part: str

    @property
    def source(self) -> str:
        """What resampling redraws as one: the system on its page, or the recordings of the page."""
        return f"{self.page}/{self.system or 'real'}"


def extra_dir() -> Path:
    """Return the folder of gathered clips (AUDIO_EXTRA)."""
    return Path(os.environ["AUDIO_EXTRA"])


def load_clips(*, extra: Path | None = None) -> list[Clip]:
    """Return every clip that belongs to a part, in the manifests' order; copies made of held-out recordings are left out."""
    folder = extra or extra_dir()
    clips = []
    for name in MANIFESTS:
        if (folder / name).is_file():
            with (folder / name).open(newline="") as handle:
                clips += [clip for row in csv.DictReader(handle) if (clip := _clip(row, folder)).part]
    return [c for c in clips if not (c.system.startswith("copy_") and c.part != "train")]


def _clip(row: dict[str, str], folder: Path) -> Clip:
    return Clip(
        path=folder / row["path"],  # an absolute path stays itself
        label=int(row["label"] == "fake"),
        page=row["page"],
        family=row["family"],
        system=row["system"],
        content=row["content"],
        seconds=float(row["seconds"]),
        part=part_of(row["page"], row["system"]),
    )


def capped(clips: Sequence[Clip], *, most: int) -> list[Clip]:
    """Return at most `most` clips of one system, or of the recordings, on one page: those whose paths hash lowest."""
    ranked = sorted(clips, key=lambda c: hashlib.sha256(c.path.name.encode()).hexdigest())
    taken: Counter[tuple[str, str]] = Counter()
    kept = set[Path]()
    for clip in ranked:
        taken[clip.page, clip.system] += 1
        if taken[clip.page, clip.system] <= most:
            kept.add(clip.path)
    return [c for c in clips if c.path in kept]


def read_clip(clip: Clip) -> Samples:
    """Return the clip's samples, float32 (n,)."""
    return read_samples(clip.path)


def read_samples(path: Path) -> Samples:
    """Return a stored clip's samples, float32 (n,), as serving would decode them."""
    return np.asarray(decode_audio(path.read_bytes()).samples[0])


def write_samples(path: Path, samples: Samples) -> None:
    """Store mono samples (n,) as 16-bit FLAC."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scaled = np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(scaled[None, :], format="s16", layout="mono")
    frame.sample_rate = SAMPLE_RATE_HZ
    with av.open(path, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE_HZ, layout="mono")
        resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE_HZ, stream.frame_size or None)
        for chunk in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(chunk))
        container.mux(stream.encode(None))


def weights(clips: Sequence[Clip]) -> NDArray[np.float64]:
    """Return sampling weights that sum to one: both labels alike on every page, pages by the root of their size.

    Pages with fakes and recordings of one channel share 1 - CORPUS_SHARE of the whole; what has only one label there, the rest.
    """
    sizes = Counter((c.page, c.label) for c in clips)
    paired = {page for page, label in sizes if (page, 1 - label) in sizes}
    raw = np.array([_page_weight(sizes, c) / sizes[c.page, c.label] for c in clips])
    labels = np.array([c.label for c in clips])
    demo = np.array([c.page in paired and not c.system.startswith("copy_") and not _corpus(c, sizes) for c in clips])
    for group, share in ((demo, 1 - CORPUS_SHARE), (~demo, CORPUS_SHARE)):
        for label in (0, 1):
            members = group & (labels == label)
            raw[members] *= share / 2 / max(float(raw[members].sum()), 1e-12)
    return np.asarray(raw / raw.sum())


def _page_weight(sizes: Counter[tuple[str, int]], clip: Clip) -> float:
    return float(np.sqrt(min(sizes[clip.page, 0], sizes[clip.page, 1]) or sizes[clip.page, clip.label]))


def _corpus(clip: Clip, sizes: Counter[tuple[str, int]]) -> bool:
    """Tell pages whose only fakes are our copies."""
    return sizes[clip.page, 0] > 3 * sizes[clip.page, 1] and clip.label == 0 and sizes[clip.page, 0] > 150
