"""DELETE /v1/jobs/{job_id} over the app: who may, what is asked of the use case, and what comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from forensics.domain.errors import Deleted, NotFound
from forensics.web.app import create_app, lambda_handler
from forensics.web.job_routes import delete_router
from tests.support.events import LambdaContext, api_event


class Jobs:
    """One job, `job_1` of acme."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def delete(self, tenant: str, job_id: str) -> None:
        self.asked.append((tenant, job_id))
        if (tenant, job_id) != ("acme", "job_1"):
            raise NotFound("There is no such job.")
        if self.asked.count((tenant, job_id)) > 1:
            raise Deleted("This job was deleted.")


def call(jobs: Jobs, job_id: str = "job_1", **caller: Any) -> dict[str, Any]:
    app = create_app(delete_router(jobs.delete))
    answer: dict[str, Any] = lambda_handler(app)(api_event("DELETE", f"/v1/jobs/{job_id}", **caller), LambdaContext())  # type: ignore[arg-type]
    return answer


def test_a_job_is_deleted_once() -> None:
    jobs = Jobs()
    assert (call(jobs)["statusCode"], call(jobs)["statusCode"]) == (204, 410)


def test_the_answer_has_no_body() -> None:
    assert call(Jobs())["body"] == ""


def test_another_tenants_id_is_not_found() -> None:
    answer = call(Jobs(), tenant="rival")
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (404, "not-found")


def test_the_scope_is_needed_before_anything_is_asked() -> None:
    jobs = Jobs()
    assert call(jobs, scopes="detect")["statusCode"] == 403 and jobs.asked == []


@pytest.mark.parametrize("job_id", ["x" * 200, "j%C3%B6b", "a%00b"])
def test_what_was_never_issued_is_not_asked_for(job_id: str) -> None:
    jobs = Jobs()
    assert call(jobs, job_id)["statusCode"] == 404 and jobs.asked == []
