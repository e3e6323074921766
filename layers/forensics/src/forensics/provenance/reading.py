"""One door to all evidence: every reader is isolated, and what cannot be read becomes a warning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from forensics.domain.evidence import Provenance
from forensics.media.image import DecodedImage
from forensics.provenance.c2pa_manifest import C2paReader
from forensics.provenance.embedded import CameraReader, ParametersReader, XmpReader
from forensics.provenance.findings import EvidenceReader, Findings, SourceFile, WholeFile
from forensics.provenance.packets import Packets, unpack
from forensics.provenance.sound import SoundTagReader
from forensics.provenance.watermark import WatermarkReader

# A later reader does not overwrite an earlier one's facts.
READERS: Final[tuple[EvidenceReader, ...]] = (
    C2paReader(),
    XmpReader(),
    ParametersReader(),
    CameraReader(),
    SoundTagReader(),
    WatermarkReader(),
)


def read_provenance(
    data: bytes, image: DecodedImage | None, *, format: str | None = None, whole: WholeFile | None = None
) -> Provenance:
    """Read everything a file says of its origin, strongest evidence first.

    `image` holds the decoded pixels for invisible watermarks, None when there are none; `format` is Pillow's name or a MIME
    type and only a hint; `whole` is the file when `data` lacks its media. Never raises on hostile
    bytes and never touches the network.
    """
    try:
        packets = unpack(data)
    except Exception:  # a fault in one walker must not cost the verdict
        packets = Packets(warnings=("the metadata of the file could not be unpacked",))
    file = SourceFile(data, packets, image, format or (image.format if image else None), whole)
    return merge(packets.warnings, tuple(isolated(reader.read, file, name=reader.name) for reader in READERS))


def isolated(read: Callable[[SourceFile], Findings], file: SourceFile, *, name: str) -> Findings:
    """Run one reader; whatever it raises is told by its name alone, since the text may quote the file."""
    try:
        return read(file)
    except Exception:  # hostile bytes in one kind of metadata must not hide the others
        return Findings(warnings=(f"the {name} metadata could not be read",))


def merge(warnings: tuple[str, ...], findings: tuple[Findings, ...]) -> Provenance:
    """Join the readers' findings; the first reader that names a fact wins, evidence is sorted by strength."""
    evidence = sorted((e for f in findings for e in f.evidence), key=lambda e: -e.strength)
    metadata: dict[str, str] = {}
    for found in findings:
        metadata = dict(found.metadata) | metadata
    terms = [f.digital_source_type for f in findings if f.digital_source_type]
    return Provenance(
        c2pa=next((f.c2pa for f in findings if f.c2pa), None),
        digital_source_type=next(iter(terms), None),
        watermark=next((f.watermark for f in findings if f.watermark), None),
        metadata=metadata or None,
        evidence=tuple(evidence),
        warnings=(*warnings, *(w for f in findings for w in f.warnings)),
    )
