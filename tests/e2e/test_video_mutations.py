"""Hostile films through the API: never a 5xx, never without an end, never out of memory, always an answer of the contract.

`-m slow` sends all 200 and follows every job to its end; the default suite sends twelve. Both print what came back (`-s` shows it).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import httpx2
import pytest

from localcloud.cloud import LocalCloud, local_cloud
from tests.support.bombard import PEAK_BYTES
from tests.support.follow import VideoTally
from tests.support.hostile import Call, Hostile
from tests.support.video_mutations import good_films, hostile_films

pytestmark = pytest.mark.e2e

CALLS = 200
STRIDE = 17
GREEDY = "without a keyframe"  # of these a worker takes a minute; the slow suite has them
TIMEOUT_S = 60


@pytest.fixture(scope="module")
def open_cloud() -> Iterator[LocalCloud]:
    """A local cloud of its own: the peak of fresh processes belongs to these calls alone."""
    with local_cloud() as running:
        yield running


@pytest.fixture(scope="module")
def hostile() -> list[Hostile]:
    return hostile_films(good_films(), count=CALLS)


def bombard(cloud: LocalCloud, calls: Sequence[Hostile]) -> VideoTally:
    """Send the calls one by one; prints the tally and asserts what must hold."""
    tally = VideoTally()
    headers = {"Authorization": f"Bearer {cloud.create_key()}"}
    with httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=TIMEOUT_S, trust_env=False) as api:
        tally.follow(api, Hostile("warm-up", lambda: Call(b"{}", "application/json")))
        for call in calls:
            tally.follow(api, call)
            tally.weigh_all(cloud, call.name)
    print(f"\n{len(calls)} hostile films\n{tally}")  # noqa: T201 -- the figures are the point
    assert tally.wrong == []
    assert tally.largest[0] <= PEAK_BYTES
    return tally


@pytest.mark.timeout(900)
def test_a_sample_of_hostile_films_is_answered(open_cloud: LocalCloud, hostile: list[Hostile]) -> None:
    bombard(open_cloud, [call for call in hostile if GREEDY not in call.name][::STRIDE])


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_all_hostile_films_are_answered(open_cloud: LocalCloud, hostile: list[Hostile]) -> None:
    tally = bombard(open_cloud, hostile)
    assert sum(tally.answers.values()) == CALLS + 1  # and the warm-up
