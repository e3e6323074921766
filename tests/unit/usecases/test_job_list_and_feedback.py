from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from forensics.domain.errors import Deleted, InvalidRequest, NotFound, NoVerdict
from forensics.domain.feedback import Feedback, Label
from forensics.domain.job import DetectOptions, Job, JobStatus
from forensics.domain.job_list import JobFilter, JobPage, Position, cursor_of, position_of
from forensics.usecases.leave_feedback import LeaveFeedback
from forensics.usecases.list_jobs import ListJobs
from tests.support.fakes import START, FakeClock, FakeJobs

ASKED = JobFilter("acme", JobStatus.FAILED, "video", datetime(2026, 11, 1, tzinfo=UTC))
HERE = Position("2026-11-22T14:40:00+00:00", "job_euwest1_01ARZ3NDEKTSV4RRFFQ69G5FAV")
JOB = Job("acme", "job_1", JobStatus.QUEUED, "image", DetectOptions(), "r1", START)


@dataclass
class Lister:
    after: list[Position | None] = field(default_factory=list)

    def __call__(self, asked: JobFilter, *, limit: int, after: Position | None = None) -> JobPage:
        self.after.append(after)
        return JobPage(({"job_id": "x"},) * limit, None if after else HERE)


def test_a_cursor_leads_to_the_next_page_and_the_last_has_none() -> None:
    lister = Lister()
    first = ListJobs(lister)(ASKED, limit=2)
    last = ListJobs(lister)(ASKED, limit=2, cursor=first.next_cursor)
    assert (len(first.data), lister.after, last.next_cursor) == (2, [None, HERE], None)


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, tenant="rival"),
        replace(ASKED, status=None),
        replace(ASKED, media_type="image"),
        replace(ASKED, created_after=None),
    ],
)
def test_a_cursor_is_good_for_its_own_list_alone(other: JobFilter) -> None:
    with pytest.raises(InvalidRequest):
        position_of(other, cursor_of(ASKED, HERE))


def test_a_changed_cursor_is_refused() -> None:
    cursor = cursor_of(ASKED, HERE)
    assert position_of(ASKED, cursor) == HERE
    changed = [cursor[:i] + ("A" if cursor[i] != "A" else "B") + cursor[i + 1 :] for i in range(len(cursor))]
    tail_bits = 1  # the last character's spare bits mean nothing in base64
    for text in [
        *changed[:-tail_bits],
        cursor[:-4],
        "",
        "é",
        "[]",
        base64.urlsafe_b64encode(b"[1,2]").decode(),
        "A" * 9,
    ]:
        with pytest.raises(InvalidRequest):
            position_of(ASKED, text)


@dataclass
class Rows(FakeJobs):
    words: dict[str, Feedback] = field(default_factory=dict)

    def leave_feedback(self, tenant: str, job_id: str, key_id: str, feedback: Feedback) -> bool | None:
        job = self.get(tenant, job_id)
        if job is None or job.status is not JobStatus.COMPLETED:
            return None
        first = key_id not in self.words
        self.words[key_id] = feedback
        return first


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (JobStatus.QUEUED, NoVerdict),
        (JobStatus.PROCESSING, NoVerdict),
        (JobStatus.FAILED, NoVerdict),
        (JobStatus.DELETED, Deleted),
    ],
)
def test_only_a_verdict_can_be_spoken_of(status: JobStatus, error: type[Exception]) -> None:
    rows = Rows({("acme", "job_1"): replace(JOB, status=status)})
    with pytest.raises(error):
        LeaveFeedback(rows, FakeClock())("acme", "job_1", key_id="k", label=Label.UNKNOWN)
    with pytest.raises(NotFound):
        LeaveFeedback(rows, FakeClock())("rival", "job_1", key_id="k", label=Label.UNKNOWN)


def test_the_latest_word_of_a_key_stands() -> None:
    rows = Rows({("acme", "job_1"): replace(JOB, status=JobStatus.COMPLETED)})
    leave = LeaveFeedback(rows, FakeClock())
    assert leave("acme", "job_1", key_id="k", label=Label.AUTHENTIC, comment="mine")[1]
    kept, first = leave("acme", "job_1", key_id="k", label=Label.SYNTHETIC)
    assert (first, rows.words["k"]) == (False, kept)
    assert (kept.label, kept.comment) == (Label.SYNTHETIC, None)
