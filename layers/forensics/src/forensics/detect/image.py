"""The image detector: views of the picture -> networks -> calibrated scores -> one Detection."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.detect.encoders import read_encoders
from forensics.detect.heat import as_regions, paint
from forensics.detect.manifest import Attribution, Guards, ModelManifest, StageSpec, load_manifest
from forensics.detect.onnx import Array, OnnxModel
from forensics.detect.signals import SignalRanges, measure_signals
from forensics.domain.scores import Detection, ModelScore
from forensics.media.tensors import Box, native_crops, square_view, to_tensor, working_copy

MODEL_DIRECTORY = "image"
# What a stage's network may return: `logit` (n,), `patches` (n, rows, cols) logits, `distance` (n,), `families` (n, k).
LOGIT, PATCHES, DISTANCE, FAMILIES, ALTERED = "logit", "patches", "distance", "families", "altered"
LOOKS_ALTERED = "the picture looks altered rather than made as a whole"


@dataclass(frozen=True)
class StageResult:
    """One network's answer: calibrated logit, patch logits of each view and where the views lie in the working copy.

    `altered` is how much of the logit speaks of a picture that was altered, not made as a whole, 0..1.
    """

    spec: StageSpec
    logit: float
    patches: Array  # (n, rows, cols)
    boxes: tuple[Box, ...]
    distance: float
    families: Array | None  # (k,) probabilities
    altered: float
    latency_ms: int

    @property
    def score(self) -> float:
        return sigmoid(self.logit)


class ImageDetector:
    """All sessions of the image model; safe to call from several threads."""

    def __init__(
        self,
        manifest: ModelManifest,
        networks: Mapping[str, OnnxModel],
        encoders: Mapping[str, OnnxModel],
        ranges: SignalRanges,
    ) -> None:
        self.manifest = manifest
        self._networks = networks
        self._encoders = encoders
        self._ranges = ranges

    @classmethod
    def load(cls, models_dir: Path, encoders_dir: Path, *, threads: int = 1) -> ImageDetector:
        """Load models_dir/image and the encoders it names.

        Raises EncoderMissing or ModelUnavailable, whose detail names the file and `make setup`.
        """
        manifest = load_manifest(models_dir / MODEL_DIRECTORY)
        specs = read_encoders(models_dir)
        needed = {stage.encoder for stage in manifest.stages if stage.encoder}
        encoders = {name: OnnxModel(specs[name].located(encoders_dir), threads=threads) for name in sorted(needed)}
        networks = {stage.name: OnnxModel(stage.path, threads=threads) for stage in manifest.stages}
        return cls(manifest, networks, encoders, SignalRanges.load(models_dir / MODEL_DIRECTORY / "signals.toml"))

    def detect(self, rgb: NDArray[np.uint8]) -> Detection:
        """Score one decoded picture, uint8 (height, width, 3), both sides at least one pixel."""
        working = working_copy(rgb)
        results = [self._run(spec, working) for spec in self.manifest.stages]
        fused = sigmoid(self.manifest.bias + sum(r.spec.weight * r.logit for r in results))
        leans_fake = fused >= self.manifest.strict.thresholds.synthetic
        altered = leans_fake and _deciding(results).altered > 0.5  # the louder of the head's two voices
        return Detection(
            score=fused,
            normal=self.manifest.normal,
            strict=self.manifest.strict,
            models=tuple(_model_score(r, self.manifest.version) for r in results),
            signals=measure_signals(working, self._ranges),
            regions=as_regions(_deciding(results).patches, _deciding(results).boxes, rgb.shape, working.shape)
            if leans_fake
            else (),
            reasons=guard_reasons(rgb, results, self.manifest.guards),
            generator=_family(results, self.manifest.attribution) if leans_fake else None,
            manipulated=altered,
            says=LOOKS_ALTERED if altered else None,
        )

    def heatmap(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return P(fake) of each patch by the deciding model: float32 (rows, cols), row 0 on top, covering the picture."""
        working = working_copy(rgb)
        result = _deciding([self._run(spec, working) for spec in self.manifest.stages])
        return paint(result.patches, result.boxes, width=working.shape[1], height=working.shape[0])

    def _run(self, spec: StageSpec, working: NDArray[np.uint8]) -> StageResult:
        started = time.perf_counter()
        views, boxes = stage_views(working, spec)
        raw = self._network(spec, to_tensor(views, norm=spec.norm))
        logit = spec.slope * float(np.mean(raw[LOGIT])) + spec.intercept
        return StageResult(
            spec=spec,
            logit=logit,
            patches=(spec.slope * raw[PATCHES] + spec.intercept).astype(np.float32),
            boxes=boxes,
            distance=float(np.mean(raw[DISTANCE])) if DISTANCE in raw else 0.0,
            families=np.mean(raw[FAMILIES], axis=0) if FAMILIES in raw else None,
            altered=float(np.mean(raw[ALTERED])) if ALTERED in raw else 0.0,
            latency_ms=round((time.perf_counter() - started) * 1000),
        )

    def _network(self, spec: StageSpec, tensor: Array) -> dict[str, Array]:
        network = self._networks[spec.name]
        if spec.encoder is None:
            (name,) = network.inputs
            return network.run({name: tensor})
        encoder = self._encoders[spec.encoder]
        (name,) = encoder.inputs
        features = encoder.run({name: tensor})
        return network.run({wanted: features[wanted] for wanted in network.inputs})


def stage_views(working: NDArray[np.uint8], spec: StageSpec) -> tuple[NDArray[np.uint8], tuple[Box, ...]]:
    """Return what a stage looks at: uint8 (n, side, side, 3), and the boxes of the views in pixels of `working`."""
    if spec.view == "square":
        side = min(working.shape[:2])
        box = Box((working.shape[1] - side) // 2, (working.shape[0] - side) // 2, side, side)
        return square_view(working, side=spec.side)[None], (box,)
    crops, boxes, zoom = native_crops(working, side=spec.side, most=spec.most)
    return crops, tuple(Box(*(round(v / zoom) for v in (b.x, b.y, b.w, b.h))) for b in boxes)


def guard_reasons(rgb: NDArray[np.uint8], results: list[StageResult], guards: Guards) -> tuple[str, ...]:
    """Return why the score is not worth a verdict: low_resolution, out_of_distribution, models_disagree."""
    scores = [r.score for r in results]
    flat = float(rgb[::4, ::4].std()) < guards.flattest_std
    checks = {
        "low_resolution": min(rgb.shape[:2]) < guards.smallest_side_px,
        "out_of_distribution": flat or max(r.distance for r in results) > guards.largest_distance,
        "models_disagree": max(scores) - min(scores) > guards.largest_disagreement,
    }
    return tuple(reason for reason, holds in checks.items() if holds)


def sigmoid(logit: float) -> float:
    """Return 1 / (1 + e^-logit), safe at both ends."""
    return float(1.0 / (1.0 + np.exp(-np.clip(logit, -60.0, 60.0))))


def _deciding(results: list[StageResult]) -> StageResult:
    return max(results, key=lambda r: r.spec.weight * r.logit)


def _family(results: list[StageResult], attribution: Attribution | None) -> str | None:
    votes = next((r.families for r in results if r.families is not None), None)
    return None if attribution is None or votes is None else attribution.name(votes)


def _model_score(result: StageResult, version: str) -> ModelScore:
    name = f"{MODEL_DIRECTORY}-{result.spec.name}"
    return ModelScore(name=name, version=version, score=result.score, status="ok", latency_ms=result.latency_ms)
