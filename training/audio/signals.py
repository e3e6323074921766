"""Measure the audio signals' ranges and worth: python -m training.audio.signals [--most N] [--pairs N]

Ranges are the central 90 % of real recordings of training pages (every page counts by the root of its size), written to
models/audio/signals.toml. Worth is the AUC of the value between the fakes and the recordings of one page, averaged over pages: on
held-out pages, and on training and development pages. The latter chose the formulas of `spectrum` and `phase` with the former's
figures in view, so both flatter these two. Splices are measured on splices made here. Writes models/audio/signals.json.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.audio_signals import MEASURES, Evidence, SignalMeter
from forensics.detect.audio_signals.pauses import between_words, has_breath, pauses_of
from forensics.detect.audio_signals.splices import jumps
from forensics.detect.encoders import read_encoders
from forensics.detect.speech import ENCODER, SpeechDetector
from forensics.detect.speech_network import SpeechNetwork
from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.speech import normalise_level
from forensics.media.windows import CHUNK_SAMPLES
from forensics.settings import ModelSettings
from training.audio.data import Clip, capped, load_clips, read_clip
from training.metrics import Interval, auc

WORDS = {
    "spectrum": (
        "steady", "natural", "restless",
        "Change of the treble (4 to 7.8 kHz) of voiced speech from moment to moment, in dB.",
    ),
    "phase": ("aligned", "natural", "scattered", "Spread of the group delay in the treble of voiced speech, in ms."),
    "pitch_dynamics": ("flat", "natural", "wide", "Range of the pitch in semitones."),
    "noise_floor": ("clean", "natural", "noisy", "Level of the quietest moments against the speech, in dB."),
    "pauses": ("natural", "natural", "halting", "Pauses of a quarter of a second and more per minute."),
    "splices": (
        "consistent", "consistent", "abrupt",
        "Largest change of the noise floor between neighbouring stretches of 3 s, in dB.",
    ),
}  # fmt: skip
OUT = Path("models/audio")
MODELS = Path("models")
REDRAWS = 300
LEAST_CLIPS = 4  # of each label on a page that counts
HOST_SECONDS, GUEST_SECONDS = 8.0, 2.2
JUST_S = 1.0  # a splice is found where it is within this much
Floats = NDArray[np.float64]
Row = tuple[Clip, dict[str, float]]


def breaths(evidence: Evidence) -> float | None:
    """Return the share of pauses with a breath-like sound."""
    found = pauses_of(evidence.chunks)
    return sum(has_breath(evidence.chunks, p) for p in found) / len(found) if found else None


def digital_silence(evidence: Evidence) -> float | None:
    """Return the share of digital silence between words."""
    between = between_words(evidence.chunks)
    return float(evidence.chunks.zero[between].mean()) if between.any() else None


def floor_variation(evidence: Evidence) -> float | None:
    """Return the deviation in dB of the level between pauses."""
    levels = [float(np.median(evidence.chunks.level[p.chunks])) for p in pauses_of(evidence.chunks)]
    return float(np.std(levels)) if len(levels) > 1 else None


# Measured beside the signals, told in words only or not at all.
CANDIDATES: Mapping[str, Callable[[Evidence], float | None]] = {
    "breaths": breaths,
    "digital_silence": digital_silence,
    "floor_variation": floor_variation,
}


class Listener:
    """Turns samples into evidence as serving does, with one speech network for all."""

    def __init__(self) -> None:
        encoders = ModelSettings.from_env().encoders_dir
        self._network = SpeechNetwork(read_encoders(MODELS)[ENCODER].located(encoders))

    def __call__(self, samples: Samples) -> Evidence:
        meter = SignalMeter()
        padded = np.pad(samples, (0, -samples.size % CHUNK_SAMPLES))
        meter.push(*SpeechDetector(self._network).push(padded))
        return meter.close()


def values_of(evidence: Evidence) -> dict[str, float]:
    """Return every measure and candidate that applies; words that replace a value leave it out."""
    found = {name: measure(evidence) for name, measure in MEASURES.items()}
    values = {n: m.value for n, m in found.items() if m is not None and (m.word is None or n == "noise_floor")}
    more = {name: measure(evidence) for name, measure in CANDIDATES.items()}
    return values | {name: value for name, value in more.items() if value is not None}


@dataclass(frozen=True)
class Made:
    """A splice: the samples, where the guest begins in seconds, and of what kind it is."""

    samples: Samples
    at_s: float
    kind: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=12, help="clips of one system, or of the recordings, on one page")
    parser.add_argument("--pairs", type=int, default=150, help="splices of each kind")
    args = parser.parse_args()
    listen = Listener()
    clips = load_clips()
    rows = measured(capped([c for c in clips if wanted(c)], most=args.most), listen)
    facts = {"signals": worth(rows), "splices": splice_facts(clips, listen, count=args.pairs)}
    (OUT / "signals.toml").write_text(table(facts["signals"]))
    (OUT / "signals.json").write_text(json.dumps(facts, indent=2) + "\n")
    print(json.dumps(facts, indent=2))


def wanted(clip: Clip) -> bool:
    """Tell clips that are long enough and no copies of ours."""
    return clip.seconds >= 2.0 and not clip.system.startswith("copy_")


def measured(clips: Sequence[Clip], listen: Listener) -> list[Row]:
    """Return every clip with its values."""
    rows = []
    for number, clip in enumerate(clips):
        rows.append((clip, values_of(listen(read_clip(clip)))))
        if number % 200 == 0:
            print(f"{number}/{len(clips)}", flush=True)
    return rows


def worth(rows: Sequence[Row]) -> dict[str, dict[str, object]]:
    """Return range and AUCs of every measure."""
    facts: dict[str, dict[str, object]] = {}
    for name in (*MEASURES, *CANDIDATES):
        real = [(c, v[name]) for c, v in rows if name in v and not c.label and c.part == "train"]
        low, high = quantiles(real)
        held = [r for r in rows if r[0].part == "test"]
        other = [r for r in rows if r[0].part != "test"]
        facts[name] = {
            "low": low, "high": high, "recordings": len(real),
            "held_out": page_aucs(held, name), "other_pages": page_aucs(other, name),
        }  # fmt: skip
        print(name, facts[name], flush=True)
    return facts


def page_aucs(rows: Sequence[Row], name: str) -> dict[str, object]:
    """Return the mean over pages of the AUC between a page's fakes and recordings (above 0.5: fakes measure higher)."""
    pages: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for clip, values in rows:
        if name in values:
            pages[clip.page].append((values[name], clip.label))
    aucs = []
    for members in pages.values():
        labels = np.array([label for _, label in members])
        if min((labels == 0).sum(), (labels == 1).sum()) >= LEAST_CLIPS:
            aucs.append(auc(np.array([v for v, _ in members]), labels))
    return {"auc": str(redrawn(np.array(aucs))), "pages": len(aucs), "lower": int((np.array(aucs) < 0.5).sum())}


