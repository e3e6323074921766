"""C2PA manifests, read offline: who signed, what made the picture, and whether the signature still holds.

The library would fetch a remote manifest, a did:web document or an OCSP answer from an address inside the file: a hole for
server-side request forgery. Both the fetch and every host are forbidden in the one context used here.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import c2pa  # type: ignore[import-untyped]

from forensics.domain.evidence import C2paFacts, Claim, Evidence
from forensics.provenance import strength
from forensics.provenance.digital_source import claim_of, source_term
from forensics.provenance.findings import Findings, SourceFile
from forensics.provenance.generators import generator_of_agents, slug

OFFLINE: Final = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "core": {"allowed_network_hosts": [], "allow_redirects": False, "max_decompressed_manifest_size_in_mb": 16},
}
MAX_MANIFESTS: Final = 64  # walked from the active one through its ingredients
MAX_NAME_CHARS: Final = 120
# Codes that speak of the credential alone: the signed bytes are unchanged. C2PA 2.2 specification, §15.2.
_CREDENTIAL: Final = ("signingCredential.", "timeStamp.", "timeOfSigning.", "cawg.")
_UNTRUSTED: Final = ("signingCredential.untrusted", "cawg.x509.credential.untrusted")
_MARKS: Final = (b"jumb", b"c2pa", b"dcterms:provenance")  # of a manifest inside the file, or elsewhere
_MIME: Final = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "HEIF": "image/heif",
    "AVIF": "image/avif",
}

Json = Mapping[str, object]


class C2paReader:
    """Reads the active manifest and follows its parents; an unreadable one is told, an absent one is not."""

    name = "C2PA"

    def read(self, file: SourceFile) -> Findings:
        if file.whole is not None and not any(mark in file.data for mark in _MARKS):
            return Findings()
        try:
            store = _load(file)
        except c2pa.C2paError.ManifestNotFound:
            return Findings()
        except c2pa.C2paError as exc:
            return _unreadable(exc, file.data)
        manifest = _active(store)
        facts = _facts(store, manifest)
        return Findings(evidence=tuple(_evidence(facts, store, manifest)), c2pa=facts, digital_source_type=_term(facts))


@dataclass(frozen=True)
class _Statement:
    """A digital source type said by one action; `own` is false when a parent's manifest says it."""

    term: str
    agents: tuple[str, ...]
    own: bool
    composed: bool  # other pictures were placed into it


@cache
def _offline() -> c2pa.Context:
    return c2pa.Context(c2pa.Settings.from_dict(OFFLINE))


def _load(file: SourceFile) -> Json:
    given = file.format or ""
    hint = _MIME.get(given, given if "/" in given else None)
    if file.data[:256].lstrip().startswith((b"<svg", b"<?xml")):
        hint = "image/svg+xml"  # the one format the library does not know by its bytes
    stream = file.whole or io.BytesIO(file.data)
    stream.seek(0)
    with c2pa.Reader(hint, stream, context=_offline()) as reader:
        store = json.loads(reader.json())
    return _mapping(store)


def _unreadable(exc: c2pa.C2paError, data: bytes) -> Findings:
    text = str(exc)
    if text.startswith("Remote"):
        # Never with its address: the text goes to the caller.
        return Findings(
            c2pa=C2paFacts("unreadable"), warnings=("the C2PA manifest is stored elsewhere and was not fetched",)
        )
    if not any(mark in data for mark in (b"jumb", b"c2pa")):
        # Nothing is hidden here: an unknown format (BMP) is silent, a broken container is told.
        warning = "the file is damaged and could not be searched for a C2PA manifest"
        return Findings(warnings=() if text.startswith("NotSupported") else (warning,))
    return Findings(c2pa=C2paFacts("unreadable"), warnings=("the C2PA manifest is damaged and could not be read",))


def _facts(store: Json, manifest: Json) -> C2paFacts:
    terms = dict.fromkeys(s.term for s in _statements(manifest, own=True))
    signature = _mapping(manifest.get("signature_info"))
    codes = {_text(_mapping(row).get("code")) for row in _rows(store.get("validation_status"))}
    return C2paFacts(
        state=_text(store.get("validation_state")) or "unreadable",
        issuer=_text(signature.get("issuer")) or None,
        generator=_generator_name(manifest),
        digital_source_types=tuple(terms),
        validation_codes=tuple(sorted(codes - {""})),
    )


def _generator_name(manifest: Json) -> str | None:
    named = _text(manifest.get("claim_generator"))
    if named:
        return named
    for info in _rows(manifest.get("claim_generator_info")):
        fields = _mapping(info)
        return f"{_text(fields.get('name'))}/{_text(fields.get('version'))}"
    return None


def _evidence(facts: C2paFacts, store: Json, manifest: Json) -> Iterator[Evidence]:
    statements = [*_statements(manifest, own=True), *_parents(store, manifest)]
    fakes = [s for s in statements if claim_of(s.term) in (Claim.SYNTHETIC, Claim.MANIPULATED)]
    chosen = min(fakes, key=_weakness, default=None)
    if chosen is not None:
        yield _fake_evidence(facts, chosen)
    elif any(claim_of(s.term) is Claim.CAPTURED and s.own for s in statements):
        yield _captured_evidence(facts)
    else:
        yield Evidence(
            "c2pa", Claim.NEUTRAL, 0.5, f"C2PA manifest {_signed(facts)} says nothing about a generator{_faults(facts)}"
        )


