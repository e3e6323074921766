"""Schemathesis against the local cloud, round after round: `python -m tests.contract.run --requests 20000`.

The first round walks through every phase, the others make up new calls and walk along the links, each from its own seed. Test keys
answer by script, so that the models do not cost the time; the last round asks for live verdicts. Of a failure Schemathesis' own
report is shown, with the line that repeats it.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx2

from forensics.web.openapi import openapi_document
from localcloud.cloud import LocalCloud, local_cloud
from localcloud.emulator import ROOT

HERE = Path(__file__).parent
MEDIA = ROOT / "examples" / "media"
PHOTO = MEDIA / "photo.jpg"
DOCUMENT = ROOT / "infra" / "openapi.yaml"
LIVE_OPERATIONS = (
    "detect",
    "detect_image",
    "get_job",
    "delete_job",
    "leave_feedback",
    "list_jobs",
    "usage",
    "list_models",
)
WARMING_CALLS = 5
EXAMPLES = {"short": 2, "long": 60}  # test cases of an operation in the fuzzing phase of one round


@dataclass
class Report:
    """What rounds came to: requests by `operation status`, failures by their titles."""

    requests: Counter[str] = field(default_factory=Counter)
    cases: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    output: str = ""
    seconds: float = 0.0

    @property
    def total(self) -> int:
        return self.requests.total()

    @property
    def operations(self) -> set[str]:
        return {name.split()[0] for name in self.requests}

    def add(self, other: Report) -> None:
        self.requests.update(other.requests)
        self.failures.update(other.failures)
        self.cases += other.cases
        self.seconds += other.seconds
        self.output += other.output if other.failures else ""


def run_round(
    cloud: LocalCloud,
    files: str,
    *,
    seed: int,
    examples: int,
    live: bool = False,
    phases: str = "examples,coverage,fuzzing,stateful",
    seconds: int | None = None,
) -> Report:
    """Run Schemathesis' command once; with `seconds` it makes up calls until they are over.

    Raises:
        RuntimeError: it could not test at all; with what it said.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tally, report = Path(folder) / "tally.json", Path(folder) / "report.json"
        environment = {
            **os.environ,
            "CONTRACT_FILES": files,
            "CONTRACT_TALLY": str(tally),
            "CONTRACT_KEY": cloud.create_key(tenant="contract", live=live),
            "CONTRACT_WEBHOOKS_KEY": cloud.create_key(tenant=f"hooks-{seed}", live=live),
            "PYTHONPATH": str(ROOT),
        }
        command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(HERE / "schemathesis.toml")]
        command += ["run", str(DOCUMENT), "--url", cloud.base_url.removesuffix("/v1"), "--phases", phases]
        command += ["--seed", str(seed), "--max-examples", str(examples), "--continue-on-failure", "--no-color"]
        command += ["--report", "json", "--report-json-path", str(report)]
        command += ["--max-time", str(seconds)] if seconds else []
        command += [word for name in LIVE_OPERATIONS if live for word in ("--include-operation-id", name)]
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
        if not report.exists() or not tally.exists():
            raise RuntimeError(done.stdout + done.stderr)
        found = json.loads(report.read_text())
        return Report(
            requests=Counter(json.loads(tally.read_text())),
            cases=found["test_cases"]["generated"],
            failures=Counter(_titles(found, done.returncode)),
            output=done.stdout,
            seconds=time.monotonic() - started,
        )


def _titles(found: dict[str, object], returncode: int) -> list[str]:
    failures, errors = found["failures"], found["errors"]
    assert isinstance(failures, list) and isinstance(errors, list)
    titles = [json.dumps(one)[:400] for one in (*failures, *errors)]
    return titles or ([f"exit code {returncode}"] if returncode else [])


def warm_up(cloud: LocalCloud) -> None:
    """Ask each path until its function is loaded: on a busy machine that may outlast the patience of the gateway, which is 29 s."""
    server = cloud.base_url.removesuffix("/v1")
    with httpx2.Client(base_url=server, timeout=120, trust_env=False) as client:
        for live in (False, True):  # test keys load no model
            client.headers["Authorization"] = f"Bearer {cloud.create_key(tenant='warm', live=live)}"
            for path in ("/v1/detect/image", "/v1/detect"):
                _patiently(client, "POST", path, file=PHOTO.read_bytes())
        for path, item in openapi_document()["paths"].items():
            _patiently(client, min(item).upper(), path)


def _patiently(client: httpx2.Client, method: str, path: str, *, file: bytes | None = None) -> None:
    for _ in range(WARMING_CALLS):
        if client.request(method, path, files={"file": ("photo.jpg", file)} if file else None).status_code < 500:
            return


class _Files(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take whatever a webhook brings."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the report is the output."""


class _FileServer(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of peers that went away: the report is the output."""


@contextlib.contextmanager
def file_server() -> Iterator[str]:
    """Serve examples/media on a free loopback port for the length of a `with` block; yields its URL."""
    with _FileServer(("127.0.0.1", 0), partial(_Files, directory=str(MEDIA))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="at least so many, live ones beside them")
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    arguments = parser.parse_args()
    whole = Report()
    with local_cloud(iam=True) as cloud, file_server() as files:
        seed = arguments.seed
        warm_up(cloud)
        whole.add(run_round(cloud, files, seed=seed, examples=EXAMPLES["short"]))
        while whole.total < arguments.requests:
            print(
                f"seed {seed}: {whole.total} requests, {whole.seconds:.0f} s, {len(whole.failures)} failures",
                flush=True,
            )
            print(whole.output, flush=True)
            whole.output = ""
            seed += 1
            whole.add(run_round(cloud, files, seed=seed, examples=EXAMPLES["long"], phases="fuzzing,stateful"))
        live = run_round(cloud, files, seed=seed, examples=EXAMPLES["short"], live=True)
        print(f"live: {live.total} requests, {live.seconds:.0f} s, {len(live.failures)} failures", flush=True)
        whole.add(live)
    print(whole.output)
    for name, times in sorted(whole.requests.items()):
        print(f"{times:7d}  {name}")
    print(
        f"{whole.total} requests, {whole.cases} cases, {len(whole.operations)} operations, {len(whole.failures)} failures"
    )
    return 1 if whole.failures else 0


if __name__ == "__main__":
    sys.exit(main())
