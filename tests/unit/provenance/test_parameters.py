"""Generation parameters of every supported tool, in PNG text, EXIF and XMP; never a prompt in the answer."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from forensics.domain.evidence import Claim
from forensics.media.image import decode_image
from forensics.provenance import read_provenance
from forensics.provenance.checkpoints import generator_of_checkpoint, normalise_checkpoint

SECRET = "a very private prompt"
A1111 = f"{SECRET}\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, "


def graph(ckpt: str, *more: str) -> str:
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


@pytest.mark.parametrize("kind", ["zTXt", "iTXt", "iTXt packed"])
def test_every_text_chunk_kind_is_read(png_with: Callable[..., bytes], kind: str) -> None:
    text = (A1111 + "Model: sd_xl_base_1.0").encode()
    chunks = {
        "zTXt": (b"zTXt", b"parameters\x00\x00" + zlib.compress(text)),
        "iTXt": (b"iTXt", b"parameters\x00\x00\x00\x00\x00" + text),
        "iTXt packed": (b"iTXt", b"parameters\x00\x01\x00\x00\x00" + zlib.compress(text)),
    }
    assert read_provenance(png_with(raw=(chunks[kind],)), None).evidence[0].generator == "sdxl-v1.0"


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
@pytest.mark.parametrize("charset", ["utf-16-be", "utf-16-le"])
def test_a1111_user_comment_is_read_in_both_byte_orders(
    encode: Callable[..., bytes], format: str, charset: str
) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\x00" + (A1111 + "Model: v1-5-pruned").encode(charset)
    read = read_provenance(encode(format, exif=exif), None)
    assert (read.evidence[0].claim, read.evidence[0].generator) == (Claim.SYNTHETIC, "sd-v1.5")


def test_comfyui_webp_hides_its_graph_in_make_and_model(encode: Callable[..., bytes]) -> None:
    exif = Image.Exif()
    exif[0x0110] = "prompt:" + graph("sd_xl_base_1.0.safetensors")
    read = read_provenance(encode("WEBP", exif=exif), None)
    assert read.evidence[0].generator == "sdxl-v1.0"
    assert "camera" not in (read.metadata or {})


def test_draw_things_hides_json_in_xmp(png_with: Callable[..., bytes]) -> None:
    value = json.dumps({"c": SECRET, "uc": "", "model": "sd_xl_base_1.0_f16.ckpt", "sampler": "Euler"}).replace(
        '"', "&quot;"
    )
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/"><exif:UserComment><rdf:Alt>'
        f"<rdf:li>{value}</rdf:li></rdf:Alt></exif:UserComment></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    read = read_provenance(png_with(raw=((b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + packet.encode()),)), None)
    assert read.metadata is not None
    assert (read.metadata["tool"], read.evidence[0].generator) == ("Draw Things", "sdxl-v1.0")


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


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("mode", ["alpha", "rgb"])
def test_stealth_parameters_are_found_in_the_lowest_bits(scene: NDArray[np.uint8], mode: str, packed: bool) -> None:
    body = json.dumps(NOVELAI).encode()
    body = gzip.compress(body) if packed else body
    name = f"stealth_{'png' if mode == 'alpha' else 'rgb'}{'comp' if packed else 'info'}".encode()
    message = name + (8 * len(body)).to_bytes(4, "big") + body
    bits = np.unpackbits(np.frombuffer(message, dtype=np.uint8))
    pixels = np.dstack((scene, np.full(scene.shape[:2], 254, dtype=np.uint8)))  # (height, width, 4)
    plane = pixels[..., 3:] if mode == "alpha" else pixels[..., :3]
    columns = plane.transpose(1, 0, 2).copy()
    columns.reshape(-1)[: bits.size] = (columns.reshape(-1)[: bits.size] & 254) | bits
    hidden = columns.transpose(1, 0, 2)
    picture = np.dstack((scene, hidden)) if mode == "alpha" else hidden
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    read = read_provenance(out.getvalue(), decode_image(out.getvalue()))
    assert [e.generator for e in read.evidence] == ["novelai-diffusion-v4"]


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
