"""Pictures that move are films: told by their frames, shown at their times, refused when they would cost too much."""

from __future__ import annotations

import io
import struct
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from forensics.domain.errors import DetectorError, MediaCorrupt, MediaTooLargePixels, MediaTooLong, MediaTypeMismatch
from forensics.media import moving_pictures
from forensics.media.animation import MAX_FRAMES, read_animation
from forensics.media.image import decode_image
from forensics.media.sniff import SNIFF_BYTES, expect, sniff, telling_head
from forensics.media.video import probe_video
from forensics.media.video_frames import read_frames
from tests.support.films import moving_picture, time_of

KINDS = ("gif", "webp", "png")
FRAMES, DELAY_MS = 20, 100
SECONDS = FRAMES * DELAY_MS / 1000


@pytest.fixture(scope="module", params=KINDS)
def animation(request: pytest.FixtureRequest) -> tuple[str, bytes]:
    return request.param, moving_picture(request.param, frames=FRAMES, delay_ms=DELAY_MS)


def still(kind: str) -> bytes:
    return moving_picture(kind, frames=1)


def test_facts(animation: tuple[str, bytes]) -> None:
    name, data = animation
    facts = probe_video(io.BytesIO(data)).facts
    assert (facts.container, facts.width, facts.height, facts.fps) == (name, 160, 96, 10.0)
    assert (facts.duration_s, facts.has_audio, facts.rotation) == (SECONDS, False, 0)


def test_the_frame_shown_at_each_time_comes(animation: tuple[str, bytes]) -> None:
    found = list(read_frames(io.BytesIO(animation[1]), (0.0, 0.55, 1.31, 1.39, 1.95)))
    assert [time_s for time_s, _ in found] == [0.0, 0.5, 1.3, 1.3, 1.9]
    assert [time_of(rgb, SECONDS) for _, rgb in found] == pytest.approx([0.0, 0.5, 1.3, 1.3, 1.9], abs=0.06)
    assert {(rgb.shape, rgb.dtype.name) for _, rgb in found} == {((96, 160, 3), "uint8")}


def test_an_animation_is_video_and_its_first_frame_a_picture(animation: tuple[str, bytes]) -> None:
    name, data = animation
    for head in (data, data[:SNIFF_BYTES]):
        assert (sniff(head).name, sniff(head).media_type) == (name, "video")
    for medium in ("image", "video"):
        assert expect(data, medium=medium).name == name
    with pytest.raises(MediaTypeMismatch):
        expect(data, medium="audio")
    assert decode_image(data).rgb.shape == (96, 160, 3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("loop", [0, 1, None], ids=["endless", "once more", "once"])
def test_frames_tell_and_not_loops(kind: str, frames: int, loop: int | None) -> None:
    """The second frame begins far behind the first bytes: as many as tell are read, and they say what the whole file says."""
    data, asked = noisy(kind, frames=frames, loop=loop), list[int]()

    def read(most: int) -> bytes:
        asked.append(most)
        return data[:most]

    medium = "video" if frames > 1 else "image"
    assert sniff(telling_head(read)).media_type == sniff(data).media_type == medium
    assert asked[0] == SNIFF_BYTES and len(asked) <= 2 and max(asked) <= 1 << 20


def test_the_first_bytes_of_anything_else_are_enough(photo: bytes) -> None:
    for data in (photo, b"\x00\x00\x00\x18ftypisom" + bytes(10_000), still("png") + bytes(10_000)):
        read = Mock(side_effect=lambda most, data=data: data[:most])
        telling_head(read)
        read.assert_called_once_with(SNIFF_BYTES)


def noisy(kind: str, *, frames: int, loop: int | None) -> bytes:
    """An animation whose every frame has more than 20 kB."""
    rng = np.random.default_rng(0)
    drawn = [Image.fromarray(rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)) for _ in range(frames)]
    buffer = io.BytesIO()
    more = {} if loop is None else {"loop": loop}
    drawn[0].save(buffer, kind.upper(), save_all=True, append_images=drawn[1:], duration=100, quality=90, **more)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_one_frame_is_a_picture(kind: str) -> None:
    assert sniff(still(kind)).media_type == "image"
    with pytest.raises(MediaTypeMismatch):
        expect(still(kind), medium="video")
    with pytest.raises((MediaTypeMismatch, MediaCorrupt)):
        probe_video(io.BytesIO(still(kind)))


