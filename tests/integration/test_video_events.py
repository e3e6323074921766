"""The recorded events of a video's job, from its call to its end, replayed against their real handlers over moto."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from forensics.domain.job import Job
from forensics.store.clients import AwsClients
from forensics.store.jobs import DynamoJobs
from forensics.web.schemas import FailedJob, PendingJob, Result
from tests.integration.conftest import JOB_ID, Load, answer, event, objects
from tests.support.clips import clip
from tests.support.events import LambdaContext


def test_a_video_becomes_an_execution_named_by_its_job(handler: Load, stack: AwsClients) -> None:
    status, body = answer(handler, "detect_video_async")
    job = PendingJob.model_validate(body)
    assert (status, objects(stack)) == (202, [f"media/acme/{job.job_id}"])
    machine = stack.stepfunctions().list_state_machines()["stateMachines"][0]["stateMachineArn"]
    (execution,) = stack.stepfunctions().list_executions(stateMachineArn=machine)["executions"]
    assert execution["name"] == job.job_id
    told = stack.stepfunctions().describe_execution(executionArn=execution["executionArn"])["input"]
    assert json.loads(told) == {"tenant": "acme", "job_id": job.job_id, "media_key": f"media/acme/{job.job_id}"}


def test_a_video_goes_through_its_tasks(handler: Load, stack: AwsClients, queued: Callable[[bytes], Job]) -> None:
    queued(clip(seconds=2))
    plan = handler("video_plan")(event("video_plan_task"), LambdaContext())
    assert (plan["facts"]["width"], plan["has_audio"], len(plan["chunks"])) == (320, True, 1)
    seen = handler("video_frames")(event("video_frames_task"), LambdaContext())
    heard = handler("video_audio")(event("video_audio_task"), LambdaContext())
    found = [
        json.loads(stack.s3().get_object(Bucket="media", Key=told["result_key"])["Body"].read())
        for told in (seen, heard)
    ]
    assert (len(found[0]["frames"]), found[0]["error"], found[1]["error"]) == (4, None, None)
    json.dumps([plan, seen, heard])


def test_a_file_that_is_no_video_leaves_its_task_as_a_media_fault(
    handler: Load, queued: Callable[[bytes], Job]
) -> None:
    queued(clip()[:3000])
    plan = handler("video_plan")
    with pytest.raises(Exception, match="media-corrupt") as raised:
        plan(event("video_plan_task"), LambdaContext())
    assert type(raised.value).__name__ == "MediaFault"


def test_what_was_found_is_joined_and_the_media_gone(
    handler: Load, stack: AwsClients, jobs: DynamoJobs, queued: Callable[[bytes], Job]
) -> None:
    queued(clip())
    assert handler("video_join")(event("video_join_task"), LambdaContext()) == {"status": "completed"}
    job = jobs.get("acme", JOB_ID)
    assert job is not None and objects(stack) == []
    found = Result.model_validate(job.document)
    assert (found.verdict, found.media.coverage) == ("synthetic", 0.5)
    assert any("1.0-2.0 s" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("name", "code"), [("job_finish_caught", "media-corrupt"), ("job_finish_stopped", "internal-error")]
)
def test_a_job_without_a_verdict_is_ended(
    handler: Load, stack: AwsClients, jobs: DynamoJobs, queued: Callable[[bytes], Job], name: str, code: str
) -> None:
    queued(b"no verdict")
    assert handler("job_finish")(event(name), LambdaContext()) == {"status": "failed"}
    job = jobs.get("acme", JOB_ID)
    assert job is not None and objects(stack) == []
    assert FailedJob.model_validate(job.document).error.code == code
