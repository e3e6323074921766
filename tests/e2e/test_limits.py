"""Keys, limits, bills and idempotency keys, as a caller meets them."""

from __future__ import annotations

import contextlib
import http.server
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import uuid4

import httpx2
import pytest

from bench._worker import worker
from forensics.domain.idempotency import Record, record_id
from forensics.domain.keys import hash_key, key_id
from forensics.domain.limits import month_window
from forensics.store.counters import DynamoCounters
from forensics.store.idempotency import DynamoRecords
from forensics.web.schemas import PendingJob, Problem, Result
from forensics.web.usage_routes import UsageReport
from localcloud.aws import CONFIG, REGION, ROOT_KEY, session
from localcloud.cloud import LocalCloud
from tests.support.clips import clip

pytestmark = pytest.mark.e2e

TINY = bytes.fromhex(  # a PNG of one pixel
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cfc0f01f0005000101"
    "ff3a2ec6f90000000049454e44ae426082"
)
T = TypeVar("T")
FIELD = re.compile(r'"(\w+)";r=(\d+);t=(\d+)')
SECONDS_NEEDED = 25


def client(cloud: LocalCloud, key: str) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=120, trust_env=False)


def detect(api: httpx2.Client, data: bytes = TINY, **headers: str) -> httpx2.Response:
    return api.post("/detect/image", files={"file": ("a.png", data)}, headers=headers)


def left(answer: httpx2.Response) -> dict[str, tuple[int, int]]:
    """What RateLimit tells: by limit what is left, and for how long."""
    return {name: (int(r), int(t)) for name, r, t in FIELD.findall(answer.headers["RateLimit"])}


def early_in_the_minute(seconds: int = SECONDS_NEEDED) -> None:
    """Wait for the next minute unless this one is long enough for what follows: its window must hold all of it."""
    rest = 60 - time.time() % 60
    if rest < seconds:
        time.sleep(rest + 0.1)


def tenant() -> str:
    return f"t-{uuid4().hex[:12]}"


@pytest.fixture
def counters(cloud: LocalCloud) -> DynamoCounters:
    dynamodb = session().client("dynamodb", endpoint_url=cloud.emulator.endpoint, config=CONFIG)
    return DynamoCounters(lambda: dynamodb, cloud.outputs["CountersTableName"])


@pytest.fixture
def records(cloud: LocalCloud) -> DynamoRecords:
    dynamodb = session().client("dynamodb", endpoint_url=cloud.emulator.endpoint, config=CONFIG)
    return DynamoRecords(lambda: dynamodb, cloud.outputs["IdempotencyTableName"])


def at_once(call: Callable[[int], T], number: int, *, threads: int) -> list[T]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, range(number)))


def test_64_threads_pass_no_more_than_a_quota(counters: DynamoCounters) -> None:
    window, who = month_window(datetime.now(UTC)), tenant()
    taken = at_once(lambda i: counters.take(who, window, quota=300).allowed, 400, threads=64)
    assert Counter(taken) == {True: 300, False: 100}
    charged = at_once(lambda i: counters.charge(who, [f"job_{i}"], window, medium="image", quota=50), 80, threads=64)
    assert Counter(charged) == {True: 50, False: 30}
    again = at_once(lambda i: counters.charge(who, ["job_x"], window, medium="image", quota=None), 64, threads=64)
    assert all(again) and counters.month_used(who, window).used == 51
    back = at_once(lambda i: counters.give_back(who, "job_x"), 64, threads=64)
    assert Counter(back) == {True: 1, False: 63} and counters.month_used(who, window).used == 50


def within_a_minute(
    cloud: LocalCloud, calls: Callable[[httpx2.Client], list[httpx2.Response]], **limits: int
) -> list[httpx2.Response]:
    """Make the calls with a fresh key until all of them fell into one window."""
    for _ in range(5):
        with client(cloud, cloud.create_key(tenant=tenant(), plan="free", **limits)) as api:
            early_in_the_minute()
            minute = time.time() // 60
            answers = calls(api)
        if time.time() // 60 == minute:
            return answers
    pytest.fail("no five minutes were long enough for the calls")


def test_a_minute_holds_exactly_its_quota(cloud: LocalCloud) -> None:
    with client(cloud, cloud.create_key()) as warm:
        at_once(lambda i: warm.get("/usage"), 4, threads=4)  # the processes start
    answers = within_a_minute(cloud, lambda api: at_once(lambda i: api.get("/usage"), 21, threads=4), per_minute=12)
    passed = [a for a in answers if a.status_code == 200]
    refused = [a for a in answers if a.status_code == 429]
    assert (len(passed), len(refused)) == (12, 9)
    assert sorted(left(a)["minute"][0] for a in passed) == list(range(12))
    for answer in refused:
        problem = Problem.model_validate(answer.json())
        assert (problem.code, answer.json()["violated-policies"]) == ("quota-exceeded", ["minute"])
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert left(answer)["minute"][0] == 0
        assert answer.headers["RateLimit-Policy"] == '"minute";q=12;w=60, "monthly";q=50;w=2592000'


