"""Who may call: keys in force, with the scope, for their own tenant's jobs; the description is for everybody."""

from __future__ import annotations

import httpx2
import pytest

from forensics.domain.keys import hash_key
from localcloud.aws import CONFIG, session
from localcloud.cloud import LocalCloud
from localcloud.demo import MEDIA
from tests.e2e.conftest import detect, problem, result

pytestmark = pytest.mark.e2e


def test_another_tenants_job_does_not_exist(cloud: LocalCloud, api: httpx2.Client) -> None:
    job = detect(api, (MEDIA / "photo.jpg").read_bytes()).job_id
    other = {"Authorization": f"Bearer {cloud.create_key(tenant='other')}"}
    theirs = api.get(f"/jobs/{job}", headers=other)
    unknown = api.get(f"/jobs/{job[:-1]}0", headers=other)
    assert problem(theirs, 404, "not-found").detail == problem(unknown, 404, "not-found").detail
    assert result(api.get(f"/jobs/{job}")).job_id == job


def test_a_key_that_is_not_in_force_opens_nothing(cloud: LocalCloud, anonymous: httpx2.Client) -> None:
    revoked = cloud.create_key()
    dynamodb = session().client("dynamodb", endpoint_url=cloud.emulator.endpoint, config=CONFIG)
    dynamodb.update_item(
        TableName=cloud.outputs["KeysTableName"],
        Key={"key_hash": {"S": hash_key(revoked)}},
        UpdateExpression="SET #s = :revoked",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":revoked": {"S": "revoked"}},
    )
    headers: list[dict[str, str]] = [{}, {"Authorization": f"Bearer {revoked}"}, {"Authorization": "Bearer dd_live_x"}]
    for sent in headers:
        answer = anonymous.post("/detect/image", files={"file": ("a", b"x")}, headers=sent)
        problem(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_without_the_scope_is_refused(cloud: LocalCloud, anonymous: httpx2.Client) -> None:
    reader = {"Authorization": f"Bearer {cloud.create_key(scopes=('jobs',))}"}
    problem(anonymous.post("/detect/image", files={"file": ("a", b"x")}, headers=reader), 403, "forbidden")


def test_the_description_is_public(anonymous: httpx2.Client) -> None:
    document = anonymous.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert {"/v1/detect", "/v1/detect/image", "/v1/jobs/{job_id}"} <= document["paths"].keys()
