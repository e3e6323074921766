"""The recorded events that end what was left: timers, deleted jobs and dead letters, replayed against the real handlers."""

from __future__ import annotations

from collections.abc import Callable

from forensics.domain.job import Job
from forensics.store.clients import AwsClients
from forensics.store.jobs import DynamoJobs
from forensics.web.schemas import FailedJob, Problem
from tests.integration.conftest import JOB_ID, Load, answer, event, objects
from tests.support.events import LambdaContext


def test_the_timer_deletes_what_was_left(handler: Load, stack: AwsClients, queued: Callable[[bytes], Job]) -> None:
    queued(b"left behind")
    assert handler("purge")(event("purge_timer"), LambdaContext()) == {"batchItemFailures": []}
    assert objects(stack) == []


def test_a_deleted_job_is_gone_and_erased_once_more(
    handler: Load, stack: AwsClients, jobs: DynamoJobs, queued: Callable[[bytes], Job]
) -> None:
    job = queued(b"deleted")
    purge = handler("purge")
    assert purge(event("purge_erase"), LambdaContext()) == {"batchItemFailures": []}
    assert objects(stack) == [job.media_key]  # a timer alone deletes nothing
    deleted = handler("jobs")(event("jobs_delete"), LambdaContext())
    assert (deleted["statusCode"], deleted["body"], objects(stack)) == (204, "", [])
    for name in ("jobs_delete", "jobs_get"):
        status, body = answer(handler, name)
        assert (status, Problem.model_validate(body).code) == (410, "deleted")
    stack.s3().put_object(Bucket="media", Key=f"artifacts/acme/{JOB_ID}/heatmap.png", Body=b"late")
    purge(event("purge_erase"), LambdaContext())
    assert objects(stack) == []
    left = jobs.get("acme", JOB_ID)
    assert left is not None and left.status == "deleted"


def test_a_dead_letter_ends_its_job(
    handler: Load, stack: AwsClients, jobs: DynamoJobs, queued: Callable[[bytes], Job]
) -> None:
    queued(b"never analysed")
    handler("purge")(event("purge_dead_letter"), LambdaContext())
    job = jobs.get("acme", JOB_ID)
    assert job is not None
    failed = FailedJob.model_validate(job.document)
    assert (failed.error.code, objects(stack)) == ("internal-error", [])
    assert failed.retention.deleted_at is not None


def test_a_malformed_message_fails_alone(handler: Load) -> None:
    both = event("purge_malformed")
    good = event("purge_timer")["Records"][0] | {"messageId": "good"}
    answered = handler("purge")({"Records": [*both["Records"], good]}, LambdaContext())
    assert answered == {"batchItemFailures": [{"itemIdentifier": both["Records"][0]["messageId"]}]}
