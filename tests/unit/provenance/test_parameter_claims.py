"""What generation parameters claim: a picture made, a picture changed, or nothing at all."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from forensics.domain.evidence import Claim
from forensics.provenance import read_provenance
from tests.support.parameters import A1111, graph


@pytest.mark.parametrize(
    ("texts", "claim"),
    [
        ({"parameters": A1111 + "Denoising strength: 0.7, Mask blur: 4"}, Claim.MANIPULATED),
        ({"parameters": A1111 + "Model: sd-v1-5-inpainting, Denoising strength: 0.7"}, Claim.MANIPULATED),
        ({"parameters": A1111 + "Denoising strength: 0.7"}, Claim.SYNTHETIC),
        ({"parameters": A1111 + "Denoising strength: 0.7, Hires upscale: 2"}, Claim.SYNTHETIC),
        ({"prompt": graph("sd15.safetensors", "LoadImage", "VAEEncode")}, Claim.SYNTHETIC),
        ({"prompt": graph("sd15.safetensors", "LoadImage", "VAEEncodeForInpaint")}, Claim.MANIPULATED),
        ({"prompt": graph("sd15.safetensors", "VAEEncodeForInpaint")}, Claim.SYNTHETIC),
        ({"invokeai_metadata": json.dumps({"generation_mode": "inpaint", "model": {"name": "x"}})}, Claim.MANIPULATED),
    ],
)
def test_only_a_mask_over_a_picture_makes_it_manipulated(
    png_with: Callable[..., bytes], texts: dict[str, str], claim: Claim
) -> None:
    assert [e.claim for e in read_provenance(png_with(texts), None).evidence] == [claim]


@pytest.mark.parametrize(
    "texts",
    [
        {"Software": "gnome-screenshot"},
        {"Comment": "Steps: take one, then two", "Description": "OpenAI's office, painted by Dalí"},
        {"parameters": "gain=2", "prompt": "What is your name?", "workflow": "invoice approval"},
        {"prompt": json.dumps({"1": {"class_type": "LoadImage", "inputs": {}}, "2": {"class_type": "SaveImage"}})},
        {"Software": "Procesador de imagen", "Author": "Sora Leonardo"},
        {"parameters": "[" * 100_000, "prompt": "{" * 100_000},
    ],
)
def test_ordinary_text_is_no_evidence(png_with: Callable[..., bytes], texts: dict[str, str]) -> None:
    assert read_provenance(png_with(texts), None).evidence == ()


def test_an_upscaled_picture_is_weak_evidence_of_editing(png_with: Callable[..., bytes]) -> None:
    read = read_provenance(
        png_with({"postprocessing": "Postprocess upscale by: 4, Postprocess upscaler: R-ESRGAN 4x+"}), None
    )
    assert [(e.claim, e.generator) for e in read.evidence] == [(Claim.MANIPULATED, None)]
    assert read.evidence[0].strength < 0.9
