"""XMP packets: the IPTC digital source type, the creator tool, the credit line (XMP specification part 1; IPTC 2025.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

MAX_XMP_BYTES: Final = 2 << 20
MAX_VALUE_CHARS: Final = 1 << 20
_RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
WANTED: Final = frozenset(
    ("digitalsourcetype", "creatortool", "credit", "usercomment", "software", "aisystemused", "description")
)


class UnreadableXmp(ValueError):
    """The packet is too large, no XML, or declares entities."""


def read_properties(packet: bytes) -> dict[str, str]:
    """Return the wanted top-level properties by lower-case local name; history and ingredients are not entered.

    Raises UnreadableXmp.
    """
    if len(packet) > MAX_XMP_BYTES:
        raise UnreadableXmp("the XMP packet is too large")
    try:
        root: Element = fromstring(packet.strip(b"\x00 \r\n\t\xef\xbb\xbf"), forbid_dtd=True)
        return {name: value for name, value in _properties(root) if name in WANTED and value}
    except (ParseError, DefusedXmlException, ValueError, LookupError) as exc:
        raise UnreadableXmp("the XMP packet is not well-formed XML") from exc


def _properties(root: Element) -> Iterator[tuple[str, str]]:
    for description in root.iterfind(f".//{_RDF}RDF/{_RDF}Description"):
        for name, value in description.attrib.items():
            yield _local(name), value
        for child in description:
            yield _local(child.tag), _value(child)


def _value(element: Element) -> str:
    """A property's text, rdf:resource, or the first item of its list."""
    item = element.find(f"*/{_RDF}li")
    text = (element if item is None else item).text or element.get(f"{_RDF}resource") or ""
    return text.strip()[:MAX_VALUE_CHARS]


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2].lower()
