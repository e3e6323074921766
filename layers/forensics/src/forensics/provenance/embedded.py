"""Evidence from the descriptive metadata: XMP and IPTC statements, generation parameters, the camera's own EXIF."""

from __future__ import annotations

import re
from typing import Final

from forensics.domain.evidence import Claim, Evidence
from forensics.provenance import strength
from forensics.provenance.digital_source import claim_of, source_term
from forensics.provenance.findings import Findings, SourceFile
from forensics.provenance.generators import generator_of_agents, generator_of_software
from forensics.provenance.stealth import hidden_texts
from forensics.provenance.tiff import (
    ARTIST,
    DATE_TIME_ORIGINAL,
    EXPOSURE_TIME,
    F_NUMBER,
    IMAGE_DESCRIPTION,
    MAKE,
    MODEL,
    SOFTWARE,
    USER_COMMENT,
    read_tags,
)
from forensics.provenance.tools import ToolFacts, read_parameters
from forensics.provenance.xmp import UnreadableXmp, read_properties

MAX_FACT_CHARS: Final = 60
_TEXT_TAGS: Final = {
    "exif:ImageDescription": IMAGE_DESCRIPTION,
    "exif:Make": MAKE,
    "exif:Model": MODEL,
    "exif:Software": SOFTWARE,
    "exif:Artist": ARTIST,
    "exif:UserComment": USER_COMMENT,
}
# Credit lines of services; "Edited with" marks a photo with generated parts (Google's Magic Editor).
_CREDITS: Final = (
    (re.compile(r"\b(made|created|generated) with google ai\b", re.IGNORECASE), Claim.SYNTHETIC, "google"),
    (re.compile(r"\bedited with google ai\b", re.IGNORECASE), Claim.MANIPULATED, "google"),
    (re.compile(r"\bimagined with (meta )?ai\b", re.IGNORECASE), Claim.SYNTHETIC, "meta-ai"),
    (re.compile(r"^made with (?:open)?ai$", re.IGNORECASE), Claim.SYNTHETIC, None),
)
_DATE: Final = re.compile(r"\d{4}:\d\d:\d\d")
_IPTC_CREDIT: Final = b"\x1c\x02\x6e"  # IIM record 2, dataset 110


class XmpReader:
    """IPTC digital source type, credit line, creator tool and AI system of the XMP packet; the credit of IPTC-IIM."""

    name = "XMP"

    def read(self, file: SourceFile) -> Findings:
        credit = _iptc_credit(file.packets.iptc)
        try:
            properties = read_properties(file.packets.xmp) if file.packets.xmp else {}
        except UnreadableXmp as exc:
            return Findings(evidence=_credit_evidence(credit), warnings=(str(exc),))
        term = source_term(properties.get("digitalsourcetype", ""))
        tool = properties.get("aisystemused") or properties.get("creatortool", "")
        evidence = (
            *_source_type_evidence(term, generator_of_agents((tool, properties.get("credit", ""), credit))),
            *_credit_evidence(properties.get("credit", "") or credit),
            *software_evidence("CreatorTool", tool),
        )
        metadata = {"software": _fact(tool)} if tool else {}
        return Findings(evidence=evidence, metadata=metadata, digital_source_type=term)


class ParametersReader:
    """Generation parameters in PNG text, EXIF or XMP, and the names of generators in the Software fields."""

    name = "generation parameters"

    def read(self, file: SourceFile) -> Findings:
        texts = dict(file.packets.text) | exif_texts(file.packets.exif) | _xmp_texts(file.packets.xmp)
        facts = read_parameters(texts) or read_parameters(hidden_texts(file))
        if facts is not None:
            return Findings(evidence=(_parameters_evidence(facts),), metadata=_parameters_metadata(facts))
        fields = (
            ("Software", "exif:Software"),
            ("Artist", "exif:Artist"),
            ("Software", "Software"),
            ("Author", "Author"),
        )
        evidence = tuple(
            e for label, key in fields for e in software_evidence(label, texts.get(key, ""), whole=label != "Software")
        )
        return Findings(evidence=evidence[:1])


class CameraReader:
    """Make, model, software and date that a camera writes: facts, and weak evidence of a capture."""

    name = "EXIF"

    def read(self, file: SourceFile) -> Findings:
        tags = read_tags(file.packets.exif) if file.packets.exif else {}
        make, model, software = (_fact(_ascii(tags.get(tag, b""))) for tag in (MAKE, MODEL, SOFTWARE))
        metadata = {"software": software} if software and not _is_parameters(software) else {}
        if _is_parameters(make) or _is_parameters(model):
            return Findings(metadata=metadata)
        camera = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
        taken = _DATE.match(_ascii(tags.get(DATE_TIME_ORIGINAL, b"")))
        metadata |= {"camera": camera} if camera else {}
        metadata |= {"date": taken.group().replace(":", "-")} if taken else {}
        if not camera or not (tags.keys() & {EXPOSURE_TIME, F_NUMBER, DATE_TIME_ORIGINAL}):
            return Findings(metadata=metadata)
        what = f"EXIF names a camera ({camera}); anybody can write that"
        return Findings((Evidence("metadata", Claim.CAPTURED, strength.CAMERA_EXIF, what),), metadata)


