"""The Idempotency-Key, as a caller meets it: replays, refusals, attempts that died."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from bench._worker import worker
from forensics.domain.idempotency import Record, record_id
from forensics.domain.limits import month_window
from forensics.web.schemas import Result
from localcloud.aws import CONFIG, session
from localcloud.cloud import LocalCloud
from tests.support.limits import TINY, at_once, client, counters_of, detect, left, records_of, tenant

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("path", ["/detect/image", "/detect"])
def test_the_same_key_gives_the_same_answer_once_billed(cloud: LocalCloud, path: str) -> None:
    with client(cloud, cloud.create_key(tenant=tenant(), plan="free")) as api:
        files, key = {"file": ("a.png", TINY)}, {"Idempotency-Key": "order-1"}
        first = api.post(path, files=files, headers=key)
        again = api.post(path, files={"file": ("other-name.png", TINY)}, headers={"Idempotency-Key": '"order-1"'})
        reused = api.post(path, files=files, data={"strict_mode": "true"}, headers=key)
        other = api.post(path, files=files, headers={"Idempotency-Key": "order-2"})
        used = api.get("/usage").json()["month"]["used"]
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json() and Result.model_validate(again.json())
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert left(again)["monthly"][0] == 49  # where the limits stand is told anew
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")
    assert other.json()["job_id"] != first.json()["job_id"] and used == 2


def test_a_refusal_is_given_again_and_a_fault_of_the_moment_is_not(cloud: LocalCloud) -> None:
    with client(cloud, cloud.create_key(tenant=tenant(), plan="free", per_month=1)) as api:
        broken = [detect(api, TINY[:40], **{"Idempotency-Key": "broken"}) for _ in range(2)]
        assert detect(api).status_code == 200
        over = [detect(api, **{"Idempotency-Key": "over"}) for _ in range(2)]
        malformed = [detect(api, **{"Idempotency-Key": value}) for value in ("", "x" * 256, "a b", '"open')]
    assert [a.json()["code"] for a in broken] == ["media-corrupt"] * 2
    assert broken[1].headers["Idempotency-Replayed"] == "true"
    assert broken[1].headers["Content-Type"] == "application/problem+json"
    assert [a.status_code for a in over] == [429, 429] and "Idempotency-Replayed" not in over[1].headers
    assert [a.status_code for a in malformed] == [400] * 4


def test_a_202_is_given_again(cloud: LocalCloud) -> None:
    with client(cloud, cloud.create_key(tenant=tenant(), plan="free")) as api:
        headers = {"Idempotency-Key": "later", "Prefer": "respond-async"}
        first, again = (detect(api, **headers) for _ in range(2))
        assert (first.status_code, again.status_code) == (202, 202)
        assert first.json() == again.json() and first.headers["Location"] == again.headers["Location"]
        assert api.get("/usage").json()["month"]["used"] == 1
        api.get(f"/jobs/{first.json()['job_id']}", params={"wait": 20})
        assert api.delete(f"/jobs/{first.json()['job_id']}").status_code == 204
        assert detect(api, **headers).status_code == 410  # what was deleted is not told from memory


def kept(cloud: LocalCloud) -> bytes:
    """All that is remembered of answers, opened as far as whoever reads the table can."""
    dynamodb = session().client("dynamodb", endpoint_url=cloud.emulator.endpoint, config=CONFIG)
    pages = dynamodb.get_paginator("scan").paginate(TableName=cloud.outputs["IdempotencyTableName"])
    rows = [row for page in pages for row in page["Items"]]
    opened = [zlib.decompress(row["body"]["B"]) for row in rows if "body" in row]
    return b"\n".join([*opened, *(json.dumps(row, default=repr).encode() for row in rows)])


def test_no_secret_and_no_word_of_a_caller_is_remembered(cloud: LocalCloud) -> None:
    """Answers that show something once are sealed; words of a caller lie with their jobs, and go with them."""
    mark = f"mark-{uuid4().hex}"
    with client(cloud, cloud.create_key(tenant=tenant(), plan="free", per_month=9)) as api:

        def twice(path: str, **content: Any) -> tuple[httpx2.Response, httpx2.Response]:
            headers = {"Idempotency-Key": f"key of {path}", **content.pop("headers", {})}
            headers["Idempotency-Key"] = f'"{headers["Idempotency-Key"]}"'
            first, again = (api.post(path, headers=headers, **content) for _ in range(2))
            assert (first.status_code, again.headers["Idempotency-Replayed"]) == (again.status_code, "true")
            return first, again

        form = {"files": {"file": ("a.png", TINY)}, "data": {"external_id": mark, "metadata": f'{{"desk": "{mark}"}}'}}
        later, replay = twice("/detect/image", headers={"Prefer": "respond-async"}, **form)
        assert later.json() == replay.json() and replay.json()["metadata"] == {"desk": mark}
        job_id = later.json()["job_id"]
        assert api.get(f"/jobs/{job_id}", params={"wait": 20}).json()["status"] == "completed"

        items = [{"upload_id": "upload_unknown", "external_id": mark}]
        batch, replay = twice("/batches", json={"items": items})
        assert batch.content == replay.content and mark in replay.text
        word, replay = twice(f"/jobs/{job_id}/feedback", json={"label": "authentic", "comment": mark})
        assert (word.status_code, word.content) == (201, replay.content) and mark in replay.text
        hook, replay = twice("/webhook-endpoints", json={"url": "http://127.0.0.1:9/", "description": mark})
        secret = hook.json()["secret"]
        assert hook.content == replay.content and secret.startswith("whsec_")
        turned, replay = twice(f"/webhook-endpoints/{hook.json()['id']}/rotate")
        assert turned.content == replay.content and turned.json()["secret"] != secret
        place, replay = twice("/uploads", json={"content_type": "image/png", "size": 1})
        assert place.content == replay.content

        table = kept(cloud)
        assert place.json()["fields"]["policy"].encode() not in table
        for word_of_a_caller in (mark, secret, turned.json()["secret"]):
            assert word_of_a_caller.removeprefix("whsec_").encode() not in table


def test_many_at_once_with_one_key_make_one_job(cloud: LocalCloud) -> None:
    with client(cloud, cloud.create_key(tenant=tenant(), plan="free")) as api:
        answers = at_once(lambda i: detect(api, **{"Idempotency-Key": "one"}), 6, threads=3)
        final = detect(api, **{"Idempotency-Key": "one"})
        used = api.get("/usage").json()["month"]["used"]
    assert {a.status_code for a in answers} <= {200, 409}
    for busy in (a for a in answers if a.status_code == 409):
        assert busy.json()["code"] == "idempotency-in-flight" and int(busy.headers["Retry-After"]) >= 1
    assert len({a.json()["job_id"] for a in [*answers, final] if a.status_code == 200}) == 1
    assert used == 1


@pytest.mark.parametrize("stage", ["before the job", "after the job"])
def test_an_attempt_that_died_is_taken_up_without_a_second_job(cloud: LocalCloud, stage: str) -> None:
    who, records, counters = tenant(), records_of(cloud), counters_of(cloud)
    with client(cloud, cloud.create_key(tenant=who, plan="free")) as api:
        first = detect(api, **{"Idempotency-Key": "seen"})
        now_ms = int(time.time() * 1000)
        seen = records.begin(Record(record_id(who, "/v1/detect/image", "seen"), "", "", 0, ""), now_ms=now_ms)
        assert seen is not None
        job_id = first.json()["job_id"] if stage == "after the job" else "job_useast1_01ARZ3NDEKTSV4RRFFQ69G5FAV"
        if stage == "before the job":  # it had come as far as the bill
            counters.charge(who, [job_id], month_window(datetime.now(UTC)), medium="image", quota=50)
        crashed = record_id(who, "/v1/detect/image", "crashed")
        running = Record(crashed, seen.fingerprint, "dead", now_ms + 60_000, job_id)
        assert records.begin(running, now_ms=now_ms) is None
        busy = detect(api, **{"Idempotency-Key": "crashed"})
        records.let_go(crashed, "dead")  # as its lock runs out
        taken_up = detect(api, **{"Idempotency-Key": "crashed"})
        used = api.get("/usage").json()["month"]["used"]
    assert busy.status_code == 409
    assert (taken_up.status_code, taken_up.json()["job_id"]) == (200, job_id)
    assert "Idempotency-Replayed" not in taken_up.headers
    assert used == (1 if stage == "after the job" else 2)


class Stalling(http.server.BaseHTTPRequestHandler):
    """Keeps whoever fetches the file waiting, until it is let go."""

    let_go = threading.Event()

    def do_GET(self) -> None:
        self.let_go.wait(50)
        self.send_response(200)
        self.send_header("Content-Length", str(len(TINY)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(TINY)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.mark.slow
def test_an_attempt_whose_process_is_killed_is_taken_up_once(cloud: LocalCloud) -> None:
    """The function dies while it waits for the caller's file; its key is free when its time limit is over, and a second."""
    Stalling.let_go.clear()
    with (
        client(cloud, cloud.create_key(tenant=tenant(), plan="free")) as api,
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stalling) as server,
        ThreadPoolExecutor(2) as pool,
    ):
        pool.submit(server.serve_forever)
        body = {"media_url": f"http://127.0.0.1:{server.server_port}/a.png"}

        def ask() -> httpx2.Response:
            return api.post("/detect/image", json=body, headers={"Idempotency-Key": "killed"})

        assert detect(api).status_code == 200  # the process that will be killed is up
        first = pool.submit(ask)
        time.sleep(3)
        process = worker(cloud, "detect_image")
        assert process is not None
        process.kill()
        assert first.result().status_code >= 500
        Stalling.let_go.set()
        deadline = time.monotonic() + 90
        while (answer := ask()).status_code == 409 and time.monotonic() < deadline:
            time.sleep(2)
        again = ask()
        assert (answer.status_code, again.json()) == (200, answer.json())
        assert again.headers["Idempotency-Replayed"] == "true"
        assert api.get("/usage").json()["month"]["used"] == 2  # the warm-up's, and one for three attempts
        assert len(api.get("/jobs").json()["data"]) == 2
        server.shutdown()
