"""The life of a key, as its callers and administrators meet it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta

import httpx2
import pytest

from forensics.domain.keys import hash_key, key_id
from forensics.web.schemas import Result
from forensics.web.usage_routes import UsageReport
from localcloud.aws import REGION, ROOT_KEY
from localcloud.cloud import LocalCloud
from tests.support.limits import TINY, client, detect, tenant

pytestmark = pytest.mark.e2e


def test_a_revoked_key_dies_at_its_next_call(cloud: LocalCloud) -> None:
    key = cloud.create_key(tenant=tenant())
    with client(cloud, key) as api:
        assert api.get("/usage").status_code == 200  # and the gateway remembers the key for a minute now
        cloud.keys().revoke(key_id(hash_key(key)))
        refused = api.get("/usage")
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_rotated_key_dies_when_the_overlap_is_over(cloud: LocalCloud) -> None:
    old = cloud.create_key(tenant=tenant())
    new = cloud.keys().rotate(key_id(hash_key(old)), overlap=timedelta(seconds=3)).key
    with client(cloud, old) as before, client(cloud, new) as after:
        assert (before.get("/usage").status_code, after.get("/usage").status_code) == (200, 200)
        time.sleep(3.1)
        assert (before.get("/usage").status_code, after.get("/usage").status_code) == (401, 200)


def test_a_test_key_answers_from_the_script(cloud: LocalCloud) -> None:
    with client(cloud, cloud.create_key(tenant=tenant(), plan="free", live=False)) as api:

        def ask(script: str | None, **headers: str) -> httpx2.Response:
            data = {"external_id": script} if script else {}
            return api.post("/detect/image", files={"file": ("a.png", TINY)}, data=data, headers=headers)

        first, again = ask(None), ask(None)
        verdicts = {
            name: ask(f"test:{name}").json()["verdict"] for name in ("authentic", "manipulated", "inconclusive")
        }
        errors = {code: ask(f"test:{code}") for code in ("media-corrupt", "service-unavailable")}
        failing = ask("test:media-corrupt", Prefer="respond-async")
        unified = api.post("/detect", files={"file": ("a.png", TINY)})
        assert api.get(f"/jobs/{first.json()['job_id']}").json() == first.json()
        assert api.get(f"/jobs/{failing.json()['job_id']}").json()["error"]["code"] == "media-corrupt"
        assert ask("test:no-such").status_code == 400 and detect(api, b"no picture").status_code == 415
        usage = UsageReport.model_validate(api.get("/usage").json())
    assert first.json()["verdict"] == again.json()["verdict"] == unified.json()["verdict"] == "synthetic"
    assert Result.model_validate(first.json()).warnings == ["This is the answer to a test key: nothing was analysed."]
    assert verdicts == {name: name for name in verdicts}
    assert [a.status_code for a in errors.values()] == [422, 503] and failing.status_code == 202
    assert (usage.mode, usage.month.used) == ("test", 0) and usage.minute.used > 0


def test_administrators_make_and_end_keys_from_outside(cloud: LocalCloud) -> None:
    environment = {**os.environ, "AWS_ENDPOINT_URL": cloud.emulator.endpoint, "AWS_DEFAULT_REGION": REGION}
    environment |= {"AWS_ACCESS_KEY_ID": ROOT_KEY, "AWS_SECRET_ACCESS_KEY": ROOT_KEY, "NO_PROXY": "127.0.0.1"}

    def admin(*arguments: str, sent: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "forensics.cli.admin", *arguments]
        return subprocess.run(command, env=environment, input=sent, capture_output=True, text=True)

    who = tenant()
    key = admin("keys", "create", "--tenant", who, "--plan", "pro").stdout.strip()
    with client(cloud, key) as api:
        assert api.get("/usage").json()["plan"] == "pro"
        assert admin("keys", "revoke", sent=key).returncode == 0
        assert api.get("/usage").status_code == 401
    listed = admin("keys", "list", "--tenant", who).stdout
    assert "revoked" in listed and key not in listed
    nowhere = admin("--stack", "no-such-stack", "keys", "list")
    assert (nowhere.returncode, "Traceback" in nowhere.stderr) == (2, False)