def redrawn(values: Floats, *, seed: int = 0) -> Interval:
    """Return the mean with the 2.5 and 97.5 percentiles over redrawn pages."""
    if not values.size:
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    means = [values[rng.integers(0, values.size, values.size)].mean() for _ in range(REDRAWS)]
    return Interval(float(values.mean()), *(float(q) for q in np.quantile(means, (0.025, 0.975))))


def quantiles(real: Sequence[tuple[Clip, float]]) -> tuple[float, float]:
    """Return the 5th and the 95th percentile, every page counting by the root of its size."""
    pages = [clip.page for clip, _ in real]
    weights = np.array([1 / np.sqrt(pages.count(page)) for page in pages])
    values = np.array([value for _, value in real])
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(share, 0.05)]), float(values[order][np.searchsorted(share, 0.95)])


def table(facts: Mapping[str, Mapping[str, object]]) -> str:
    """Return signals.toml."""
    text = "# Written by training/audio/signals.py; do not edit.\n"
    for name in MEASURES:
        below, inside, above, what = WORDS[name]
        low, high = (facts[name][k] for k in ("low", "high"))
        words = f'below = "{below}"\ninside = "{inside}"\nabove = "{above}"\nwhat = "{what}"\n'
        text += f"\n[{name}]\nlow = {low:.4g}\nhigh = {high:.4g}\n{words}"
    return text


