"""Neural and classic copies of held-out recordings: python -m training.audio.held_out_copies --weights DIR [--count 120]

The same recordings of the test part, resynthesised by each method, against themselves: what is left is the trace of the method. The
methods were met in training, the recordings, voices and rooms were not. Writes models/audio/copies.json for the card.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from forensics.detect.audio_manifest import load_audio_manifest
from forensics.detect.onnx import OnnxModel
from forensics.media.audio import SAMPLE_RATE_HZ, Samples
from forensics.media.speech import model_window, normalise_level, trim_edges
from training.audio.copysynth import Synth, griffin_lim, lpc, world
from training.audio.data import Clip, load_clips, read_clip
from training.audio.neural_copies import LONGEST_S, SHORTEST_S, resemblance
from training.audio.vocoders import load
from training.metrics import auc, bootstrap

MODEL_DIR = Path("models/audio")
OUT = MODEL_DIR / "copies.json"
CLASSIC: dict[str, Synth] = {"WORLD": world, "mel Griffin-Lim": griffin_lim, "LPC": lpc}
NEURAL = {"HiFi-GAN V3": "hifigan_v3", "HiFi-GAN, half width": "hifigan_fr", "FARGAN": "fargan", "DRED codec": "dred"}
LEAST_CORRELATION = 0.9  # classic methods keep less, and are kept whatever they do


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    manifest = load_audio_manifest(MODEL_DIR)
    network = OnnxModel(manifest.network, threads=args.threads)
    rng = np.random.default_rng(0)
    chosen = recordings(args.count, rng)
    parents = [read_clip(c)[: round(LONGEST_S * SAMPLE_RATE_HZ)] for c in chosen]
    real = np.array([logit(network, p) for p in parents])
    methods = [(name, "classic", synth) for name, synth in CLASSIC.items()]
    methods += [(name, "neural", load(key, args.weights, lj_speech=list)) for name, key in NEURAL.items()]
    rows = []
    for name, kind, synth in methods:
        copies = [(n, synth(p, rng)) for n, p in enumerate(parents)]
        kept = [(n, c) for n, c in copies if kind == "classic" or resemblance(parents[n], c)[0] >= LEAST_CORRELATION]
        fake = np.array([logit(network, trim_edges(c)) for _, c in kept])
        scores, labels = np.concatenate([real, fake]), np.repeat([0, 1], [real.size, fake.size])
        sources = np.array([c.page for c in chosen] + [chosen[n].page for n, _ in kept])
        value = bootstrap(auc, scores, labels, sources)
        pairs = float(np.mean(fake > real[[n for n, _ in kept]]))
        found = {"method": name, "kind": kind, "copies": len(kept), "auc": str(value), "pairs_right": round(pairs, 3)}
        rows.append({**found, "model": manifest.version})
        print(rows[-1], flush=True)
    OUT.write_text(json.dumps(rows, indent=1) + "\n")


def recordings(count: int, rng: np.random.Generator) -> list[Clip]:
    """Return recordings of the test part, pages sharing the count by the root of their size."""
    real = [c for c in load_clips() if c.part == "test" and not c.label and c.seconds >= SHORTEST_S]
    sizes = {page: sum(c.page == page for c in real) for page in {c.page for c in real}}
    odds = np.array([sizes[c.page] ** -0.5 for c in real])
    return [real[i] for i in rng.choice(len(real), min(count, len(real)), replace=False, p=odds / odds.sum())]


def logit(network: OnnxModel, samples: Samples) -> float:
    """Return the network's raw logit of a clip's first window."""
    return float(network.run({"samples": model_window(normalise_level(samples))[None]}, outputs=["logit"])["logit"][0])


if __name__ == "__main__":
    main()
