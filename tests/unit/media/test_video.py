"""Films of every container: what they are told to be, the wanted frames and no others, and what hostile ones are refused as."""

from __future__ import annotations

import io
import struct
from itertools import pairwise, takewhile

import av
import numpy as np
import pytest

from forensics.domain.cuts import early_keyframes
from forensics.domain.errors import MediaCorrupt, MediaTooLong, MediaTypeMismatch
from forensics.media.video import probe_video
from forensics.media.video_frames import read_frames, show_frames
from forensics.media.video_plan import (
    DENSE_SECONDS,
    DENSE_STEP_S,
    LEAST_DENSE_SECONDS,
    frame_times,
    plan_chunks,
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


@pytest.mark.parametrize(("seconds", "count"), [(0.5, 4), (3.0, 7), (10.0, 21), (60.0, 48), (1800.0, 156)])
def test_the_budget_of_looks(seconds: float, count: int) -> None:
    times = frame_times(seconds, keyframes=())
    assert len(times) == count
    assert times[0] == 0.0
    assert seconds - 0.1 <= times[-1] < seconds
    assert times == sorted(times)


def test_chunks_cover_the_video_without_gaps() -> None:
    chunks = plan_chunks(60.0, keyframes=[7.5 * i for i in range(8)])
    assert [c.index for c in chunks] == list(range(len(chunks)))
    assert (chunks[0].start_s, chunks[-1].end_s) == (0.0, 60.0)
    assert all(a.end_s == b.start_s for a, b in pairwise(chunks))
    assert all(c.start_s <= t <= c.end_s for c in chunks for t in c.face_times)
    assert {c.start_s for c in chunks} <= {7.5 * i for i in range(8)}, "every chunk begins with a keyframe"


@pytest.mark.parametrize(("seconds", "whole"), [(0.5, 4), (5.8, 5), (60.0, 12), (1800.0, 20)])
def test_few_looks_are_at_whole_frames_and_each_is_at_faces_too(seconds: float, whole: int) -> None:
    chunks = plan_chunks(seconds, keyframes=())
    assert sum(len(c.times) for c in chunks) == pytest.approx(whole, abs=1)
    assert all(c.times and set(c.times) <= set(c.face_times) for c in chunks)


def test_every_chunk_begins_with_a_stretch_of_dense_looks() -> None:
    for chunk in plan_chunks(60.0, keyframes=()):
        steps = [b - a for a, b in pairwise(chunk.face_times)]
        stretch = list(takewhile(lambda step: step <= DENSE_STEP_S + 0.001, steps))
        assert LEAST_DENSE_SECONDS <= sum(stretch) + DENSE_STEP_S <= DENSE_SECONDS
    dense = plan_chunks(6.0, keyframes=())
    assert all(b - a <= DENSE_STEP_S + 0.001 for c in dense for a, b in pairwise(c.face_times)), "short films all over"


def test_a_look_near_a_keyframe_is_taken_from_it() -> None:
    assert frame_times(1800.0, keyframes=[14.0])[1] == 14.0


def test_a_plan_without_an_index_is_cut_evenly() -> None:
    assert [len(c.times) for c in plan_chunks(30.0, keyframes=())] == [2] * 6
    assert [c.end_s - c.start_s for c in plan_chunks(30.0, keyframes=())] == pytest.approx([5.0] * 6, abs=0.4)


def test_keyframes_before_their_time_tell_of_cuts() -> None:
    assert early_keyframes([0.0, 10.0, 12.5, 22.5, 29.0], 30.0) == (12.5, 29.0)
    assert early_keyframes([0.0, 7.3, 12.9], 30.0) == (7.3, 12.9)
    for regular in ([], [0.0], [2.0 * n for n in range(15)], [0.0, 10.1, 20.0]):
        assert early_keyframes(regular, 30.0) == ()


def test_an_encoder_tells_its_cuts() -> None:
    """x264 begins a scene with a keyframe: here at 2 s, long before the next one is due."""
    probed = probe_video(io.BytesIO(two_scenes()))
    (cut,) = early_keyframes(probed.keyframes_s, probed.facts.duration_s)
    assert cut == pytest.approx(2.0, abs=0.25)  # an MP4's index tells when to decode, a little before


def two_scenes() -> bytes:
    rng, buffer = np.random.default_rng(0), io.BytesIO()
    scenes = [rng.integers(0, 256, (96, 160, 3), dtype=np.uint8) for _ in range(2)]
    with av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=10, options={"preset": "veryfast", "g": "100", "keyint_min": "5"})
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for number in range(80):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(scenes[number >= 20], format="rgb24")))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def test_looks_are_denser_around_cuts_and_no_more_of_them() -> None:
    keyframes = [0.0, 200.0, 400.0, 500.0, 700.0, 900.0]
    cuts = early_keyframes(keyframes, 1000.0)
    even, bent = (frame_times(1000.0, keyframes=keyframes, cuts=told) for told in ((), cuts))
    assert cuts == (500.0,) and len(bent) <= len(even)
    step = 1000.0 / (len(even) - 1)
    assert 500.0 in bent
    assert near(bent, 500.0, step) > near(even, 500.0, step)
    assert max(b - a for a, b in pairwise(bent)) < 1.7 * step, "nothing is left out for it"


def near(times: list[float], at: float, within: float) -> int:
    return sum(abs(t - at) <= within for t in times)


def test_the_dense_stretch_of_a_chunk_begins_at_its_cut() -> None:
    keyframes = [0.0, 10.0, 20.0, 23.0, 33.0, 43.0, 53.0]
    chunk = next(c for c in plan_chunks(60.0, keyframes=keyframes) if c.start_s <= 23.0 < c.end_s)
    assert {round(23.0 + DENSE_STEP_S * n, 3) for n in range(15)} <= set(chunk.face_times)


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
