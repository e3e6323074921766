"""Generation parameters as tools write them, around a prompt that no answer may hold."""

from __future__ import annotations

import json

SECRET = "a very private prompt"
A1111 = f"{SECRET}\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, "


def graph(ckpt: str, *more: str) -> str:
    """Return a ComfyUI graph that loads the checkpoint, with nodes of more kinds."""
    nodes: dict[str, object] = {
        "3": {"class_type": "KSampler", "inputs": {"sampler_name": "euler", "seed": 5}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": ckpt}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": SECRET}},
    }
    return json.dumps(nodes | {str(10 + i): {"class_type": kind, "inputs": {}} for i, kind in enumerate(more)})


NOVELAI = {
    "Software": "NovelAI",
    "Source": "NovelAI Diffusion V4 37442FCA",
    "Description": SECRET,
    "Comment": json.dumps({"prompt": SECRET, "sampler": "k_euler"}),
}
