"""What one reader hands back, and the file every reader looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from forensics.domain.evidence import C2paFacts, Evidence, WatermarkFacts
from forensics.media.image import DecodedImage
from forensics.provenance.packets import Packets


class WholeFile(Protocol):
    """A large file that `SourceFile.data` holds the metadata of; only a reader that must see every byte goes through it."""

    def read(self, size: int = -1) -> bytes: ...

    def seek(self, offset: int, whence: int = 0) -> int: ...

    def tell(self) -> int: ...

    def flush(self) -> None: ...

    def write(self, data: bytes) -> int: ...


@dataclass(frozen=True)
class SourceFile:
    """The bytes, the metadata packets unpacked from them, and the decoded pixels when there are any.

    Of a large film `data` lacks the media, and `whole` is the file.
    """

    data: bytes
    packets: Packets
    image: DecodedImage | None = None
    format: str | None = None  # Pillow's name or a MIME type; a hint, never trusted
    whole: WholeFile | None = None


@dataclass(frozen=True)
class Findings:
    """One reader's share of a `Provenance`; everything it did not look for stays empty."""

    evidence: tuple[Evidence, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    c2pa: C2paFacts | None = None
    digital_source_type: str | None = None
    watermark: WatermarkFacts | None = None
    warnings: tuple[str, ...] = ()


class EvidenceReader(Protocol):
    """Looks at one kind of evidence; may raise, the caller turns that into a warning."""

    name: str

    def read(self, file: SourceFile) -> Findings: ...
