"""Evidence from a sound file's tags: the program that wrote it, credit lines of services, and AI-content labels."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from forensics.domain.evidence import Claim, Evidence
from forensics.provenance import strength
from forensics.provenance.findings import Findings, SourceFile
from forensics.provenance.generators import first_match
from forensics.provenance.sound_tags import read_sound_tags

MAX_FACT_CHARS: Final = 60
MAX_CREDIT_CHARS: Final = 200
# Fields that name a program, and nothing else, in every container.
PROGRAM_FIELDS: Final = (
    "tsse",
    "tss",
    "tenc",
    "ten",
    "isft",
    "encoder",
    "encoded_by",
    "encoded-by",
    "©too",
    "software",
    "vendor",
)
CREDIT_FIELDS: Final = ("comment", "comm", "com", "icmt", "©cmt", "description", "anno", "©des", "desc")
LABEL_FIELD: Final = "aigc"

# Names that mean a speech or music generator and nothing else.
_PROGRAMS: Final[tuple[tuple[str, str], ...]] = (
    (r"\beleven ?labs\b", "elevenlabs"),
    (r"\bsuno( ai)?\b", "suno"),
    (r"\budio\b", "udio"),
    (r"\bchatterbox[ -]tts\b", "chatterbox"),
    (r"\bresemble[ .]ai\b", "resemble-ai"),
    (r"\bplay\.ht\b|\bplayht\b", "playht"),
    (r"\bmurf(\.ai| ai)\b", "murf-ai"),
    (r"\bspeechify\b", "speechify"),
    (r"\bamazon polly\b", "amazon-polly"),
    (r"\bazure (neural )?tts\b|\bmicrosoft tts\b", "microsoft-tts"),
    (r"\bgoogle (cloud )?text-to-speech\b", "google-tts"),
    (r"\bcoqui( |-)?tts\b", "coqui-tts"),
    (r"\bpiper[ -]tts\b", "piper"),
    (r"\bkokoro[ -]tts\b", "kokoro"),
    (r"\be-?speak(-?ng)?\b", "espeak"),
    (r"\bstable audio\b", "stable-audio"),
)
_CREDIT: Final = re.compile(r"^\W*(?:made|created|generated|synthesi[sz]ed) (?:with|by|using) (.{2,60})", re.IGNORECASE)


class SoundTagReader:
    """Container tags of sound: a program field that is a generator's name, a credit line, or an AI-content label."""

    name = "sound tag"

    def read(self, file: SourceFile) -> Findings:
        tags = read_sound_tags(file.data)
        programs = [tags[field] for field in PROGRAM_FIELDS if tags.get(field)]
        found = (_label(tags), _credit(tags), _program(tags))
        evidence = tuple(e for e in found if e is not None)
        metadata = {"software": _fact(programs[0])} if programs else {}
        return Findings(evidence=evidence, metadata=metadata)


def _label(tags: Mapping[str, str]) -> Evidence | None:
    """GB 45438-2025, annex E: {"AIGC": {"Label": "1", "ContentProducer": ...}}; 1 is generated, 2 probably, 3 suspected."""
    try:
        label = json.loads(tags.get(LABEL_FIELD, ""))
    except (ValueError, RecursionError):
        return None
    inner = label.get("AIGC", label) if isinstance(label, dict) else None
    said = str(inner.get("Label", "")) if isinstance(inner, dict) else ""
    if said not in ("1", "2", "3"):
        return None
    believed = strength.AI_LABEL if said == "1" else strength.AI_LABEL_PROBABLE
    return Evidence("metadata", Claim.SYNTHETIC, believed, f"the AI-content label of the file says {said}")


def _credit(tags: Mapping[str, str]) -> Evidence | None:
    for field in CREDIT_FIELDS:
        said = _CREDIT.match(tags.get(field, "")[:MAX_CREDIT_CHARS])
        generator = first_match(_PROGRAMS, said.group(1)) if said else None
        if said and generator:
            what = f'the comment says "{_fact(said.group())}"'
            return Evidence("metadata", Claim.SYNTHETIC, strength.CREDIT_LINE, what, generator)
    return None


def _program(tags: Mapping[str, str]) -> Evidence | None:
    for field in PROGRAM_FIELDS:
        generator = first_match(_PROGRAMS, tags.get(field, "")[:MAX_CREDIT_CHARS])
        if generator:
            what = f"the tag {field} names the speech or music generator {_fact(tags[field])}"
            return Evidence("metadata", Claim.SYNTHETIC, strength.TOOL_NAME, what, generator)
    return None


def _fact(value: str) -> str:
    return "".join(c for c in value if c.isprintable())[:MAX_FACT_CHARS].strip()
