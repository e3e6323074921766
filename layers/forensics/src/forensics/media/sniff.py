"""The kind of a file by its first bytes, never by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from forensics.domain.errors import InvalidRequest, MediaTypeMismatch, UnsupportedMediaType
from forensics.media.animation import is_animated, shows_motion
from forensics.media.mp4_bounds import OLD_QUICKTIME
from forensics.media.tracks import asf_has_video, isobmff_sound_only, matroska, ogg_has_video

SNIFF_BYTES = 4096
# The second frame of a GIF, WebP or PNG may begin anywhere: of these as much is read as it takes, in two more steps.
_MOTION_BYTES = (1 << 20, 50_000_000)


@dataclass(frozen=True)
class MediaKind:
    """A container format and the medium it carries: image | audio | video."""

    name: str
    media_type: str


_PREFIXES: tuple[tuple[bytes, str, str], ...] = (
    (b"\xff\xd8\xff", "jpeg", "image"),
    (b"\x89PNG\r\n\x1a\n", "png", "image"),
    (b"GIF87a", "gif", "image"),
    (b"GIF89a", "gif", "image"),
    (b"BM", "bmp", "image"),
    (b"II*\x00", "tiff", "image"),
    (b"MM\x00*", "tiff", "image"),
    (b"II+\x00", "tiff", "image"),
    (b"MM\x00+", "tiff", "image"),
    (b"fLaC", "flac", "audio"),
    (b"ID3", "mp3", "audio"),
    (b"#!AMR", "amr", "audio"),
    (b"caff", "caf", "audio"),
    (b".snd", "au", "audio"),
    (b"FLV\x01", "flv", "video"),
    (b"\x00\x00\x01\xba", "mpeg", "video"),
)
_RIFF = {b"WEBP": ("webp", "image"), b"WAVE": ("wav", "audio"), b"AVI ": ("avi", "video")}
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_FORM = {b"AIFF": ("aiff", "audio"), b"AIFC": ("aiff", "audio")}
_BRANDS = {b"avif": "avif", b"avis": "avif"} | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), "heic"
)
_ALSO_HOLDS = {"video": ("audio",)}
_TRANSPORT_SYNC = b"\x47"
_PICTURES = ("gif", "webp", "png")  # what can move, and has a first frame
_AUDIO_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ")


def sniff(data: bytes) -> MediaKind:
    """Return the kind of a file from its first SNIFF_BYTES; raises UnsupportedMediaType when nothing matches.

    A container that can hold film is video, unless its track list is among the bytes and names sound alone. A GIF, WebP or PNG of
    more than one frame is video: told by the frames when the whole file is given, else by what its head says.
    """
    kind = (
        _riff(data) or _isobmff(data) or _film_or_sound(data) or _prefix(data) or _transport(data) or _mp3_frame(data)
    )
    if kind is None:
        raise UnsupportedMediaType("The bytes are no image, audio or video format this service knows.")
    return MediaKind(kind.name, "video") if kind.name in _PICTURES and is_animated(data) else kind


def telling_head(read: Callable[[int], bytes]) -> bytes:
    """Return as many of a file's first bytes as tell its kind, so that `sniff` says of them what it would say of the file.

    `read` returns at most so many of the first bytes. SNIFF_BYTES are enough but for pictures that may move.
    """
    asked, head = SNIFF_BYTES, read(SNIFF_BYTES)
    for more in _MOTION_BYTES:
        kind = _riff(head) or _prefix(head)
        if len(head) < asked or kind is None or kind.name not in _PICTURES or shows_motion(head) is not None:
            break
        asked, head = more, read(more)
    return head


def holds(kind: MediaKind) -> tuple[str, ...]:
    """Return the media that a file can be judged as: a film also by its sound, an animation also by its first frame."""
    if kind.name in _PICTURES:
        return ("image", "video") if kind.media_type == "video" else ("image",)
    return (kind.media_type, *_ALSO_HOLDS.get(kind.media_type, ()))


def expect(data: bytes, *, medium: str) -> MediaKind:
    """Return the kind of a file that can be judged as `medium`, as `holds` tells.

    Raises InvalidRequest (no bytes), UnsupportedMediaType (unknown), or MediaTypeMismatch when it is another medium.
    """
    if not data:
        raise InvalidRequest("The file is empty.")
    kind = sniff(data)
    if medium not in holds(kind):
        raise MediaTypeMismatch(f"The file is {kind.media_type} ({kind.name}), not {medium}.")
    return kind


def _prefix(data: bytes) -> MediaKind | None:
    return next((MediaKind(name, medium) for magic, name, medium in _PREFIXES if data.startswith(magic)), None)


def _riff(data: bytes) -> MediaKind | None:
    forms = {b"RIFF": _RIFF, b"RF64": _RIFF, b"FORM": _FORM}.get(data[:4], {})
    found = forms.get(data[8:12])
    return MediaKind(*found) if found else None


def _isobmff(data: bytes) -> MediaKind | None:
    if data[4:8] in OLD_QUICKTIME:
        return MediaKind("mp4", "audio" if isobmff_sound_only(data) else "video")
    if data[4:8] != b"ftyp":
        return None
    size = min(int.from_bytes(data[:4], "big"), 256, len(data))
    brands = [data[8:12], *(data[i : i + 4] for i in range(16, size - 3, 4))]
    still = next((_BRANDS[b] for b in brands if b in _BRANDS), None)
    if still and data[8:12] in (*_BRANDS, b"MiHE", b"MiHB"):
        # a specific brand such as avif wins over the generic mif1 that both formats list
        return MediaKind("avif" if any(_BRANDS.get(b) == "avif" for b in brands) else still, "image")
    if data[8:12] in _AUDIO_BRANDS:
        return MediaKind("m4a", "audio")
    return MediaKind("mp4", "audio" if isobmff_sound_only(data) else "video")


def _film_or_sound(data: bytes) -> MediaKind | None:
    if data.startswith(b"\x1aE\xdf\xa3"):
        name, sound_only = matroska(data)
        return MediaKind(name, "audio" if sound_only else "video")
    if data.startswith(b"OggS"):
        return MediaKind("ogg", "video" if ogg_has_video(data) else "audio")
    if data.startswith(_ASF):
        return MediaKind("wmv", "video") if asf_has_video(data) else MediaKind("wma", "audio")
    return None


def _transport(data: bytes) -> MediaKind | None:
    """MPEG transport packets of 188 bytes, in cameras' files with a time stamp of 4 bytes before each."""
    for first, packet in ((0, 188), (4, 192)):
        marks = data[first : first + 4 * packet : packet]
        if marks == _TRANSPORT_SYNC * 4:
            return MediaKind("mpegts", "video")
    return None


def _mp3_frame(data: bytes) -> MediaKind | None:
    if len(data) < 2 or data[0] != 0xFF:
        return None
    if data[1] & 0xF6 == 0xF0:
        return MediaKind("aac", "audio")  # ADTS sync word, layer 0
    layer = (data[1] >> 1) & 3
    return MediaKind("mp3", "audio") if data[1] & 0xE0 == 0xE0 and layer else None
