"""Ten thousand messages, a hundred of them poison, and a consumer that is killed twice: nothing lost, nothing made twice.

`-s` prints the figures; `-k open` is one mode of the two. On a busy machine INTAKE_SOAK=2000 sends as many, with the same shares.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from PIL import Image

from localcloud.cloud import LocalCloud, local_cloud
from localcloud.demo import file_server
from localcloud.emulator import ROOT
from localcloud.localise import parse
from tests.support.intake import POISON, Intake, answered, jobs_of

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(7200)]

MESSAGES = int(os.environ.get("INTAKE_SOAK", "10000"))
POISONED, LIVE = MESSAGES // 100, MESSAGES // 50
KILLS = (0.3, 0.6)  # of the messages taken in, when the consumer dies
SIDE = 256  # pixels
UNSEEN_S = 60  # what a killed consumer had in its hands comes again; 360 s in the template
QUEUES = ("IntakeQueueUrl", "BatchQueueUrl", "ImageQueueUrl")
# What tells of ends, and comes 45 s later to look again, takes most of a small machine's time and is the subject of other tests.
LEFT_OFF = ("JobChanges", "BatchChanges", "WebhookQueueReader", "PurgeQueueReader")
HANDLER = "functions.intake.app.handler"
WITHIN_S = 6600


@pytest.fixture(scope="module", params=[False, True], ids=["open", "iam"])
def cloud(request: pytest.FixtureRequest) -> Iterator[LocalCloud]:
    """A local cloud of its own, which forgets a dead consumer sooner."""
    template = parse((ROOT / "template.yaml").read_text())
    template["Resources"]["IntakeQueue"]["Properties"]["VisibilityTimeout"] = UNSEEN_S
    for reader in LEFT_OFF:
        template["Resources"][reader]["Properties"]["Enabled"] = False
    with local_cloud(iam=request.param, template=template) as running:
        yield running


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    Image.effect_noise((SIDE, SIDE), 60).save(tmp_path / "small.jpg")
    with file_server(tmp_path) as url:
        yield f"{url}/small.jpg"


def test_ten_thousand_messages(cloud: LocalCloud, web: str) -> None:
    intake, key = Intake(cloud), cloud.create_key(tenant="soak", live=True)
    good = MESSAGES - POISONED
    step = good // LIVE
    messages: list[dict[str, object] | str] = [
        {"tenant": "soak", "external_id": f"m{n}", "media_url": web, "test": n % step != 0 or n >= LIVE * step}
        for n in range(good)
    ]
    for n in range(POISONED):
        messages.insert(n * (MESSAGES // POISONED), POISON[n % len(POISON)])
    started = time.monotonic()
    sender = threading.Thread(target=intake.send, args=messages)
    sender.start()
    hit = [kill_consumer(cloud, intake, sender, at=int(MESSAGES * share)) for share in KILLS]
    sender.join()
    while (left := [intake.waiting(queue) for queue in QUEUES]) != [0, 0, 0]:
        report(f"{time.monotonic() - started:.0f} s, waiting: {left}, dead letters: {intake.dead()}")
        assert time.monotonic() - started < WITHIN_S
        time.sleep(10)
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=120, trust_env=False) as api:
        while pending := sum(line["status"] in ("queued", "processing") for line in jobs_of(api)):
            report(f"{pending} jobs have yet to end")
            assert time.monotonic() - started < WITHIN_S
            time.sleep(5)
        took_s = time.monotonic() - started
        lines = list(jobs_of(api))
        billed = answered(api, "/usage")["month"]["used"]
    made = Counter(line["external_id"] for line in lines)
    results = sum(line["status"] == "completed" for line in lines)
    report(
        f"{MESSAGES} messages, {POISONED} of them poison, {LIVE} live, in {took_s:.0f} s; consumers killed: {hit};"
        f" {results} results of {len(made)} requests in {len(lines)} jobs, {intake.dead()} dead letters, {billed} billed"
    )
    assert (results, len(lines), len(made), intake.dead(), billed) == (good, good, good, POISONED, LIVE)


def kill_consumer(cloud: LocalCloud, intake: Intake, sender: threading.Thread, *, at: int) -> int:
    """Kill every process of the consumer once so many messages are taken in, as the kernel does; return how many there were."""
    took_in = 0
    while took_in < at:
        time.sleep(0.2)
        if not sender.is_alive():
            took_in = MESSAGES - intake.waiting("IntakeQueueUrl")
    found = [p for p in psutil.process_iter(["cmdline"]) if HANDLER in (p.info["cmdline"] or [])]
    ours = [p for p in found if cloud.emulator.group == group(p)]
    for process in ours:
        process.kill()
    report(f"killed {len(ours)} at {took_in}")
    return len(ours)


def group(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None


def report(text: str) -> None:
    print(f"\n{text}", flush=True)  # noqa: T201 -- the figures
