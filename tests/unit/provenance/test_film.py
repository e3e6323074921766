"""What a film says of itself, read without its pictures: half a gigabyte costs a few megabytes of memory and traffic."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from forensics.domain.evidence import Claim
from forensics.provenance import read_provenance
from forensics.provenance.film import WHOLE_BYTES, read_film_provenance
from forensics.store.ranged import BLOCK_BYTES, KEPT_BLOCKS, RangedReader
from tests.support.films import Film, film, moving_picture
from tests.support.signing import Signer, manifest

MEGABYTE = 1 << 20
HALF_A_GIGABYTE = 500 * MEGABYTE
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">%b</rdf:RDF></x:xmpmeta>'
SAYS = XMP % (
    b'<rdf:Description xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    b'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/>'
)


@dataclass
class Stored:
    """A stored film: a beginning, nothing for long, an end; counts what is fetched of it."""

    head: bytes
    tail: bytes
    size: int = HALF_A_GIGABYTE
    fetched: list[int] = field(default_factory=list)

    def __call__(self, first: int, last: int) -> bytes:
        self.fetched.append(last - first + 1)
        block = bytearray(last - first + 1)
        for at, part in ((0, self.head), (self.size - len(self.tail), self.tail)):
            low, high = max(first, at), min(last + 1, at + len(part))
            if low < high:
                block[low - first : high - first] = part[low - at : high - at]
        return bytes(block)

    def open(self) -> io.BufferedReader:
        return io.BufferedReader(RangedReader(self, self.size), buffer_size=1 << 16)


def box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def large_mp4(tail: bytes) -> Stored:
    head = box(b"ftyp", b"isom\0\0\0\0isom")
    media = (1).to_bytes(4, "big") + b"mdat" + (HALF_A_GIGABYTE - len(head) - len(tail)).to_bytes(8, "big")
    return Stored(head + media, tail)


def large_avi(tail: bytes) -> Stored:
    media = HALF_A_GIGABYTE - 12 - 8 - len(tail)
    head = b"RIFF" + (HALF_A_GIGABYTE - 8).to_bytes(4, "little") + b"AVI LIST" + media.to_bytes(4, "little") + b"movi"
    return Stored(head, tail)


def large_matroska(tail: bytes) -> Stored:
    return Stored(b"\x1aE\xdf\xa3", tail)


FILMS: dict[str, Stored] = {
    "mp4": large_mp4(box(b"uuid", bytes(16) + SAYS)),
    "avi": large_avi(b"_PMX" + len(SAYS).to_bytes(4, "little") + SAYS),
    "matroska": large_matroska(SAYS),
}


@pytest.mark.parametrize("name", FILMS)
def test_half_a_gigabyte_is_neither_held_nor_fetched(name: str) -> None:
    stored = FILMS[name]
    tracemalloc.start()
    read = read_film_provenance(stored.open())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (read.digital_source_type, read.evidence[0].claim) == ("trainedAlgorithmicMedia", Claim.SYNTHETIC)
    assert sum(stored.fetched) <= 8 * MEGABYTE
    assert peak <= 24 * MEGABYTE


def test_a_signed_film_is_read_through_once_and_believed(make_signer: Callable[..., Signer]) -> None:
    """The signature covers every byte, so all are fetched, but never held together."""
    plain = film(Film(seconds=2)) + box(b"mdat", bytes(40 * MEGABYTE))
    signed = make_signer("OpenAI").sign(plain, "video/mp4", manifest("trainedAlgorithmicMedia"))
    stored = Stored(signed, b"", len(signed))
    read = read_film_provenance(stored.open())
    assert read == read_provenance(signed, None)
    assert read.c2pa is not None and (read.c2pa.state, read.c2pa.issuer) == ("Valid", "OpenAI")
    assert max(stored.fetched) <= BLOCK_BYTES
    assert len(signed) <= sum(stored.fetched) <= len(signed) + 2 * KEPT_BLOCKS * BLOCK_BYTES
    changed = bytearray(signed)
    changed[-5] ^= 1
    told = read_film_provenance(Stored(bytes(changed), b"", len(changed)).open()).c2pa
    assert told is not None and told.state == "Invalid"


def test_a_store_that_fails_while_a_signature_is_checked_is_no_damage(make_signer: Callable[..., Signer]) -> None:
    plain = film(Film(seconds=2)) + box(b"mdat", bytes(20 * MEGABYTE))
    signed = make_signer().sign(plain, "video/mp4", manifest("trainedAlgorithmicMedia"))
    stored = Stored(signed, b"", len(signed))

    def fetch(first: int, last: int) -> bytes:
        if first > 10 * MEGABYTE and len(stored.fetched) > 3:
            raise ConnectionError("the store does not answer")
        return stored(first, last)

    with pytest.raises(ConnectionError):
        read_film_provenance(io.BufferedReader(RangedReader(fetch, len(signed))))


def test_small_films_and_animations_are_read_as_they_are() -> None:
    small = film(Film(seconds=1)) + box(b"uuid", bytes(16) + SAYS)
    assert len(small) < WHOLE_BYTES
    for data in (small, moving_picture("png") + bytes(WHOLE_BYTES)):
        assert read_film_provenance(io.BytesIO(data)) == read_provenance(data, None)


def test_lengths_that_lie_end() -> None:
    for length in (0, 1, 2, 7, 2**32 - 1):
        head = box(b"ftyp", b"isom") + length.to_bytes(4, "big") + b"moov"
        stored = Stored(head * 1000, b"", 2 * WHOLE_BYTES)
        assert read_film_provenance(stored.open()).evidence == ()
        assert sum(stored.fetched) <= 4 * WHOLE_BYTES