def exif_texts(exif: bytes | None) -> dict[str, str]:
    """Return the text fields of an EXIF block that generators use, under the keys that `tools` knows."""
    tags = read_tags(exif) if exif else {}
    order = "utf-16-le" if (exif or b"")[:2] == b"II" else "utf-16-be"
    texts = {
        k: _user_comment(tags[t], order) if t == USER_COMMENT else _ascii(tags[t])
        for k, t in _TEXT_TAGS.items()
        if t in tags
    }
    return {key: text for key, text in texts.items() if text}


def software_evidence(field: str, value: str, *, whole: bool = False) -> tuple[Evidence, ...]:
    """Return evidence when `value` is a generator's name; `whole` demands that it is nothing but a short name."""
    generator = generator_of_software(value) if value and not (whole and len(value) > 24) else None
    if generator is None:
        return ()
    what = f"the metadata field {field} names the image generator {_fact(value)}"
    return (Evidence("metadata", Claim.SYNTHETIC, strength.TOOL_NAME, what, generator),)


def _source_type_evidence(term: str | None, generator: str | None) -> tuple[Evidence, ...]:
    claim = claim_of(term or "")
    if term is None or claim is Claim.NEUTRAL:
        return ()
    believed = strength.DIGITAL_SOURCE_TYPE
    if claim is Claim.CAPTURED:
        believed, generator = strength.CAMERA_EXIF, None
    elif term in ("algorithmicMedia", "compositeSynthetic"):
        believed = strength.C2PA_PROCEDURAL
    what = f"the IPTC digital source type says {term}"
    return (Evidence("digital_source_type", claim, believed, what, generator),)


def _credit_evidence(credit: str) -> tuple[Evidence, ...]:
    for pattern, claim, generator in _CREDITS:
        found = pattern.search(credit[:500])
        if found:
            what = f'the credit line says "{found.group()}"'
            return (Evidence("metadata", claim, strength.CREDIT_LINE, what, generator),)
    return ()


def _parameters_evidence(facts: ToolFacts) -> Evidence:
    model = f" with the model {facts.model}" if facts.model else ""
    verb = (
        "upscaled or restored by"
        if facts.generator is None
        else "edited with"
        if facts.claim is Claim.MANIPULATED
        else "made by"
    )
    what = f"the file carries the generation parameters of a picture {verb} {facts.tool}{model}"
    return Evidence("metadata", facts.claim, facts.strength, what, facts.generator)


def _parameters_metadata(facts: ToolFacts) -> dict[str, str]:
    named = {"tool": facts.tool, "model": facts.model, "sampler": facts.sampler}
    nodes = {"nodes": str(facts.nodes)} if facts.nodes is not None else {}
    return {key: value for key, value in named.items() if value} | nodes | {"prompt": "present"}


def _xmp_texts(packet: bytes | None) -> dict[str, str]:
    try:
        properties = read_properties(packet) if packet else {}
    except UnreadableXmp:  # XmpReader tells
        return {}
    keys = {"xmp:UserComment": "usercomment", "xmp:description": "description"}
    return {key: properties[name] for key, name in keys.items() if name in properties}


def _iptc_credit(iptc: bytes | None) -> str:
    at = (iptc or b"").find(_IPTC_CREDIT)
    if iptc is None or at < 0:
        return ""
    length = int.from_bytes(iptc[at + 3 : at + 5], "big")
    return iptc[at + 5 : at + 5 + min(length, 200)].decode("utf-8", "replace")


def _user_comment(value: bytes, order: str) -> str:
    """EXIF 2.32 §4.6.5: eight bytes name the charset. UNICODE comes in both byte orders whatever the block's is."""
    head, body = value[:8], value[8:]
    if head.startswith(b"UNICODE"):
        if len(body) >= 2:
            order = "utf-16-be" if body[0] == 0 else "utf-16-le" if body[1] == 0 else order
        return body.decode(order, "replace").strip("\x00 ")
    return (
        (body if head[:5] in (b"ASCII", b"JIS\x00\x00") or not head.strip(b"\x00") else value)
        .decode("utf-8", "replace")
        .strip("\x00 ")
    )


def _ascii(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip("\x00 \r\n\t")


def _fact(value: str) -> str:
    return "".join(c for c in value if c.isprintable())[:MAX_FACT_CHARS].strip()


def _is_parameters(value: str) -> bool:
    return value.lower().startswith(("prompt:", "workflow:", "{"))
