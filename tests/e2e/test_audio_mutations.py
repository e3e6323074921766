"""Hostile recordings through the API: never a 5xx, never late, never out of memory, always an answer of the contract.

`-m slow` sends all 300; the default suite every tenth of them. Both print what came back (`-s` shows it).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localcloud.cloud import LocalCloud, local_cloud
from tests.support.audio_mutations import good_recordings, hostile_recordings
from tests.support.bombard import bombard

pytestmark = pytest.mark.e2e

CALLS = 300
STRIDE = 10


@pytest.fixture(scope="module")
def open_cloud() -> Iterator[LocalCloud]:
    """A local cloud of its own: the peak of a fresh process belongs to these calls alone."""
    with local_cloud() as running:
        yield running


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return good_recordings()


def test_a_sample_of_hostile_recordings_is_answered(open_cloud: LocalCloud, files: dict[str, bytes]) -> None:
    bombard(open_cloud, hostile_recordings(files, count=CALLS)[::STRIDE], medium="audio")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_all_hostile_recordings_are_answered(open_cloud: LocalCloud, files: dict[str, bytes]) -> None:
    tally = bombard(open_cloud, hostile_recordings(files, count=CALLS), medium="audio")
    assert sum(tally.answers.values()) == CALLS + 1  # and the warm-up
