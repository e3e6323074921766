"""Where a video is looked at: budget, chunks, cuts, dense looks at faces."""

from __future__ import annotations

import io
from itertools import pairwise, takewhile

import av
import numpy as np
import pytest

from forensics.domain.cuts import early_keyframes
from forensics.domain.video import Chunk
from forensics.media.look_times import DENSE_STEP_S, look_times
from forensics.media.video import probe_video
from forensics.media.video_plan import DENSE_SECONDS, LEAST_DENSE_SECONDS, frame_times, plan_chunks


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


def test_looks_are_dense_from_the_first_on_while_a_face_is_in_sight() -> None:
    for chunk in plan_chunks(60.0, keyframes=()):
        steps = [b - a for a, b in pairwise(looked_at(chunk))]
        stretch = list(takewhile(lambda step: step <= DENSE_STEP_S + 0.001, steps))
        assert LEAST_DENSE_SECONDS <= sum(stretch) + DENSE_STEP_S <= DENSE_SECONDS
    dense = plan_chunks(6.0, keyframes=())
    assert all(b - a <= 1.5 * DENSE_STEP_S for c in dense for a, b in pairwise(looked_at(c))), "short films all over"


def test_nobody_in_sight_is_not_looked_at_densely() -> None:
    for chunk in plan_chunks(60.0, keyframes=()):
        assert tuple(look_times(chunk, lambda time_s: False)) == chunk.face_times


def test_dense_looks_wait_for_a_face_and_are_kept_while_it_is_away() -> None:
    chunk = plan_chunks(60.0, keyframes=())[0]
    third, fourth = chunk.face_times[2:4]
    late = [t for t in look_times(chunk, lambda time_s: time_s >= third) if t not in chunk.face_times]
    assert third < late[0] <= third + DENSE_STEP_S + 0.001
    assert len(late) == round(chunk.dense_s / DENSE_STEP_S)
    parted = [
        t for t in look_times(chunk, lambda time_s: time_s <= 0.3 or time_s >= fourth) if t not in chunk.face_times
    ]
    assert len(parted) == len(late) and min(t for t in parted if t > 1.0) > fourth, "in two stretches, as many in all"


def looked_at(chunk: Chunk) -> list[float]:
    """When a worker looks that always sees a face."""
    return list(look_times(chunk, lambda time_s: True))


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
    looks = looked_at(chunk)
    assert 23.0 in chunk.face_times
    assert len([t for t in looks if 23.0 <= t < 24.6]) >= 15
