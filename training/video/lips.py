"""Fit and measure lip_sync: python -m training.video.lips --clones DIR

Mouths and voices of talking clips (training/video/lips.csv) are brought to what they share by canonical correlation analysis.
Measured with every group of repositories left out of the fit in turn: a clip's lips with its own sound, with other clips' sound,
and with its own sound shifted. Writes models/lips (maps.npz, manifest.toml, metrics.json), and the range of real clips to
models/video/lips.toml.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.faces import FaceDetector
from forensics.detect.files import file_sha256
from forensics.detect.lip_sync import LEAST_TRACE_S, LONGEST_GAP_S, LipSync
from forensics.domain.lip_sync import NEAR_S, STEP, Trace, lip_sync
from forensics.media.articulation import HZ, with_context
from forensics.media.mouth import mouth_moving
from forensics.settings import ModelSettings
from training.metrics import auc
from training.video.lip_clips import Talk, talks

PARTS, SHARED = 20, 6  # main parts of the mouth's pixels; numbers in which both sides agree
RIDGE = 0.3  # of the mean variance, added to every variance
ROUNDS = 2  # of shifting each clip's sound to its own best lag (up to NEAR_S) and fitting again
SHIFTS_S = (-1.5, -1.0, -0.5, 0.5, 1.0, 1.5)
STRANGERS = 8  # foreign sounds each clip is held against
LOW, HIGH = 0.05, 0.95
RESAMPLES = 1000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Held:
    """One clip's agreement with its own sound, with shifted ones and with foreign ones, by maps that never saw its group."""

    name: str
    group: str
    fake: bool
    own: float
    shifted: tuple[float, ...]
    foreign: tuple[float, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clones", type=Path, required=True)
    parser.add_argument("--kept", type=Path, help="clips that were taken out of their clones before")
    args = parser.parse_args()
    settings = ModelSettings.from_env()
    finder = FaceDetector.load(settings.models_dir, settings.encoders_dir, threads=settings.threads)
    clips = talks(args.clones, args.kept, finder)
    held = [h for group in sorted({c.group for c in clips}) for h in left_out(clips, group)]
    write(fit(clips), settings.models_dir)
    (settings.models_dir / "video" / "lips.toml").write_text(signal(held))
    facts = {"worth": worth(held), "clips": [vars(h) for h in held]}
    out = settings.models_dir / "lips"
    (out / "metrics.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(table(facts["worth"]))


def left_out(clips: Sequence[Talk], group: str) -> Iterator[Held]:
    """Yield the clips of a group that have enough of lips and sound, judged by what was fitted on all others.

    Lips that were made to fit their sound are as good to learn from as real ones.
    """
    maps = fit([c for c in clips if c.group != group])
    others = [maps.voice_trace(c.voice) for c in clips if c.group != group and not c.fake]
    strangers = [voice for voice in others if voice is not None]
    for number, clip in enumerate(c for c in clips if c.group == group):
        voice = maps.voice_trace(clip.voice)
        lips = [trace for t, m in clip.stretches if (trace := maps.lips_trace(t, m))]
        own = lip_sync(lips, voice) if voice else None
        if voice is None or own is None:
            continue
        rng = np.random.default_rng([len(group), number])
        chosen = [strangers[n] for n in rng.permutation(len(strangers))]
        foreign = [v for other in chosen if (v := lip_sync(lips, other)) is not None][:STRANGERS]
        shifted = [v for s in SHIFTS_S if (v := lip_sync(lips, rolled(voice, s))) is not None]
        yield Held(clip.name, group, clip.fake, own, tuple(shifted), tuple(foreign))


def rolled(voice: Trace, seconds: float) -> Trace:
    """Return a voice that comes later by so many seconds, its end put before its beginning."""
    rows = voice.rows
    at = round(seconds * HZ) % len(rows)
    return Trace.of(voice.start_s, [[v / STEP for v in row] for row in (*rows[-at:], *rows[:-at])])


def fit(clips: Sequence[Talk]) -> LipSync:
    """Return the maps that make the mouths and voices of these clips correlate most."""
    both = [pair for clip in clips for pair in matched(clip)]
    scatter = sum((lips.T @ lips for lips, _ in both), np.zeros((both[0][0].shape[1],) * 2))
    pixels = np.linalg.eigh(scatter)[1][:, -PARTS:]
    seen = [with_context(lips @ pixels) for lips, _ in both]
    heard = [with_context(voice) for _, voice in both]
    to_lips, to_voice = canonical(seen, heard)
    for _ in range(ROUNDS):
        lags = [best_lag(a @ to_lips, b @ to_voice) for a, b in zip(seen, heard, strict=True)]
        middle = int(np.median(lags))
        moved = [np.roll(b, middle - lag, axis=0) for b, lag in zip(heard, lags, strict=True)]
        to_lips, to_voice = canonical(seen, moved)
    return LipSync(pixels.astype(np.float32), to_lips.astype(np.float32), to_voice.astype(np.float32))


def matched(clip: Talk) -> Iterator[tuple[Floats, Floats]]:
    """Yield the mouth (n, 384) and the voice (n, 9) of each stretch without a gap, moment by moment."""
    for times, mouths in clip.whole:
        for part in np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) > LONGEST_GAP_S) + 1):
            if len(part) < 2 or times[part[-1]] - times[part[0]] < LEAST_TRACE_S:
                continue
            lips, at = mouth_moving(times[part], mouths[part]), round(times[part[0]] * HZ)
            count = min(len(lips), len(clip.voice) - at)
            if count >= LEAST_TRACE_S * HZ:
                yield lips[:count], clip.voice[at : at + count]