def test_transparent_pixels_are_white() -> None:
    clear = [Image.new("RGBA", (32, 32), (255, 0, 0, 0)), Image.new("RGBA", (32, 32), (0, 0, 255, 255))]
    buffer = io.BytesIO()
    clear[0].save(buffer, "PNG", save_all=True, append_images=clear[1:], duration=500)
    frames = [rgb[5, 5].tolist() for _, rgb in read_frames(buffer, (0.0, 0.6))]
    assert frames == [[255, 255, 255], [0, 0, 255]]


def test_delays_too_short_to_see_are_taken_as_browsers_do() -> None:
    found = read_animation(moving_picture("gif", frames=3, delay_ms=10))
    assert found is not None and found.delays_ms == (100, 100, 100)


def test_a_gif_without_loop_is_told_by_its_frames_alone() -> None:
    data = moving_picture("gif", size=(400, 300)).replace(b"NETSCAPE2.0", b"NOTHINGatal")
    assert sniff(data).media_type == "video"


@pytest.mark.parametrize("kind", KINDS)
def test_a_canvas_too_large_is_refused_before_it_is_drawn(kind: str) -> None:
    data = bytearray(moving_picture(kind))
    place, fields = {
        "gif": (6, struct.pack("<HH", 60_000, 60_000)),
        "png": (16, struct.pack(">II", 60_000, 60_000)),
        "webp": (24, b"\xff\xff\x00" * 2),
    }[kind]
    data[place : place + len(fields)] = fields
    with pytest.raises(MediaTooLargePixels):
        probe_video(io.BytesIO(bytes(data)))


def test_too_many_frames_or_seconds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = moving_picture("gif", frames=2)
    image = data.index(b"\x21\xf9\x04", data.index(b"\x21\xf9\x04") + 1)
    with pytest.raises(MediaTooLong, match="frames"):
        probe_video(io.BytesIO(data[:image] + data[image:-1] * (MAX_FRAMES + 1) + b";"))
    with pytest.raises(MediaTooLong, match="minutes"):
        probe_video(io.BytesIO(moving_picture("webp", frames=4, delay_ms=2000)), max_seconds=5)
    monkeypatch.setattr(moving_pictures, "MAX_DRAWN_PIXELS", 160 * 96 * 19)
    with pytest.raises(MediaTooLargePixels):
        probe_video(io.BytesIO(moving_picture("png")))


def test_what_is_cut_off_ends_early(animation: tuple[str, bytes]) -> None:
    name, data = animation
    found = [time_s for time_s, _ in read_frames(io.BytesIO(data[: len(data) * 2 // 3]), (0.0, 0.5, 1.9))]
    assert found == ([] if name == "webp" else [0.0, 0.5])  # libwebp draws no part of a file
    with pytest.raises((MediaCorrupt, MediaTypeMismatch)):
        probe_video(io.BytesIO(data[:40]))


@pytest.mark.parametrize("seed", range(12))
def test_mutated_animations_end_in_frames_or_in_a_problem(seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = np.frombuffer(moving_picture(KINDS[seed % 3]), np.uint8).copy()
    data[rng.integers(12, data.size, 12)] = rng.integers(0, 256, 12)
    source = io.BytesIO(data.tobytes())
    try:
        probed = probe_video(source)
        assert all(rgb.ndim == 3 for _, rgb in read_frames(source, (0.0, probed.facts.duration_s / 2)))
    except DetectorError as error:
        assert 400 <= error.status < 500


def test_a_gif_cut_into_single_bytes_ends() -> None:
    head = moving_picture("gif", frames=1)
    body = head.index(b"\x2c")
    assert sniff(head[: body + 11] + b"\x01\x00\x01" * 700_000).media_type in ("image", "video")
