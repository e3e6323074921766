"""Generation parameters of every supported tool in PNG text; never a prompt in the answer."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from forensics.domain.evidence import Claim
from forensics.provenance import read_provenance
from tests.support.parameters import A1111, NOVELAI, SECRET, graph

TOOLS = {
    "a1111_sdxl": (
        {"parameters": A1111 + "Model: sd_xl_base_1.0, Version: v1.9.0"},
        "Stable Diffusion WebUI",
        "sdxl-v1.0",
    ),
    "a1111_hash_only": ({"parameters": A1111 + "Model hash: 6ce0161689"}, "Stable Diffusion WebUI", "sd-v1.5"),
    "a1111_no_model": ({"parameters": A1111.rstrip(", ")}, "Stable Diffusion WebUI", "stable-diffusion"),
    "a1111_finetune": (
        {"parameters": A1111 + "Model: dreamshaper_8"},
        "Stable Diffusion WebUI",
        "stable-diffusion:dreamshaper-8",
    ),
    "forge_flux": (
        {"parameters": A1111 + "Model: flux1-dev-bnb-nf4, Version: f2.0.1v1.10"},
        "Stable Diffusion WebUI Forge",
        "flux.1-dev",
    ),
    "sdcpp": (
        {"parameters": A1111 + "Model: , RNG: cuda, Version: stable-diffusion.cpp"},
        "stable-diffusion.cpp",
        "stable-diffusion.cpp",
    ),
    "comfy_sd15": ({"prompt": graph("v1-5-pruned-emaonly.safetensors")}, "ComfyUI", "sd-v1.5"),
    "comfy_nan": (
        {"prompt": graph("sd_xl_base_1.0.safetensors").replace('"seed": 5', '"seed": NaN')},
        "ComfyUI",
        "sdxl-v1.0",
    ),
    "comfy_workflow": (
        {
            "workflow": json.dumps(
                {
                    "nodes": [
                        {"type": "UNETLoader", "widgets_values": ["flux1-schnell.safetensors", "default"]},
                        {"type": "SamplerCustomAdvanced", "widgets_values": []},
                    ]
                }
            )
        },
        "ComfyUI",
        "flux.1-schnell",
    ),
    "invoke_3": (
        {
            "invokeai_metadata": json.dumps(
                {
                    "positive_prompt": SECRET,
                    "model": {"model_name": "stable-diffusion-xl-base-1-0"},
                    "scheduler": "euler",
                }
            )
        },
        "InvokeAI",
        "sdxl-v1.0",
    ),
    "invoke_2": (
        {
            "sd-metadata": json.dumps(
                {"model_weights": "stable-diffusion-1.5", "image": {"prompt": SECRET, "sampler": "ddim"}}
            )
        },
        "InvokeAI",
        "sd-v1.5",
    ),
    "invoke_15": (
        {
            "sd-metadata": json.dumps(
                {"model": "stable diffusion", "model_id": "stable-diffusion-1.4", "image": {"type": "img2img"}}
            )
        },
        "InvokeAI",
        "sd-v1.4",
    ),
    "invoke_1": (
        {"Dream": f'"{SECRET}" -s 50 -S 2980747362 -W 512 -H 768 -C 5 -A k_lms'},
        "InvokeAI",
        "stable-diffusion",
    ),
    "novelai": (NOVELAI, "NovelAI", "novelai-diffusion-v4"),
    "fooocus": (
        {
            "fooocus_scheme": "fooocus",
            "parameters": json.dumps(
                {"base_model": "juggernautXL_v8Rundiffusion", "prompt": SECRET, "sampler": "dpmpp_2m"}
            ),
        },
        "Fooocus",
        "sdxl:juggernautxl-v8rundiffusion",
    ),
    "swarm": (
        {
            "parameters": json.dumps(
                {"sui_image_params": {"prompt": SECRET, "model": "OfficialStableDiffusion/sd_xl_base_1.0"}}
            )
        },
        "SwarmUI",
        "sdxl-v1.0",
    ),
    "easy": (
        {"use_stable_diffusion_model": "sd-v1-4", "prompt": SECRET, "sampler_name": "euler_a"},
        "Easy Diffusion",
        "sd-v1.4",
    ),
    "midjourney": (
        {"Description": f"{SECRET} --ar 3:2 --v 6 Job ID: 0f1c2d3e-1111-2222-3333-444455556666"},
        "Midjourney",
        "midjourney",
    ),
}


@pytest.mark.parametrize("case", TOOLS)
def test_png_text_names_tool_and_generator_but_no_prompt(png_with: Callable[..., bytes], case: str) -> None:
    texts, tool, generator = TOOLS[case]
    read = read_provenance(png_with(texts), None)
    assert [(e.claim, e.generator) for e in read.evidence] == [(Claim.SYNTHETIC, generator)]
    assert read.metadata is not None
    assert (read.metadata["tool"], read.metadata["prompt"]) == (tool, "present")
    assert SECRET not in repr(read)
    assert read.warnings == ()