def canonical(seen: Sequence[Floats], heard: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return the maps of both sides to SHARED numbers, scaled by the root of their correlations (ridge-regularised CCA)."""
    count = sum(len(a) for a in seen)
    own_a = sum((a.T @ a for a in seen), np.zeros((seen[0].shape[1],) * 2)) / count
    own_b = sum((b.T @ b for b in heard), np.zeros((heard[0].shape[1],) * 2)) / count
    across = sum((a.T @ b for a, b in zip(seen, heard, strict=True)), np.zeros((len(own_a), len(own_b)))) / count
    white_a, white_b = whitening(own_a), whitening(own_b)
    left, strength, right = np.linalg.svd(white_a @ across @ white_b)
    scale = np.sqrt(strength[:SHARED])
    return white_a @ left[:, :SHARED] * scale, white_b @ right[:SHARED].T * scale


def whitening(scatter: Floats) -> Floats:
    size = len(scatter)
    values, axes = np.linalg.eigh(scatter + RIDGE * np.trace(scatter) / size * np.eye(size))
    return np.asarray(axes / np.sqrt(values) @ axes.T)


def best_lag(lips: Floats, voice: Floats) -> int:
    """Return by how many moments the voice comes later, at most NEAR_S."""
    near = round(NEAR_S * HZ)
    agreement = [(lips * np.roll(voice, -lag, axis=0)).sum() for lag in range(-near, near + 1)]
    return int(np.argmax(agreement)) - near


def worth(held: Sequence[Held]) -> dict[str, dict[str, object]]:
    """Return AUCs with the central 95 % of resampled clips: own sound above foreign and above shifted sound."""
    groups: Mapping[str, Sequence[Held]] = {
        "real talking clips": [h for h in held if not h.fake],
        "lips made to fit their sound": [h for h in held if h.fake],
    }
    found: dict[str, dict[str, object]] = {
        name: {
            "clips": len(own),
            "groups": len({h.group for h in own}),
            "own above foreign sound": interval(own, lambda h: h.foreign),
            "own above shifted sound": interval(own, lambda h: h.shifted),
        }
        for name, own in groups.items()
    }
    real, fake = ([h.own for h in own] for own in groups.values())
    labels = np.array([1] * len(real) + [0] * len(fake))
    found["real above made lips"] = {"AUC": round(float(auc(np.array(real + fake), labels)), 3)}
    return found


def interval(held: Sequence[Held], against: Callable[[Held], Sequence[float]]) -> str:
    def area(chosen: Sequence[Held]) -> float:
        own, other = [h.own for h in chosen], [v for h in chosen for v in against(h)]
        return float(auc(np.array(own + other), np.array([1] * len(own) + [0] * len(other))))

    rng = np.random.default_rng(0)
    drawn = [area([held[n] for n in rng.integers(0, len(held), len(held))]) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{area(held):.3f} ({low:.3f}-{high:.3f})"


def write(maps: LipSync, models: Path) -> None:
    """Write the maps with their manifest."""
    out = models / "lips"
    out.mkdir(parents=True, exist_ok=True)
    np.savez(out / "maps.npz", pixels=maps.pixels, lips=maps.lips, voice=maps.voice)
    (out / "manifest.toml").write_text(
        "# Written by training/video/lips.py; do not edit.\n"
        'name = "lips"\nversion = "0.1.0"\nlicence = "Apache-2.0"\nfile = "maps.npz"\n'
        f'sha256 = "{file_sha256(out / "maps.npz")}"\n'
    )


def signal(held: Sequence[Held]) -> str:
    """Return the signal's words and its range: real talking clips, each judged by maps that never saw its people."""
    low, high = np.quantile([h.own for h in held if not h.fake], [LOW, HIGH])
    what = "By how much the lips move with the sound of their moment rather than with other moments of it."
    return (
        "# Written by training/video/lips.py; do not edit.\n\n[lip_sync]\n"
        f"low = {low:.4g}\nhigh = {high:.4g}\n"
        f'below = "apart"\ninside = "together"\nabove = "together"\nwhat = "{what}"\n'
    )


def table(facts: Mapping[str, Mapping[str, object]]) -> str:
    rows = ["| | clips | groups | own above foreign sound | own above shifted sound |", "|---|---|---|---|---|"]
    rows += [f"| {name} | {' | '.join(str(v) for v in row.values())} |" for name, row in facts.items() if len(row) == 4]
    return "\n".join([*rows, "", f"real above made lips: {facts['real above made lips']}"])


if __name__ == "__main__":
    main()
