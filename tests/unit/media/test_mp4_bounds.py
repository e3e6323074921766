"""Tables of a few bytes that promise hours of index are refused before FFmpeg believes them."""

from __future__ import annotations

import io
import struct

import pytest

from forensics.domain.errors import MediaCorrupt
from forensics.media.audio import open_audio
from forensics.media.mp4_bounds import MAX_EDITS, MAX_SAMPLES, refuse_endless_tables
from forensics.media.video import probe_video
from tests.support.films import Film, film
from tests.support.sounds import Encoding, encoded, tone, wav

MANY = 200_000_000


def patched(data: bytes, box: bytes, at: int, *values: int) -> bytes:
    """Return the file with numbers put into the first box of that name, `at` bytes into its body."""
    start = data.index(box) + 4 + at
    fields = struct.pack(f">{len(values)}I", *values)
    return data[:start] + fields + data[start + len(fields) :]


def test_a_film_of_endless_samples_is_refused_at_once() -> None:
    data = patched(film(Film(seconds=1)), b"stsz", 4, 1, MANY)
    with pytest.raises(MediaCorrupt, match="more samples"):
        probe_video(io.BytesIO(data))


def test_sound_of_endless_samples_is_refused_at_once() -> None:
    data = patched(encoded(tone(1, 48_000), Encoding("mp4", "aac", 48_000)), b"stsz", 4, 1, MANY)
    with pytest.raises(MediaCorrupt, match="more samples"), open_audio(data):
        pass


def test_pcm_has_a_sample_for_every_tick_and_is_no_bomb() -> None:
    data = encoded(tone(50, 48_000), Encoding("mov", "pcm_s16le", 48_000))
    assert 50 * 48_000 > MAX_SAMPLES
    with open_audio(data) as reader:
        assert reader.facts.declared_s == pytest.approx(50, abs=0.1)


def test_an_edit_list_without_end_is_refused() -> None:
    data = film(Film(seconds=1))
    probe_video(io.BytesIO(patched(data, b"elst", 4, 1)))
    with pytest.raises(MediaCorrupt, match="edit list"):
        probe_video(io.BytesIO(patched(data, b"elst", 4, MAX_EDITS + 1)))


def test_fragments_count_together() -> None:
    moof = b"".join(
        struct.pack(">I4sI4sI4sII", 32, b"moof", 24, b"traf", 16, b"trun", 0, MAX_SAMPLES // 2) for _ in range(3)
    )
    with pytest.raises(MediaCorrupt, match="more samples"):
        refuse_endless_tables(io.BytesIO(struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + moof))


@pytest.mark.parametrize("data", [b"", b"\0\0\0\1ftyp", b"\0\0\0\0ftyp" * 9, struct.pack(">I4sQ", 1, b"ftyp", 0) * 5])
def test_headers_that_lead_nowhere_end(data: bytes) -> None:
    refuse_endless_tables(io.BytesIO(data))


def test_other_files_pass() -> None:
    for data in (
        wav(seconds=1),
        film(Film(seconds=1)),
        film(Film(seconds=1, sound=True, container="mov", codec="mpeg4")),
    ):
        refuse_endless_tables(io.BytesIO(data))
