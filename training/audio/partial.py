"""Measure partial fakes: python -m training.audio.partial [--part test] [--count 500] [--controls 250] [--out PATH]

Makes recordings with one synthetic stretch of 1 to 6 s, and controls without any, from held-out pages (training.audio.splices),
has the detector that is served judge them, and writes one JSON with everything that `section` tells. 500 and 250 take about five
minutes of one core. Needs AUDIO_EXTRA.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from forensics.detect.audio import AudioDetector
from forensics.domain.evidence import Provenance
from forensics.domain.verdict import decide
from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.settings import ModelSettings
from training.audio.data import load_clips, read_clip
from training.audio.span_metrics import (
    FRAME_S,
    LEAST_IOU,
    Judged,
    f1,
    frame_counts,
    interval,
    precision,
    recall,
    share,
    span_counts,
)
from training.audio.splices import FAKE, REAL_SPLICE, WHOLE, Splice, cached, eligible, make_splices
from training.metrics import Interval

OUT = Path("models/audio/partial.json")
FOUND = ("synthetic", "manipulated")
LENGTHS_S = ((1.0, 2.0), (2.0, 4.0), (4.0, 6.5))
SEED = 20261122
_TOLD_EVERY = 50
HEAD = """\
## Partial fakes (`training.audio.partial`)

Model {model}, {part} pages: {fakes} recordings of 12 to 40 s with one synthetic stretch of 1 to 6 s, and {controls} without;
{minutes} minutes in all, {synthetic_minutes} of them synthetic. A recording is joined from a page's clips nearest in long-term
spectrum (not every page names its speakers). The stretch is of a system on the same page, at one level, with cross-fades of 10 ms
at quiet moments; it replaces as much of the recording or stands between. Half the controls hold a stretch of another recording in
the same way, so that a joint alone is no sign. Brackets are 95 % intervals over {fake_sources} redrawn sources (a system on
its page).
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("test", "dev"), default="test")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--controls", type=int)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    controls = args.count // 2 if args.controls is None else args.controls
    settings = ModelSettings.from_env()
    detector = AudioDetector.load(settings.models_dir, settings.encoders_dir, threads=args.threads)
    clips = eligible(load_clips(), part=args.part)
    made = make_splices(clips, count=args.count, controls=controls, seed=args.seed, read=cached(read_clip))
    judged = list(judge(detector, (splice for _, splice in made), total=args.count + controls))
    result = {"part": args.part, "seed": args.seed, "model": detector.manifest.version, **report(judged)}
    args.out.write_text(json.dumps(result, indent=1) + "\n")
    print(section(result))


def judge(detector: AudioDetector, splices: Iterable[Splice], *, total: int) -> Iterator[Judged]:
    """Yield what the served detector and the served rule make of each recording."""
    for number, splice in enumerate(splices, start=1):
        heard = detector.detect(seconds_of(splice.samples))
        verdict = decide(heard.detection, Provenance(), strict=False).verdict.value
        flagged = tuple((s.start, s.end) for s in heard.segments)
        yield Judged(splice.source, splice.kind, splice.seconds, splice.span, flagged, verdict)
        if number % _TOLD_EVERY == 0:
            print(f"{number}/{total}", flush=True)


def seconds_of(samples: Samples) -> Iterator[Samples]:
    """Yield mono samples (n,) as blocks (1, one second)."""
    for start in range(0, samples.size, SAMPLE_RATE_HZ):
        yield samples[None, start : start + SAMPLE_RATE_HZ]