def test_a_month_holds_exactly_its_detections(cloud: LocalCloud) -> None:
    with client(cloud, cloud.create_key(tenant=tenant(), plan="free", per_month=5)) as api:
        first = detect(api)
        assert (first.status_code, left(first)["monthly"][0]) == (200, 4)
        assert detect(api, b"no picture").status_code == 415  # refused: given back
        assert left(detect(api, TINY[:40]))["monthly"][0] == 4  # broken: given back
        answers = at_once(lambda i: detect(api), 9, threads=3)
        usage = UsageReport.model_validate(api.get("/usage").json())
    assert Counter(a.status_code for a in answers) == {200: 4, 429: 5}
    refused = next(a for a in answers if a.status_code == 429)
    assert refused.json()["violated-policies"] == ["monthly"]
    assert int(refused.headers["Retry-After"]) > 60 or datetime.now(UTC).day >= 28
    assert (usage.month.used, usage.month.remaining, usage.month.by_media_type) == (5, 0, {"image": 5})


def test_a_queued_job_that_fails_is_given_back(cloud: LocalCloud) -> None:
    with client(cloud, cloud.create_key(tenant=tenant(), plan="free")) as api:
        accepted = detect(api, TINY[:40], Prefer="respond-async")
        if accepted.status_code == 202:
            assert left(accepted)["monthly"][0] == 49
            job = api.get(f"/jobs/{PendingJob.model_validate(accepted.json()).job_id}", params={"wait": 20})
            assert job.json()["status"] == "failed"
        until = time.monotonic() + 15
        while (used := api.get("/usage").json()["month"]["used"]) and time.monotonic() < until:
            time.sleep(0.5)
        assert used == 0


def test_every_answer_to_a_key_tells_the_limits(cloud: LocalCloud) -> None:
    with client(cloud, cloud.create_key(tenant=tenant(), plan="free")) as api:
        answers = {
            200: api.get("/usage"),
            404: api.get("/jobs/job_x"),
            400: api.post("/detect/image", json={"media_url": 1}),
            415: detect(api, b"no picture"),
        }
        unified = api.post("/detect", files={"file": ("a.png", TINY)})
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.headers["RateLimit-Policy"] == '"minute";q=300;w=60, "monthly";q=50;w=2592000'
        assert set(left(answer)) == {"minute", "monthly"}
    # Passed on to a sibling function, and yet one call and one detection.
    assert left(answers[415])["minute"][0] - left(unified)["minute"][0] in (
        1,
        1 - 300 + left(answers[415])["minute"][0],
    )
    assert left(unified)["monthly"][0] == 49


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
def test_an_attempt_that_died_is_taken_up_without_a_second_job(
    cloud: LocalCloud, records: DynamoRecords, counters: DynamoCounters, stage: str
) -> None:
    who = tenant()
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


def warmed(call: Callable[[int], object], *, threads: int) -> None:
    """Start a process for each of many callers at once, a few at a time: all together they would starve each other."""
    call(0)  # and the authorizer but once
    for number in (n for n in (4, 8, 16, 24, 32, 40, 48, 56, 64) if n <= threads):
        at_once(call, 2 * number, threads=number)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_64_clients_on_one_key(cloud: LocalCloud) -> None:
    """The true figures of a minute; a process for each concurrent call, so it takes minutes."""
    with client(cloud, cloud.create_key()) as api:
        warmed(lambda i: api.get("/usage"), threads=64)
    answers = within_a_minute(
        cloud,  # the first alone, so that the authorizer is asked once
        lambda api: [api.get("/usage"), *at_once(lambda i: api.get("/usage"), 359, threads=64)],
    )
    assert Counter(a.status_code for a in answers) == {200: 300, 429: 60}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_64_detections_of_a_month_of_50(cloud: LocalCloud) -> None:
    with client(cloud, cloud.create_key(tenant=tenant(), plan="free")) as api:
        answers = at_once(lambda i: detect(api), 64, threads=8)
        assert Counter(a.status_code for a in answers) == {200: 50, 429: 14}
        assert api.get("/usage").json()["month"]["used"] == 50
        assert len({a.json()["job_id"] for a in answers if a.status_code == 200}) == 50


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_32_threads_with_one_key_make_one_job(cloud: LocalCloud) -> None:
    """A video, answered 202: its function is the lightest of those that make jobs."""
    film = clip()
    with client(cloud, cloud.create_key(tenant=tenant(), plan="free")) as api:

        def ask(key: str) -> httpx2.Response:
            headers = {"Idempotency-Key": key, "Prefer": "respond-async"}
            return api.post("/detect/video", files={"file": ("a.mp4", film)}, headers=headers)

        warmed(lambda i: api.post("/detect/video", json={}), threads=32)
        answers = at_once(lambda i: ask("one"), 32, threads=32)
        assert {a.status_code for a in answers} <= {202, 409}
        jobs = {a.json()["job_id"] for a in [*answers, ask("one")] if a.status_code == 202}
        assert len(jobs) == 1 and api.get("/usage").json()["month"]["used"] == 1
        assert [job["job_id"] for job in api.get("/jobs").json()["data"]] == list(jobs)
