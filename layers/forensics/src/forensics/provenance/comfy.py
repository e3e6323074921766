"""ComfyUI graphs: which checkpoints, which sampler, how many nodes, and whether the picture was generated or edited."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from forensics.domain.evidence import Claim

MAX_NODES: Final = 5000
_MODEL_FILE: Final = re.compile(r"\.(safetensors|ckpt|gguf|sft|pth?|bin)$", re.IGNORECASE)
# CheckpointLoaderSimple, UNETLoader, UnetLoaderGGUF, "Efficient Loader", ...; not LoRA, VAE, CLIP, ControlNet or upscalers.
_LOADER: Final = re.compile(
    r"checkpoint|ckpt|unet|diffusion.?model|efficient loader|loader.*(flux|sdxl)", re.IGNORECASE
)
_MODEL_INPUTS: Final = ("ckpt_name", "unet_name", "base_ckpt_name", "model_name", "gguf_name", "model")
_SAMPLER: Final = re.compile(
    r"ksampler|samplercustom|sampler.*(advanced|efficient|pipe)|sampler$|generat", re.IGNORECASE
)
_SAMPLER_HELPER: Final = re.compile(r"select|scheduler|upscale model", re.IGNORECASE)
_PICTURE_INPUT: Final = re.compile(r"^load ?image|image ?load|loadimage", re.IGNORECASE)
_MASKED: Final = re.compile(r"inpaint|outpaint|setlatentnoisemask|imagepad|fill", re.IGNORECASE)
_AI_FILTER: Final = re.compile(r"upscalemodel|imageupscalewithmodel|facerestore|reactor|faceswap|rembg", re.IGNORECASE)


@dataclass(frozen=True)
class Graph:
    """`claim` is None when the graph neither samples nor restores anything, e.g. a crop of a photo.

    `sampled` is false when it only upscales or restores with a network.
    """

    checkpoints: tuple[str, ...]
    sampler: str | None
    nodes: int
    claim: Claim | None
    sampled: bool


@dataclass(frozen=True)
class _Node:
    kind: str
    fields: Mapping[str, object]
    values: tuple[object, ...]


def read_graph(value: Mapping[str, object] | None) -> Graph | None:
    """Read the API form (id -> class_type, inputs) or the editor form (nodes with widgets_values); None for other JSON."""
    nodes = tuple(_nodes(value or {}))
    if not nodes:
        return None
    checkpoints = dict.fromkeys(name for node in nodes if _LOADER.search(node.kind) for name in _model_files(node))
    samplers = (node.fields.get("sampler_name") for node in nodes)
    sampler = next((s[:40] for s in samplers if isinstance(s, str)), None)
    kinds = [node.kind for node in nodes]
    sampled = any(_SAMPLER.search(k) and not _SAMPLER_HELPER.search(k) for k in kinds)
    return Graph(tuple(checkpoints), sampler, len(nodes), _claim(kinds, sampled=sampled), sampled)


def _nodes(value: Mapping[str, object]) -> Iterator[_Node]:
    listed = value.get("nodes")
    rows = listed if isinstance(listed, list) else list(value.values())
    for row in rows[:MAX_NODES]:
        if not isinstance(row, dict):
            continue
        kind = row.get("class_type") or (row.get("type") if listed is rows else None)
        fields, widgets = row.get("inputs"), row.get("widgets_values")
        if isinstance(kind, str):
            yield _Node(
                kind[:200],
                fields if isinstance(fields, dict) else {},
                tuple(widgets.values() if isinstance(widgets, dict) else widgets if isinstance(widgets, list) else ()),
            )


def _model_files(node: _Node) -> list[str]:
    named = [node.fields.get(key) for key in _MODEL_INPUTS]
    return [v for v in (*named, *node.values) if isinstance(v, str) and _MODEL_FILE.search(v)]


def _claim(kinds: list[str], *, sampled: bool) -> Claim | None:
    if not sampled:
        return Claim.MANIPULATED if any(_AI_FILTER.search(k) for k in kinds) else None
    loads_picture = any(_PICTURE_INPUT.search(k) for k in kinds)
    masked = any(_MASKED.search(k) for k in kinds)
    return Claim.MANIPULATED if loads_picture and masked else Claim.SYNTHETIC
