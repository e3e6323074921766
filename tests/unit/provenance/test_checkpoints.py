"""Generators told by the names and hashes of their checkpoints."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from forensics.provenance import read_provenance
from forensics.provenance.checkpoints import generator_of_checkpoint, normalise_checkpoint


@pytest.mark.parametrize(
    ("name", "generator"),
    [
        ("sd_xl_base_1.0_0.9vae.safetensors", "sdxl-v1.0"),
        ("sd_xl_refiner_1.0.safetensors [7440042bbd]", "sdxl-v1.0"),
        ("models\\v1-5-pruned-emaonly.ckpt", "sd-v1.5"),
        ("sd-v1-4.ckpt", "sd-v1.4"),
        ("v2-1_768-ema-pruned.ckpt", "sd-v2.1"),
        ("512-base-ema.ckpt", "sd-v2.0"),
        ("sd3_medium_incl_clips.safetensors", "sd-v3"),
        ("sd3.5_large_turbo.safetensors", "sd-v3.5-large-turbo"),
        ("flux1-dev-fp8.safetensors", "flux.1-dev"),
        ("FLUX.1-schnell", "flux.1-schnell"),
        ("flux1-kontext-dev-Q4.gguf", "flux.1-kontext"),
        ("svd_xt.safetensors", "svd-xt"),
        ("ponyDiffusionV6XL_v6.safetensors", "sdxl:ponydiffusionv6xl-v6"),
        ("realisticVisionV51_v51VAE", "stable-diffusion:realisticvisionv51-v51vae"),
        ("wan2.1_t2v_1.3B_fp16.safetensors", "wan"),
        ("   ", None),
        (None, None),
    ],
)
def test_checkpoint_names_map_to_generators(name: str | None, generator: str | None) -> None:
    assert generator_of_checkpoint(name) == generator


def test_a_checkpoint_name_keeps_no_path_and_is_short() -> None:
    assert normalise_checkpoint("/home/somebody/models/" + "x" * 300 + ".safetensors") == "x" * 64


@pytest.mark.parametrize(
    ("source", "generator"),
    [
        ("Stable Diffusion 81274D13", "novelai-diffusion-v1"),
        ("Stable Diffusion F1022D28", "novelai-diffusion-v2"),
        ("Stable Diffusion XL C1E1DE52", "novelai-diffusion-v3"),
        ("Stable Diffusion XL 9CC2F394", "novelai-diffusion-furry-v3"),
        ("Stable Diffusion F64BA557", "novelai-diffusion-furry"),
        ("NovelAI Diffusion V4.5 4BDE2A90", "novelai-diffusion-v4.5"),
        ("Stable Diffusion", "novelai"),
    ],
)
def test_novelai_series_are_told_by_their_hashes(png_with: Callable[..., bytes], source: str, generator: str) -> None:
    read = read_provenance(png_with({"Software": "NovelAI", "Source": source}), None)
    assert [e.generator for e in read.evidence] == [generator]
