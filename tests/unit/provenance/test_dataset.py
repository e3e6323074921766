"""Real files: 83 of known provenance, and every picture of the training set. Needs the data set."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from forensics.domain.errors import DetectorError
from forensics.domain.evidence import Claim, Provenance
from forensics.domain.verdict import DECISIVE_STRENGTH
from forensics.media.image import DecodedImage, decode_image
from forensics.provenance import read_provenance

pytestmark = pytest.mark.dataset

FAKES = (Claim.SYNTHETIC, Claim.MANIPULATED)
# Facts of the files that the manifest's own reading does not hold: tool and generator id.
A1111_SAMPLE = "sd_parsers/tests_resources_parsers_AUTOMATIC1111_automatic1111_"
GENERATORS = {
    "a1111/images_inpaint-whole-yes.png": "stable-diffusion",
    "comfyui/img2img_img2img_workflow.png": "sd-v1.5",
    "comfyui/area_composition_workflow_night_evening_day_morning.png": "stable-diffusion:anything-v3.0",
    "comfyui_webp/wan_text_to_video_wan.webp": "wan",
    "sdcpp/assets_flux_flux1-dev-q3_k.png": "stable-diffusion.cpp",
    "sd_parsers/tests_resources_parsers_InvokeAI_invokeai_dream1.png": "stable-diffusion",
    "sd_parsers/tests_resources_parsers_NovelAI_novelai1_cropped.png": "novelai-diffusion-v1",
    A1111_SAMPLE + "cropped.jpg": "stable-diffusion:realistic-realisticvisionv20-v20",
    A1111_SAMPLE + "stealth.png": "stable-diffusion:realisticvisionv51-v51vae",
    "c2pa/fake_digital_source/home1.jpg": "adobe-firefly",
}


def pixels_of(data: bytes) -> DecodedImage | None:
    try:
        return decode_image(data)
    except DetectorError:  # PDF, SVG and video lie among the files
        return None


@pytest.fixture(scope="module")
def readings(data_root: Path) -> dict[str, tuple[dict[str, str], Provenance]]:
    folder = data_root / "provenance"
    rows = list(csv.DictReader((folder / "manifest.csv").read_text().splitlines()))
    assert len(rows) == 83
    files = ((row, (folder / row["path"]).read_bytes()) for row in rows)
    return {row["path"]: (row, read_provenance(data, pixels_of(data))) for row, data in files}


def test_c2pa_agrees_with_the_library_on_every_file(readings: dict[str, tuple[dict[str, str], Provenance]]) -> None:
    for path, (row, read) in readings.items():
        expected = json.loads(row["expected"])
        if row["c2pa"] == "absent":
            assert read.c2pa is None, path
        elif row["c2pa"] == "error":
            assert read.warnings, path
            assert read.c2pa is None or read.c2pa.state == "unreadable", path
        else:
            facts = read.c2pa
            assert facts is not None, path
            assert (facts.state, facts.issuer, facts.generator) == (row["state"], row["issuer"], row["generator"]), path
            assert sorted(facts.digital_source_types) == expected["dst"], path
            assert list(facts.validation_codes) == expected["codes"], path


def test_parameters_and_cameras_agree_with_the_manifest(readings: dict[str, tuple[dict[str, str], Provenance]]) -> None:
    for path, (row, read) in readings.items():
        expected, metadata = json.loads(row["expected"]), read.metadata or {}
        if comfy := expected.get("comfyui"):
            assert (metadata["tool"], metadata["nodes"]) == ("ComfyUI", str(comfy["nodes"])), path
            assert metadata["model"] in comfy["ckpt"], path
        if a1111 := expected.get("a1111"):
            assert metadata["sampler"] == a1111["sampler"], path
            assert metadata.get("model") == a1111["model"], path
        camera = expected.get("camera")
        if camera and not camera["make"].startswith("workflow:"):
            assert camera["model"] in metadata["camera"], path


def test_the_expected_files_and_no_others_are_called_fake(
    readings: dict[str, tuple[dict[str, str], Provenance]],
) -> None:
    for path, (row, read) in readings.items():
        expected = json.loads(row["expected"])
        decisive = [e for e in read.evidence if e.claim in FAKES and e.strength >= DECISIVE_STRENGTH]
        made = path in GENERATORS or "a1111" in expected or "comfyui" in expected
        assert bool(decisive) is made, path
        if path in GENERATORS:
            assert decisive[0].generator == GENERATORS[path], path


@pytest.mark.slow
def test_no_real_picture_of_the_training_set_is_called_fake(data_root: Path) -> None:
    folder = data_root / "image"
    rows = [row for row in csv.DictReader((folder / "manifest.csv").read_text().splitlines()) if row["label"] == "real"]
    assert len(rows) == 1342
    accused = []
    for row in rows:
        data = (folder / row["path"]).read_bytes()
        if any(e.claim in FAKES for e in read_provenance(data, pixels_of(data)).evidence):
            accused.append(row["path"])
    assert accused == []