def splice_facts(clips: Sequence[Clip], listen: Listener, *, count: int) -> dict[str, dict[str, object]]:
    """Return for each kind of splice the AUC of the largest jump against uncut recordings, and how often it lies at the splice."""
    rng = np.random.default_rng(0)
    hosts = [c for c in clips if not c.label and c.seconds >= HOST_SECONDS]
    hosts = [hosts[int(i)] for i in rng.permutation(len(hosts))[: 2 * count]]
    controls = [j for c in hosts[count:] if (j := jump_of(listen(read_clip(c)))) is not None]
    facts: dict[str, dict[str, object]] = {
        "uncut": {"count": len(controls), "p95_db": float(np.quantile([h for h, _ in controls], 0.95))}
    }
    for kind, guest_of in KINDS.items():
        made = [m for c in hosts[:count] if (m := splice(c, guest_of(c, clips, rng), kind)) is not None]
        found = [(j, m) for m in made if (j := jump_of(listen(m.samples))) is not None]
        heights = np.array([h for h, _ in controls] + [j[0] for j, _ in found])
        labels = np.array([0] * len(controls) + [1] * len(found))
        where = float(np.mean([abs(j[1] - m.at_s) <= JUST_S for j, m in found])) if found else float("nan")
        facts[kind] = {
            "count": len(found),
            "auc": round(auc(heights, labels), 3),
            "found_at_the_splice": round(where, 3),
        }
        print(kind, facts[kind], flush=True)
    return facts


def jump_of(evidence: Evidence) -> tuple[float, float] | None:
    """Return height and place of the largest jump."""
    found = jumps(evidence)
    best = max(found, key=lambda j: j.height_db, default=None)
    return None if best is None else (best.height_db, best.at_s)


Guest = Callable[[Clip, Sequence[Clip], np.random.Generator], Clip | None]


def another_page(host: Clip, clips: Sequence[Clip], rng: np.random.Generator) -> Clip | None:
    """Draw a recording of another page."""
    return _draw([c for c in clips if not c.label and c.page != host.page and c.seconds > 2 * GUEST_SECONDS], rng)


def same_page(host: Clip, clips: Sequence[Clip], rng: np.random.Generator) -> Clip | None:
    """Draw another recording of the page."""
    mine = [c for c in clips if not c.label and c.page == host.page and c.path != host.path]
    return _draw([c for c in mine if c.seconds > 2 * GUEST_SECONDS], rng)


def copy_synthesis(host: Clip, clips: Sequence[Clip], rng: np.random.Generator) -> Clip | None:
    """Draw a copy-synthesis of the page's recordings."""
    return _draw([c for c in clips if c.system.startswith("copy_") and c.page == host.page and c.seconds > 4.0], rng)


KINDS: Mapping[str, Guest] = {"another_page": another_page, "same_page": same_page, "copy_synthesis": copy_synthesis}


def splice(host: Clip, guest: Clip | None, kind: str) -> Made | None:
    """Return the host's first half and the guest, level-matched, joined over 10 ms."""
    if guest is None:
        return None
    head, tail = read_clip(host), normalise_level(read_clip(guest))
    at = head.size // 2
    fade = np.linspace(0, 1, SAMPLE_RATE_HZ // 100, dtype=np.float32)
    start = tail[: fade.size] * fade + head[at : at + fade.size] * (1 - fade)
    return Made(np.concatenate([head[:at], start, tail[fade.size :]]), at / SAMPLE_RATE_HZ, kind)


def _draw(clips: Sequence[Clip], rng: np.random.Generator) -> Clip | None:
    return clips[int(rng.integers(len(clips)))] if clips else None


if __name__ == "__main__":
    main()
