"""Choose where flagged spans begin and end: python -m training.audio.spans [--count 240]

Makes partial fakes and controls of the dev pages (training.audio.splices), has the served model score their windows once, and takes
the rule with the best F1 of frames among those that call at most MOST_FALSE of the controls manipulated and flag something in at
most MOST_FLAGGED of them. Writes models/audio/spans.toml. `training.audio.partial` then measures the rule on the test pages.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from forensics.detect.audio import AudioDetector
from forensics.detect.audio_segments import SpanRule, flag_segments
from forensics.domain.scores import ScoredWindow
from forensics.settings import ModelSettings
from training.audio.data import load_clips, read_clip
from training.audio.partial import SEED, seconds_of
from training.audio.span_metrics import Judged, f1, frame_counts
from training.audio.splices import Splice, cached, eligible, make_splices

OUT = Path("models/audio/spans.toml")
MOST_FALSE, MOST_FLAGGED = 0.02, 0.15
ENTER = tuple(np.round(np.arange(0.3, 0.96, 0.05), 2))
LEAVE_SHARES = (0.5, 0.7, 0.85, 1.0)  # of the entering score
CONTRASTS = (0.0, 0.5, 1.0, 1.5, 2.0)
PARTIAL = tuple(np.round(np.arange(0.5, 0.995, 0.02), 2))


@dataclass(frozen=True)
class Heard:
    """One made recording and its scored windows; `whole` is the score of the recording."""

    splice: Splice
    windows: tuple[ScoredWindow, ...]
    whole: float | None

    def judged(self, rule: SpanRule) -> Judged:
        """Return what a rule flags in it."""
        flagged = tuple((s.start, s.end) for s in flag_segments(self.windows, rule))
        return Judged(self.splice.source, self.splice.kind, self.splice.seconds, self.splice.span, flagged, "")

    def strongest(self, rule: SpanRule) -> float:
        """Return the score of the strongest flagged span, 0 without one."""
        return max((s.score for s in flag_segments(self.windows, rule)), default=0.0)


def choose(heard: Sequence[Heard]) -> SpanRule:
    """Return the best rule; `partial` is the lowest that keeps the controls' verdicts."""
    controls = [h for h in heard if h.splice.span is None]
    best, rule = -1.0, SpanRule(enter=0.95, leave=0.9, partial=0.99)
    for enter, share, contrast in product(ENTER, LEAVE_SHARES, CONTRASTS):
        tried = SpanRule(enter=float(enter), leave=float(enter * share), partial=0.99, contrast=contrast)
        judged = [h.judged(tried) for h in heard]
        flagged = np.mean([bool(j.flagged) for j in judged if j.truth is None])
        value = float(f1(np.array([frame_counts(j) for j in judged]).sum(axis=0)))
        if flagged <= MOST_FLAGGED and value > best:
            best, rule = value, tried
    scores = np.array([h.strongest(rule) for h in controls])
    fine = [p for p in PARTIAL if np.mean(scores >= p) <= MOST_FALSE]
    return replace(rule, partial=float(max(fine[0] if fine else PARTIAL[-1], rule.enter)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    settings = ModelSettings.from_env()
    detector = AudioDetector.load(settings.models_dir, settings.encoders_dir, threads=args.threads)
    clips = eligible(load_clips(), part="dev")
    made = make_splices(clips, count=args.count, controls=args.count // 2, seed=SEED + 1, read=cached(read_clip))
    heard = []
    for number, (_, splice) in enumerate(made, start=1):
        found = detector.detect(seconds_of(splice.samples))
        heard.append(Heard(splice, found.timeline, found.detection.score))
        if number % 50 == 0:
            print(f"{number}/{args.count + args.count // 2}", flush=True)
    rule = choose(heard)
    judged = [h.judged(rule) for h in heard]
    fakes = [h for h in heard if h.splice.span]
    lines = [f"{key} = {getattr(rule, key):.4f}" for key in ("enter", "leave", "partial", "contrast")]
    OUT.write_text("\n".join(["# Written by training/audio/spans.py; do not edit.", *lines]) + "\n")
    print(*lines, sep="\n")
    print(f"dev frames F1 {float(f1(np.array([frame_counts(j) for j in judged]).sum(axis=0))):.3f}")
    print(f"dev partial fakes with a strong span {np.mean([h.strongest(rule) >= rule.partial for h in fakes]):.3f}")


if __name__ == "__main__":
    main()