def report(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return all figures as JSON: each is [value, low, high]."""
    fakes = [j for j in judged if j.kind == FAKE]
    controls = [j for j in judged if j.kind != FAKE]
    return {
        "fakes": len(fakes),
        "controls": len(controls),
        "fake_sources": len({j.source for j in fakes}),
        "minutes": round(sum(j.seconds for j in judged) / 60, 1),
        "synthetic_minutes": round(sum(_length(j) for j in fakes) / 60, 1),
        "all": _spans(judged) | {"flagging_everything_f1": _flag_everything(judged)},
        "partial_fakes": _verdicts(fakes),
        "by_length": {
            f"{low:g}-{min(high, 6):g} s": _spans(some) | _verdicts(some) | {"fakes": len(some)}
            for low, high in LENGTHS_S
            if (some := [j for j in fakes if low <= _length(j) < high])
        },
        "controls_by_kind": {
            kind: _verdicts(some) | {"recordings": len(some)}
            for kind in (WHOLE, REAL_SPLICE)
            if (some := [j for j in controls if j.kind == kind])
        },
    }


def section(result: Mapping[str, Any]) -> str:
    """Return the section of docs/models/audio.md about partial fakes, from what `report` gave."""
    spans, verdicts = result["all"], result["partial_fakes"]
    lengths = "".join(
        f"| {name} | {row['fakes']} | {_text(row['frame_recall'])} | {_text(row['span_recall'])} | {_text(row['found'])} |\n"
        for name, row in result["by_length"].items()
    )
    controls = "".join(
        f"| {name} | {row['recordings']} | {_text(row['found'])} | {_text(row['flagged'])} |\n"
        for name, row in result["controls_by_kind"].items()
    )
    head = HEAD.format(**result)
    return f"""\
{head}
| measure | value |
|---|---|
| F1 of {FRAME_S:g} s frames | {_text(spans["frame_f1"])} |
| precision, recall of frames | {_text(spans["frame_precision"])}, {_text(spans["frame_recall"])} |
| F1 of frames if everything were flagged | {spans["flagging_everything_f1"]:.3f} |
| F1 of spans (overlap over union of {LEAST_IOU:g} or more) | {_text(spans["span_f1"])} |
| precision, recall of spans | {_text(spans["span_precision"])}, {_text(spans["span_recall"])} |
| partial fakes called manipulated or synthetic | {_text(verdicts["found"])} |
| … manipulated | {_text(verdicts["manipulated"])} |
| … authentic | {_text(verdicts["authentic"])} |

| synthetic stretch | recordings | recall of frames | recall of spans | called manipulated or synthetic |
|---|---|---|---|---|
{lengths}
| control | recordings | called manipulated or synthetic | with a flagged span |
|---|---|---|---|
{controls}"""


def _spans(judged: Sequence[Judged]) -> dict[str, list[float]]:
    sources = [j.source for j in judged]
    counts = {"frame": [frame_counts(j) for j in judged], "span": [span_counts(j) for j in judged]}
    metrics = {"f1": f1, "precision": precision, "recall": recall}
    return {
        f"{unit}_{name}": _numbers(interval(metric, rows, sources))
        for unit, rows in counts.items()
        for name, metric in metrics.items()
    }


def _verdicts(judged: Sequence[Judged]) -> dict[str, list[float]]:
    wanted = {
        "found": [j.verdict in FOUND for j in judged],
        "manipulated": [j.verdict == "manipulated" for j in judged],
        "authentic": [j.verdict == "authentic" for j in judged],
        "flagged": [bool(j.flagged) for j in judged],
    }
    sources = [j.source for j in judged]
    return {
        name: _numbers(interval(share, [(float(hit), 1.0) for hit in hits], sources)) for name, hits in wanted.items()
    }


def _flag_everything(judged: Sequence[Judged]) -> float:
    synthetic = sum(_length(j) for j in judged)
    return 2 * synthetic / max(synthetic + sum(j.seconds for j in judged), 1e-9)


def _length(judged: Judged) -> float:
    return judged.truth[1] - judged.truth[0] if judged.truth else 0.0


def _numbers(found: Interval) -> list[float]:
    return [round(found.value, 4), round(found.low, 4), round(found.high, 4)]


def _text(numbers: Sequence[float]) -> str:
    return str(Interval(*numbers))


if __name__ == "__main__":
    main()
