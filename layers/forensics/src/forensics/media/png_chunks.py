"""What of a PNG a decoder is given."""

from __future__ import annotations

from collections.abc import Sequence

from forensics.domain.errors import MediaCorrupt
from forensics.media.bounds import MAX_PNG_CHUNKS

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IEND")


def without_png_extras(data: bytes, *, also: Sequence[bytes] = ()) -> bytes:
    """Return a PNG with only the chunks that pixels and orientation need, and those in `also`; other files come back as they are.

    Text and colour profiles are where decompression bombs hide; a picture with one is still a picture, and provenance reads
    the text by itself, under its own caps. Raises MediaCorrupt for data in absurdly many chunks.
    """
    if not data.startswith(PNG_SIGNATURE):
        return data
    needed = (*PNG_NEEDED, *also)
    kept, offset = [PNG_SIGNATURE], len(PNG_SIGNATURE)
    while offset + 12 <= len(data):
        end = offset + 12 + int.from_bytes(data[offset : offset + 4], "big")
        if data[offset + 4 : offset + 8] in needed:
            kept.append(data[offset:end])
        offset = end
        if len(kept) > MAX_PNG_CHUNKS:
            raise MediaCorrupt("The picture's data are cut into too many pieces.")
    return b"".join(kept)
