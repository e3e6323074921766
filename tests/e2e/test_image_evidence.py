"""What a picture says of itself, over HTTP: each kind of evidence gives its verdict and names its generator."""

from __future__ import annotations

import json

import httpx2
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from localcloud.demo import MEDIA
from tests.e2e.conftest import detect, saved
from tests.support.dataset import data_root
from tests.support.signing import Authority, manifest

pytestmark = pytest.mark.e2e

A1111 = (
    "a lighthouse at dusk\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, Size: 320x240, Model: dreamshaper_8"
)
COMFYUI = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 5, "steps": 20, "model": ["4", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd_xl_base_1.0.safetensors"}},
}
WORKFLOW = {"nodes": [{"type": "CheckpointLoaderSimple", "widgets_values": ["sd_xl_base_1.0.safetensors"]}]}
CAMERAS = {  # of the data set's files: camera, format
    "exif/canon_hdr_YES.jpg": ("Canon PowerShot SX60 HS", "jpeg"),
    "exif/jolla.jpg": ("Jolla", "jpeg"),
    "exif_misc/HTC_Desire.webp": ("HTC Desire", "webp"),
    "exif_misc/Nikon_D1X.webp": ("NIKON", "webp"),
}


def png_text(picture: Image.Image, **texts: str) -> bytes:
    info = PngInfo()
    for key, value in texts.items():
        info.add_text(key, value)
    return saved(picture, "PNG", pnginfo=info)


def test_generation_parameters_decide_and_name_the_model(api: httpx2.Client, picture: Image.Image) -> None:
    found = detect(api, png_text(picture, parameters=A1111))
    assert (found.verdict, found.generator) == ("synthetic", "stable-diffusion:dreamshaper-8")
    assert found.confidence >= 0.9
    assert found.provenance.evidence[0].source == "metadata"
    assert found.provenance.metadata is not None
    assert found.provenance.metadata["sampler"] == "Euler a"
    assert found.signals["provenance"] == "declares_synthetic"
    assert "lighthouse" not in found.model_dump_json()  # a prompt is the author's own


def test_a_comfyui_graph_decides_and_names_the_model(api: httpx2.Client, picture: Image.Image) -> None:
    found = detect(api, png_text(picture, prompt=json.dumps(COMFYUI), workflow=json.dumps(WORKFLOW)))
    assert (found.verdict, found.generator) == ("synthetic", "sdxl-v1.0")
    assert found.provenance.metadata is not None
    assert found.provenance.metadata["tool"] == "ComfyUI"


def test_an_invisible_watermark_decides_and_names_the_model(api: httpx2.Client) -> None:
    found = detect(api, (MEDIA / "generated_watermarked.png").read_bytes())
    assert (found.verdict, found.generator) == ("synthetic", "sdxl-v1.0")
    assert found.provenance.watermark is not None
    assert found.provenance.watermark.correlation >= found.provenance.watermark.threshold
    assert found.signals["watermark"] == "SDXL"
    assert found.provenance.evidence[0].source == "watermark"


def test_a_signed_generated_picture_decides_and_names_its_signer(api: httpx2.Client, picture: Image.Image) -> None:
    signer = Authority()("OpenAI OpCo")
    signed = signer.sign(saved(picture, "JPEG"), "image/jpeg", manifest("trainedAlgorithmicMedia"))
    found = detect(api, signed)
    assert found.verdict == "synthetic"
    assert found.generator is not None
    assert found.generator.startswith("openai") or "gpt" in found.generator
    c2pa = found.provenance.c2pa
    assert c2pa is not None
    assert (c2pa.state, c2pa.issuer, c2pa.digital_source_types) == (
        "Valid",
        "OpenAI OpCo",
        ["trainedAlgorithmicMedia"],
    )
    assert found.provenance.digital_source_type == "trainedAlgorithmicMedia"
    assert any("signed by OpenAI OpCo" in reason for reason in found.reasons)


def test_a_signature_over_other_pixels_is_told(api: httpx2.Client, picture: Image.Image) -> None:
    signer = Authority()("Camera maker")
    signed = bytearray(signer.sign(saved(picture, "JPEG"), "image/jpeg", manifest("digitalCapture")))
    signed[-40] ^= 0x55  # in the last rows of the scan
    found = detect(api, bytes(signed))
    assert found.provenance.c2pa is not None
    assert found.provenance.c2pa.state == "Invalid"
    assert any("changed after signing" in item.what for item in found.provenance.evidence)
    assert all(item.strength < 0.9 for item in found.provenance.evidence)


@pytest.mark.dataset
@pytest.mark.parametrize("path", CAMERAS)
def test_a_camera_original_is_not_called_synthetic(api: httpx2.Client, path: str) -> None:
    camera, format = CAMERAS[path]
    found = detect(api, (data_root() / "provenance" / path).read_bytes())
    assert found.verdict != "synthetic"
    assert found.media.format == format
    assert found.provenance.metadata is not None
    assert camera in found.provenance.metadata["camera"]
    assert {item.claim for item in found.provenance.evidence} <= {"captured", "neutral"}
