"""Where generation parameters lie: PNG text of every kind, EXIF, XMP, and the lowest bits of the pixels."""

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
from tests.support.parameters import A1111, NOVELAI, SECRET, graph


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
