"""Limits and bills, as a caller meets them."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from forensics.domain.limits import month_window
from forensics.web.schemas import PendingJob, Problem
from forensics.web.usage_routes import UsageReport
from localcloud.aws import CONFIG, session
from localcloud.cloud import LocalCloud
from tests.support.limits import TINY, at_once, client, counters_of, detect, left, tenant, within_a_minute

pytestmark = pytest.mark.e2e


def test_64_threads_pass_no_more_than_a_quota(cloud: LocalCloud) -> None:
    counters = counters_of(cloud)
    window, who = month_window(datetime.now(UTC)), tenant()
    taken = at_once(lambda i: counters.take(who, window, quota=300).allowed, 400, threads=64)
    assert Counter(taken) == {True: 300, False: 100}
    charged = at_once(lambda i: counters.charge(who, [f"job_{i}"], window, medium="image", quota=50), 80, threads=64)
    assert Counter(charged) == {True: 50, False: 30}
    again = at_once(lambda i: counters.charge(who, ["job_x"], window, medium="image", quota=None), 64, threads=64)
    assert all(again) and counters.month_used(who, window).used == 51
    back = at_once(lambda i: counters.give_back(who, "job_x"), 64, threads=64)
    assert Counter(back) == {True: 1, False: 63} and counters.month_used(who, window).used == 50


def test_a_charge_whose_job_never_came_to_be_is_given_back(cloud: LocalCloud) -> None:
    now, who = datetime.now(UTC), tenant()
    counters = replace(counters_of(cloud), now_s=(now - timedelta(hours=2)).timestamp)
    assert counters.charge(who, [f"job_useast1_{who}"], month_window(now), medium="image", quota=None)
    lambda_ = session().client("lambda", endpoint_url=cloud.emulator.endpoint, config=CONFIG)
    answer = lambda_.invoke(FunctionName=cloud.outputs["SweeperFunctionName"], Payload=b'{"task": "settle"}')
    found = json.loads(answer["Payload"].read())
    assert found["released"] >= 1 and found["finished"], found
    assert counters.month_used(who, month_window(now)).used == 0


def test_a_minute_holds_exactly_its_quota(cloud: LocalCloud) -> None:
    """A test key's detections: they are counted as any call is, and cost nothing."""
    with client(cloud, cloud.create_key(live=False)) as warm:
        at_once(lambda i: detect(warm), 4, threads=4)  # the processes start
    answers = within_a_minute(
        cloud, lambda api: at_once(lambda i: detect(api), 21, threads=4), per_minute=12, live=False
    )
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