def _weakness(statement: _Statement) -> tuple[bool, bool, bool]:
    """Order statements: trained before procedural, whole before composite, own before a parent's."""
    return "rained" not in statement.term, claim_of(statement.term) is Claim.MANIPULATED, not statement.own


def _fake_evidence(facts: C2paFacts, said: _Statement) -> Evidence:
    believed = _belief(facts) * (1.0 if said.own else strength.PARENT_DISCOUNT)
    if said.term == "algorithmicMedia":
        believed = min(believed, strength.C2PA_PROCEDURAL)
    claim = claim_of(said.term)
    if claim is Claim.SYNTHETIC and said.composed:
        claim = Claim.MANIPULATED
    names = (*said.agents, facts.generator or "", facts.issuer or "")
    generator = generator_of_agents(names) or slug(facts.generator or "")
    if said.term == "algorithmicMedia":
        generator = None  # a drawing program, not a generator of this field
    of = "" if said.own else " of the file this one was made from"
    what = f"C2PA manifest {_signed(facts)} says {said.term}{of}{_faults(facts)}"
    return Evidence("c2pa", claim, round(believed, 3), what, generator)


def _captured_evidence(facts: C2paFacts) -> Evidence:
    intact = _belief(facts) >= strength.C2PA_VALID
    believed = (
        strength.C2PA_TRUSTED
        if facts.state == "Trusted"
        else strength.C2PA_CAPTURED
        if intact
        else strength.CAMERA_EXIF
    )
    return Evidence(
        "c2pa", Claim.CAPTURED, believed, f"C2PA manifest {_signed(facts)} says digitalCapture{_faults(facts)}"
    )


def _belief(facts: C2paFacts) -> float:
    if facts.state == "Trusted":
        return strength.C2PA_TRUSTED
    if facts.state == "Valid":
        return strength.C2PA_VALID
    faults = [c for c in facts.validation_codes if not c.startswith(_CREDENTIAL)]
    return strength.C2PA_TAMPERED if faults or facts.state != "Invalid" else strength.C2PA_LAPSED


def _faults(facts: C2paFacts) -> str:
    codes = [c for c in facts.validation_codes if c not in _UNTRUSTED]
    if any("ataHash.mismatch" in c or "mffHash.mismatch" in c or "oxesHash.mismatch" in c for c in codes):
        return "; the file was changed after signing"
    if any(c.startswith("signingCredential.expired") or "outsideValidity" in c for c in codes):
        return "; the signer's credential has expired"
    return f"; validation failed: {codes[0]}" if codes and facts.state == "Invalid" else ""


def _signed(facts: C2paFacts) -> str:
    return f"signed by {facts.issuer or 'an unnamed issuer'} ({facts.state})"


def _statements(manifest: Json, *, own: bool) -> Iterator[_Statement]:
    actions = [_mapping(a) for row in _rows(manifest.get("assertions")) for a in _actions(_mapping(row))]
    created = any(_text(a.get("action")) == "c2pa.created" for a in actions)
    composed = created and any(_text(a.get("action")) == "c2pa.placed" for a in actions)
    for action in actions:
        value = action.get("digitalSourceType") or _mapping(action.get("parameters")).get("digitalSourceType")
        term = source_term(_text(value))
        if term:
            yield _Statement(term, _agents(action), own, composed)


def _actions(assertion: Json) -> list[object]:
    label = _text(assertion.get("label"))
    return _rows(_mapping(assertion.get("data")).get("actions")) if label.startswith("c2pa.actions") else []


def _agents(action: Json) -> tuple[str, ...]:
    agent = action.get("softwareAgent")
    return (_text(_mapping(agent).get("name")) or _text(agent),)


def _parents(store: Json, manifest: Json) -> Iterator[_Statement]:
    """Statements of the pictures that this one was made from, nearest first; placed parts count as composites."""
    manifests = _mapping(store.get("manifests"))
    waiting, seen = [(manifest, True)], 0
    while waiting and seen < MAX_MANIFESTS:
        current, whole = waiting.pop(0)
        seen += 1
        for row in _rows(current.get("ingredients")):
            ingredient = _mapping(row)
            parent = _mapping(manifests.get(_text(ingredient.get("active_manifest"))))
            kept = whole and _text(ingredient.get("relationship")) != "componentOf"
            if parent:
                waiting.append((parent, kept))
                for said in _statements(parent, own=False):
                    yield said if kept else _Statement(said.term, said.agents, False, True)


def _term(facts: C2paFacts) -> str | None:
    return next(iter(facts.digital_source_types), None)


def _active(store: Json) -> Json:
    return _mapping(_mapping(store.get("manifests")).get(_text(store.get("active_manifest"))))


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _rows(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value[:MAX_NAME_CHARS] if isinstance(value, str) else ""
