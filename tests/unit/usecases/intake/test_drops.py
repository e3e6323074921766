"""Files that other systems drop into a tenant's folder: each becomes a job's own, or is gone with its problem."""

from __future__ import annotations

import json

from forensics.domain.audit import Step
from forensics.domain.events import RowChange
from forensics.domain.job import Job
from forensics.usecases.audit import job_steps
from tests.support.fakes import START
from tests.support.sounds import wav
from tests.unit.usecases.intake.conftest import LIMITS, World


def test_a_dropped_file_moves_to_its_job(world: World) -> None:
    told = world.drop("intake/acme/call.wav", wav(seconds=1))
    for _ in range(2):
        world.tell(told)
    world.accept(world.sent()[0])
    assert (world.only.options.external_id, world.only.media_type) == ("call.wav", "audio")
    assert list(world.media.objects) == [f"media/acme/{world.only.job_id}"]


def test_a_file_that_took_the_name_of_another_is_not_taken_for_it(world: World) -> None:
    first = world.drop("intake/acme/call.wav", b"first", etag="e1")
    second = world.drop("intake/acme/call.wav", wav(seconds=1), etag="e2")
    world.tell(first)
    world.tell(second, message_id="id-2")
    assert [job.document.get("error", {}).get("code") for job in world.all] == ["upload-not-found", None]


def test_a_refused_file_is_gone_with_its_verdict(world: World) -> None:
    world.tell(world.drop("intake/acme/huge.mp4", b"x", size=LIMITS["audio"] + 1))
    assert (world.code(), world.media.objects) == ("payload-too-large", {})


def test_the_audit_tells_of_a_drop(world: World) -> None:
    world.tell(world.drop("intake/acme/call.wav", wav(seconds=1)))
    before = row(world.only)
    assert [entry.step for entry in job_steps(RowChange({}, before, START))] == [Step.ACCEPTED]
    world.accept(world.sent()[0])
    steps = [entry.step for entry in job_steps(RowChange(before, row(world.only), START))]
    assert steps == [Step.DROPPED, Step.STORED]


def row(job: Job) -> dict[str, str]:
    return {
        "tenant": job.tenant,
        "job_id": job.job_id,
        "status": job.status.value,
        "created_at": job.created_at.isoformat(),
        "source": job.source,
        "door": job.door,
        "media_key": str(job.media_key),
        "document": json.dumps(job.document),
    }
