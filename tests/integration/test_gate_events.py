"""The recorded events of the gate: keys, limits, faults and paths that need no key, replayed against their real handlers."""

from __future__ import annotations

import pytest

from forensics.domain.keys import hash_key, key_id
from forensics.web.model_routes import ModelList
from forensics.web.schemas import Problem
from tests.integration.conftest import DEMO_KEY, Load, answer, event
from tests.support.events import LambdaContext


def test_a_known_key_opens_the_stage(handler: Load) -> None:
    policy = handler("authorizer")(event("authorizer_known_key"), LambdaContext())
    told = {"tenant": "acme", "plan": "free", "scopes": "detect jobs", "live": "false", "per_minute": "20"}
    assert policy["context"] == {**told, "key_id": key_id(hash_key(DEMO_KEY))}
    (statement,) = policy["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/prod/*"


@pytest.mark.parametrize("name", ["authorizer_unknown_key", "authorizer_no_key"])
def test_no_valid_key_is_unauthorized(handler: Load, name: str) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        handler("authorizer")(event(name), LambdaContext())


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("detect_image_truncated", 422, "media-corrupt"),
        ("detect_video_truncated", 422, "media-corrupt"),
        ("detect_image_private_url", 422, "media-url-forbidden"),
        ("detect_image_unknown_upload", 422, "upload-not-found"),
        ("detect_unknown_bytes", 415, "unsupported-media-type"),
        ("jobs_get", 404, "not-found"),
        ("jobs_list_bad_cursor", 400, "invalid-request"),
        ("jobs_feedback", 404, "not-found"),
        ("batches_get_unknown", 404, "not-found"),
    ],
)
def test_faults_are_problems(handler: Load, name: str, status: int, code: str) -> None:
    got, body = answer(handler, name)
    assert (got, Problem.model_validate(body).code) == (status, code)


def test_a_key_is_told_where_its_limits_stand(handler: Load) -> None:
    before, after = (answer(handler, "usage_get")[1] for _ in range(2))
    assert (before["minute"]["used"], after["minute"]["used"]) == (1, 2)
    assert after["minute"]["limit"] == 20 and after["month"]["limit"] == 50


@pytest.mark.parametrize(
    ("name", "member"), [("jobs_health", "status"), ("jobs_status", "components"), ("jobs_openapi", "openapi")]
)
def test_public_paths_need_no_key(handler: Load, name: str, member: str) -> None:
    status, body = answer(handler, name)
    assert status == 200 and member in body


def test_the_page_for_people_is_served(handler: Load) -> None:
    page = handler("jobs")(event("jobs_docs"), LambdaContext())
    assert page["statusCode"] == 200 and page["body"].startswith("<!doctype html>") and not page["isBase64Encoded"]


def test_a_method_that_a_path_does_not_have_is_told(handler: Load) -> None:
    status, body = answer(handler, "jobs_wrong_method")
    assert (status, Problem.model_validate(body).code) == (405, "method-not-allowed")


def test_the_models_are_told(handler: Load) -> None:
    status, body = answer(handler, "jobs_models")
    assert status == 200 and {"image", "audio", "video"} <= {m.name for m in ModelList.model_validate(body).data}
