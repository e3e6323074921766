"""Films of every container: what they are told to be, the wanted frames and no others, and what hostile ones are refused as."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest

from forensics.domain.errors import MediaCorrupt, MediaTooLong, MediaTypeMismatch
from forensics.media.video import probe_video
from forensics.media.video_frames import read_frames, show_frames
from forensics.media.video_plan import (
    frame_times,
)
from tests.support.dataset import data_root
from tests.support.films import CORNER, Film, film, time_of, turned_clockwise
from tests.support.sounds import wav

SECONDS = 6.0
CONTAINERS = {
    "mp4": Film(),
    "mov": Film(container="mov", codec="mpeg4"),
    "mkv": Film(container="matroska"),
    "webm": Film(container="webm", codec="libvpx"),
    "avi": Film(container="avi", codec="mpeg4"),
    "ts": Film(container="mpegts"),
    "flv": Film(container="flv", codec="flv1"),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_facts_of_every_container(name: str) -> None:
    facts = probe_video(io.BytesIO(film(CONTAINERS[name]))).facts
    assert (facts.width, facts.height, facts.rotation, facts.has_audio) == (160, 96, 0, False)
    assert facts.duration_s == pytest.approx(SECONDS, abs=0.3)
    assert facts.fps == pytest.approx(10, abs=0.1)


@pytest.mark.parametrize("name", CONTAINERS)
def test_wanted_frames_come_from_their_times(name: str) -> None:
    wanted = (0.0, 1.5, 3.3, 5.9)
    found = list(read_frames(io.BytesIO(film(CONTAINERS[name])), wanted))
    assert [time_s for time_s, _ in found] == pytest.approx(wanted, abs=0.25)
    for time_s, rgb in found:
        assert (rgb.shape, rgb.dtype) == ((96, 160, 3), np.uint8)
        assert time_of(rgb, SECONDS) == pytest.approx(time_s, abs=0.25)


def test_a_worker_begins_in_the_middle() -> None:
    data = film(Film(seconds=12, keyframe_every=50))
    assert [round(t, 1) for t, _ in read_frames(io.BytesIO(data), (7.0, 9.0))] == [7.0, 9.0]


def test_the_end_stands_for_times_soon_after_it() -> None:
    found = list(read_frames(io.BytesIO(film(Film(seconds=1))), (0.8, 1.2, 1.4, 5.0)))
    assert [round(t, 1) for t, _ in found] == [0.8, 0.9, 0.9]
    assert found[1][1] is found[2][1]


def test_a_slow_film_shows_each_frame_for_all_its_times() -> None:
    found = list(read_frames(io.BytesIO(film(Film(seconds=4, fps=1))), (0.0, 0.7, 0.9, 2.0, 3.95)))
    assert [t for t, _ in found] == [0.0, 1.0, 1.0, 2.0, 3.0]


def test_frames_tell_the_keyframe_before_them() -> None:
    shown = list(show_frames(io.BytesIO(film(Film(keyframe_every=20))), (0.0, 1.0, 2.5, 5.9)))
    assert [s.keyframe_s for s in shown] == pytest.approx([0.0, 0.0, 2.0, 4.0], abs=0.01)


def test_uneven_frames_keep_their_own_times() -> None:
    stamps = [0.0, 0.04, 0.08, 1.0, 1.9, 2.0, 2.05, 3.7, 5.9]
    found = list(read_frames(io.BytesIO(film(Film(stamps_s=stamps))), (0.0, 1.5, 3.0)))
    assert [t for t, _ in found] == pytest.approx([0.0, 1.9, 3.7], abs=0.02)


def test_a_turned_film_is_upright() -> None:
    data = turned_clockwise(film(Film(seconds=1)))
    facts = probe_video(io.BytesIO(data)).facts
    assert (facts.width, facts.height, facts.rotation) == (96, 160, 90)
    _, rgb = next(read_frames(io.BytesIO(data), (0.0,)))
    assert rgb.shape == (160, 96, 3)
    assert rgb[:20, -12:].mean() == pytest.approx(CORNER, abs=8)  # what was left above is right above


def test_sound_is_told() -> None:
    assert probe_video(io.BytesIO(film(Film(seconds=1, sound=True)))).facts.has_audio


def test_a_film_over_the_limit_is_too_long() -> None:
    with pytest.raises(MediaTooLong, match=r"0\.05 minutes"):
        probe_video(io.BytesIO(film(Film())), max_seconds=3)


def test_a_declared_length_that_the_frames_do_not_bear_out_is_measured() -> None:
    data = bytearray(film(Film()))
    at = data.index(b"mdhd") + 4 + 12
    scale = int.from_bytes(data[at : at + 4], "big")
    data[at + 4 : at + 8] = (scale * 7200).to_bytes(4, "big")  # two hours
    assert probe_video(io.BytesIO(bytes(data))).facts.duration_s == pytest.approx(SECONDS, abs=0.3)


@pytest.mark.parametrize("declared_s", [-1.0, 0.0, 0.1, 1.5, 1e300, float("nan")])
def test_what_a_short_length_and_a_short_index_leave_out_is_counted(declared_s: float) -> None:
    data = film(Film(container="matroska", keyframe_every=600))  # one cue, at the beginning
    at = data.index(b"\x44\x89\x88") + 3
    lying = data[:at] + struct.pack(">d", declared_s * 1000) + data[at + 8 :]
    assert probe_video(io.BytesIO(lying)).facts.duration_s == pytest.approx(SECONDS, abs=0.15)


def test_sound_alone_is_no_video() -> None:
    with pytest.raises((MediaTypeMismatch, MediaCorrupt)):
        probe_video(io.BytesIO(wav(seconds=1)))


@pytest.mark.parametrize("keep", [0, 10, 200, 600])
def test_cut_off_films_are_corrupt(keep: int) -> None:
    with pytest.raises(MediaCorrupt):
        probe_video(io.BytesIO(film(Film())[:keep]))


def test_damage_in_the_middle_costs_only_its_frames() -> None:
    spec = Film(container="mpegts", keyframe_every=10)
    data = bytearray(film(spec))
    third = len(data) // 3
    data[third : third + 2000] = bytes(2000)
    found = list(read_frames(io.BytesIO(bytes(data)), (0.0, 5.5)))
    assert [round(t, 1) for t, _ in found] == [0.0, pytest.approx(5.5, abs=0.3)]


@pytest.mark.parametrize("seed", range(12))
def test_mutated_films_end_in_frames_or_in_a_problem(seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = np.frombuffer(
        film(Film(seconds=2, container=("mp4", "matroska", "avi")[seed % 3], codec="mpeg4")), np.uint8
    ).copy()
    data[rng.integers(0, data.size, 30)] = rng.integers(0, 256, 30)
    try:
        probed = probe_video(io.BytesIO(data.tobytes()))
        times = frame_times(probed.facts.duration_s, keyframes=probed.keyframes_s)
        assert all(rgb.ndim == 3 for _, rgb in read_frames(io.BytesIO(data.tobytes()), times))
    except (MediaCorrupt, MediaTooLong, MediaTypeMismatch):
        pass


class StoreDown(OSError):
    pass


class Flaky(io.BytesIO):
    """Fails from the read of that number on."""

    def __init__(self, data: bytes, good_reads: int) -> None:
        super().__init__(data)
        self.left = good_reads

    def read(self, size: int | None = -1, /) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise StoreDown
        return super().read(size)


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
def test_a_store_that_fails_is_no_damage(container: str) -> None:
    data = film(Film(seconds=30, container=container, width=320, height=240, keyframe_every=300))
    source, failed, good = Flaky(data, 10_000), 0, 0
    probe_video(source)
    assert len(list(read_frames(source, (1.0, 29.0)))) == 2
    needed = 10_000 - source.left
    for good in range(needed):
        source = Flaky(data, good)
        with pytest.raises(StoreDown):
            probe_video(source)
            list(read_frames(source, (1.0, 29.0)))
        failed += 1
    assert failed == needed > 3


@pytest.mark.dataset
def test_after_a_jump_an_old_film_with_full_colour_looks_as_it_does_without() -> None:
    data = (data_root() / "video/real/ffpp_original/vid_89f1c6ce46bd.mp4").read_bytes()
    walked = [rgb for _, rgb in read_frames(io.BytesIO(data), [9.0, 12.0])][-1]
    ((_, jumped),) = read_frames(io.BytesIO(data), [12.0])
    assert np.abs(walked.astype(int) - jumped).mean() < 0.5
