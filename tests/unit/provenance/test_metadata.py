"""XMP, IPTC and camera EXIF: statements of origin, facts, and what must never leave the file."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PIL import Image

from forensics.domain.evidence import Claim
from forensics.domain.verdict import DECISIVE_STRENGTH
from forensics.provenance import read_provenance
from forensics.provenance.digital_source import source_term

URI = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def packet(properties: str = "", *, attributes: str = "", prolog: str = "") -> bytes:
    return (
        f"{prolog}<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>"
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
        ' xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"'
        f" {attributes}>{properties}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"
    ).encode()


def carry(encode: Callable[..., bytes], png_with: Callable[..., bytes], format: str, xmp: bytes) -> bytes:
    if format == "PNG":
        return png_with(raw=((b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + xmp),))
    if format == "TIFF":
        return encode("TIFF", tiffinfo={700: xmp})
    return encode(format, xmp=xmp)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_digital_source_type_is_read_from_every_container(
    encode: Callable[..., bytes], png_with: Callable[..., bytes], format: str
) -> None:
    xmp = packet(attributes=f'Iptc4xmpExt:DigitalSourceType="{URI}trainedAlgorithmicMedia"')
    read = read_provenance(carry(encode, png_with, format, xmp), None)
    assert read.digital_source_type == "trainedAlgorithmicMedia"
    assert [(e.source, e.claim) for e in read.evidence] == [("digital_source_type", Claim.SYNTHETIC)]
    assert read.evidence[0].strength >= DECISIVE_STRENGTH


@pytest.mark.parametrize(
    ("properties", "claim", "generator"),
    [
        (
            f"<Iptc4xmpExt:DigitalSourceType>{URI}compositeWithTrainedAlgorithmicMedia</Iptc4xmpExt:DigitalSourceType>",
            Claim.MANIPULATED,
            None,
        ),
        (f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{URI}trainedAlgorithmicMedia"/>', Claim.SYNTHETIC, None),
        ("<photoshop:Credit>Made with Google AI</photoshop:Credit>", Claim.SYNTHETIC, "google"),
        ("<photoshop:Credit>Edited with Google AI</photoshop:Credit>", Claim.MANIPULATED, "google"),
        ("<photoshop:Credit>Imagined with AI</photoshop:Credit>", Claim.SYNTHETIC, "meta-ai"),
        ("<xmp:CreatorTool>Midjourney v6</xmp:CreatorTool>", Claim.SYNTHETIC, "midjourney"),
        (f"<Iptc4xmpExt:DigitalSourceType>{URI}digitalCapture</Iptc4xmpExt:DigitalSourceType>", Claim.CAPTURED, None),
    ],
)
def test_statements_in_xmp_become_evidence(
    encode: Callable[..., bytes], properties: str, claim: Claim, generator: str | None
) -> None:
    read = read_provenance(encode("JPEG", xmp=packet(properties)), None)
    assert [(e.claim, e.generator) for e in read.evidence] == [(claim, generator)]


@pytest.mark.parametrize(
    "properties",
    [
        "<photoshop:Credit>Photo: Google Street View</photoshop:Credit>",
        "<xmp:CreatorTool>Adobe Photoshop 26.0 (Windows)</xmp:CreatorTool>",
        "<xmp:CreatorTool>Affinity Designer 2</xmp:CreatorTool>",
        f"<Iptc4xmpExt:DigitalSourceType>{URI}humanEdits</Iptc4xmpExt:DigitalSourceType>",
        '<xmpMM:History><rdf:Seq><rdf:li stEvt:softwareAgent="Adobe Firefly"/></rdf:Seq></xmpMM:History>',
    ],
)
def test_ordinary_xmp_is_no_evidence(encode: Callable[..., bytes], properties: str) -> None:
    assert read_provenance(encode("JPEG", xmp=packet(properties)), None).evidence == ()


@pytest.mark.parametrize(
    "xmp",
    [
        packet(
            prolog='<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
            properties="<xmp:CreatorTool>&b;</xmp:CreatorTool>",
        ),
        packet(prolog='<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'),
        b"<x:xmpmeta><unclosed></x:xmpmeta>",
        b"\xff\xfe\x00garbage",
    ],
)
def test_hostile_xmp_is_a_warning(encode: Callable[..., bytes], xmp: bytes) -> None:
    read = read_provenance(encode("WEBP", xmp=xmp), None)
    assert read.warnings == ("the XMP packet is not well-formed XML",)
    assert read.evidence == ()


@pytest.mark.parametrize(
    ("value", "term"),
    [
        (URI + "trainedAlgorithmicMedia", "trainedAlgorithmicMedia"),
        ("https://cv.iptc.org/newscodes/digitalsourcetype/trainedalgorithmicmedia/", "trainedAlgorithmicMedia"),
        ("digsrctype:digitalCapture", "digitalCapture"),
        ("http://c2pa.org/digitalsourcetype/trainedAlgorithmicData", "trainedAlgorithmicData"),
        ("", None),
        ("<script>", None),
    ],
)
def test_source_terms_are_normalised(value: str, term: str | None) -> None:
    assert source_term(value) == term


def camera_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = "Canon", "Canon EOS R5", "Ver.1.0"
    exif[0x013B] = "Jane Doe"
    details = exif.get_ifd(0x8769)
    details[0x9003], details[0xA431], details[0x829A] = "2024:05:06 07:08:09", "SERIAL123", 0.01
    exif.get_ifd(0x8825)[1] = "N"
    return exif


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "PNG", "AVIF"])
def test_camera_facts_are_named_and_weak_and_private_ones_stay_out(encode: Callable[..., bytes], format: str) -> None:
    read = read_provenance(encode(format, exif=camera_exif()), None)
    assert read.metadata == {"camera": "Canon EOS R5", "software": "Ver.1.0", "date": "2024-05-06"}
    assert [(e.claim, e.strength < 0.5) for e in read.evidence] == [(Claim.CAPTURED, True)]
    for private in ("Jane", "SERIAL123", "07:08"):
        assert private not in repr(read)


@pytest.mark.parametrize(
    ("software", "generator"), [("Midjourney", "midjourney"), ("NovelAI", "novelai"), ("GIMP 2.10", None)]
)
def test_software_names_a_generator_or_nothing(
    encode: Callable[..., bytes], software: str, generator: str | None
) -> None:
    exif = Image.Exif()
    exif[0x0131] = software
    read = read_provenance(encode("JPEG", exif=exif), None)
    assert next((e.generator for e in read.evidence), None) == generator


def test_iptc_credit_in_app13_is_read(encode: Callable[..., bytes]) -> None:
    line = b"Made with Google AI"
    iim = b"\x1c\x02\x6e" + len(line).to_bytes(2, "big") + line
    body = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + len(iim).to_bytes(4, "big") + iim
    jpeg = encode("JPEG")
    segment = b"\xff\xed" + (len(body) + 2).to_bytes(2, "big") + body
    read = read_provenance(jpeg[:2] + segment + jpeg[2:], None)
    assert [(e.claim, e.generator) for e in read.evidence] == [(Claim.SYNTHETIC, "google")]
