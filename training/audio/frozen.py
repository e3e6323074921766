"""What frozen features are worth: python -m training.audio.frozen --whisper MODEL.bin --width 512

Pools the first layers of a Whisper encoder (and two baselines: band energies, LFCC statistics; and a speaker encoder's states)
over every window of a view, keeps them under AUDIO_EXTRA/features/, and scores linear models and gradient boosting on pages and
systems that were not trained on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.audio.data import Clip, extra_dir, load_clips, weights
from training.audio.early_whisper import EarlyWhisper, LogMel, load_whisper, pooled
from training.audio.evaluate import clip_scores, report
from training.audio.lfcc import lfcc_features
from training.audio.speaker_encoder import load_speaker_encoder
from training.audio.spectra import ShortTimeSpectrum
from training.audio.textures import textures
from training.audio.views import INT16, open_view

BATCH = 16
Floats = NDArray[np.float32]
Extract = Callable[[Floats], Floats]


def whisper_features(path: Path, *, width: int, layers: int) -> Extract:
    """Return windows (n, samples) -> pooled states (n, 3 * (layers + 1) * width)."""
    encoder = EarlyWhisper(width, layers=layers).eval()
    load_whisper(encoder, path)
    spectrum = ShortTimeSpectrum().eval()

    @torch.no_grad()
    def extract(windows: Floats) -> Floats:
        return np.asarray(pooled(encoder(spectrum(torch.from_numpy(windows)))).numpy())

    return extract


def speaker_features(path: Path) -> Extract:
    """Return windows (n, samples) -> states and embedding of a speaker encoder (n, SIZE)."""
    encoder = load_speaker_encoder(path)

    @torch.no_grad()
    def extract(windows: Floats) -> Floats:
        return np.asarray(encoder(torch.from_numpy(windows)).numpy())

    return extract


def band_features() -> Extract:
    """Return windows -> mean and deviation of 80 log-mel bands: (n, 160)."""
    spectrum, mel = ShortTimeSpectrum().eval(), LogMel().eval()

    @torch.no_grad()
    def extract(windows: Floats) -> Floats:
        log = mel(spectrum(torch.from_numpy(windows))).numpy()
        return np.concatenate([log.mean(axis=2), log.std(axis=2)], axis=1)

    return extract


def features(name: str, extract: Extract, part: str, view: str) -> tuple[list[str], Floats]:
    """Return the clip path of every row and its features, computed once and kept."""
    paths, windows = open_view(part, view)
    kept = extra_dir() / "features" / f"{name}-{part}-{view}.npy"
    if kept.is_file() and (old := np.load(kept)).shape[0] == len(paths):
        return paths, old
    kept.parent.mkdir(exist_ok=True)
    steps = range(0, len(paths), BATCH)
    made = np.concatenate([extract(windows[i : i + BATCH].astype(np.float32) / INT16) for i in steps])
    np.save(kept, made)
    return paths, made


def linear() -> object:
    """A standardised logistic regression, strongly regularised."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.002, max_iter=100))


def boosting() -> HistGradientBoostingClassifier:
    """Gradient-boosted trees, every split on a third of the features."""
    return HistGradientBoostingClassifier(
        max_iter=300, learning_rate=0.06, max_leaf_nodes=15, l2_regularization=1.0, max_features=0.3, random_state=0
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whisper", type=Path, help="for convolutions-linear and layers-linear")
    parser.add_argument("--speaker", type=Path, help="for speaker-linear")
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--views", nargs="+", default=["0"])
    parser.add_argument("--test", nargs="+", default=["clean"])
    parser.add_argument("--only", nargs="*", default=["band-gbm", "lfcc-gbm", "convolutions-linear"])
    args = parser.parse_args()
    torch.set_num_threads(1)
    models: dict[str, tuple[str, Callable[[], Extract], Callable[[], object]]] = {
        "band-gbm": ("band", band_features, boosting),
        "lfcc-gbm": ("lfcc", lambda: lfcc_features, boosting),
        "figures-gbm": ("textures", lambda: textures, boosting),
        "convolutions-linear": (
            f"conv{args.width}",
            lambda: whisper_features(args.whisper, width=args.width, layers=0),
            linear,
        ),
        "layers-linear": (
            f"whisper{args.width}",
            lambda: whisper_features(args.whisper, width=args.width, layers=2),
            linear,
        ),
        "speaker-linear": ("speaker", lambda: speaker_features(args.speaker), linear),
    }
    given = {"convolutions-linear": args.whisper, "layers-linear": args.whisper, "speaker-linear": args.speaker}
    if lacking := [name for name in args.only if name in given and given[name] is None]:
        parser.error(f"no weights given for {', '.join(lacking)}")
    clips = {str(c.path): c for c in load_clips()}
    for name in args.only:
        kind, make, build = models[name]
        extract = make()
        parts = [features(kind, extract, "train", view) for view in args.views]
        usable = [np.array([p in clips and clips[p].part == "train" for p in paths]) for paths, _ in parts]
        x = np.concatenate([f[keep] for (_, f), keep in zip(parts, usable, strict=True)])
        trained: list[Clip] = [clips[p] for paths, _ in parts for p in paths if p in clips and clips[p].part == "train"]
        model = build()
        weight = weights(trained) * len(trained)
        step = "logisticregression__sample_weight" if name.endswith("linear") else "sample_weight"
        model.fit(x, [c.label for c in trained], **{step: weight})  # type: ignore[attr-defined]
        for part, view in (("dev", "clean"), *(("test", v) for v in args.test)):
            paths, values = features(kind, extract, part, view)
            fake = np.clip(model.predict_proba(values)[:, 1], 1e-6, 1 - 1e-6)  # type: ignore[attr-defined]
            scored, means = clip_scores(paths, np.log(fake / (1 - fake)), clips)
            print(f"{name} {part} {view}: {report(scored, means, {c.system for c in trained})}", flush=True)


if __name__ == "__main__":
    main()
