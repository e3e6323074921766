"""Start and stop the AWS emulator: one child process group on the loopback interface, nothing left behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from forensics.settings import ModelSettings
from localcloud.aws import REGION, ROOT_KEY
from localcloud.localise import API_ID

ROOT = Path(__file__).resolve().parents[1]
_HOST = "127.0.0.1"
_STAGE = "prod"
_START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 5
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "OMP_NUM_THREADS")


class EmulatorError(RuntimeError):
    """The emulator did not come up; the message ends with its last log lines."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator: its address, the id of its process group and its log file."""

    endpoint: str
    group: int
    log: Path


@contextlib.contextmanager
def emulator(*, port: int = 0, iam: bool = False, source: Path = ROOT) -> Iterator[Emulator]:
    """Run the emulator for the length of a `with` block.

    Args:
        port: the TCP port on 127.0.0.1; 0 takes a free one.
        iam: hold every function to its own role, as AWS does.
        source: the folder whose `functions` package is run.

    Raises:
        EmulatorError: it ended at once, or did not answer within 60 s.
        OSError: the port is taken.
    """
    scratch = Path(tempfile.mkdtemp(prefix="localcloud-"))
    process: subprocess.Popen[bytes] | None = None
    try:
        with socket.create_server((_HOST, port)) as listener:
            endpoint = f"http://{_HOST}:{listener.getsockname()[1]}"
            environment = _environment(endpoint, scratch=scratch, source=source, iam=iam)
            process = _spawn(listener, scratch=scratch, environment=environment)
        running = Emulator(endpoint=endpoint, group=process.pid, log=scratch / "emulator.log")
        _await_ready(running, process)
        yield running
    finally:
        if process is not None:
            _kill_group(process)
        shutil.rmtree(scratch, ignore_errors=True)


def _spawn(listener: socket.socket, *, scratch: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    api_path = f"/restapis/{API_ID}/{_STAGE}/_user_request_"
    with (scratch / "emulator.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "localcloud.gateway", str(listener.fileno()), api_path],
            cwd=scratch,
            env=dict(environment),
            stdin=subprocess.PIPE,  # never written to: the child ends when it closes
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )


def _environment(endpoint: str, *, scratch: Path, source: Path, iam: bool) -> dict[str, str]:
    """The child's whole environment; the functions' processes inherit it from there."""
    models = ModelSettings.from_env()
    return {name: os.environ[name] for name in _INHERITED if name in os.environ} | {
        "HOME": str(scratch),  # no ~/.aws
        "TMPDIR": str(scratch),
        "PYTHONPATH": os.pathsep.join(map(str, (source, ROOT, ROOT / "layers/forensics/src"))),
        "PYTHONUNBUFFERED": "1",
        "LOCALCLOUD_PYTHON": sys.executable,
        "MODELS_DIR": str(models.models_dir),
        "ENCODERS_DIR": str(models.encoders_dir),
        "ORT_THREADS": str(models.threads),
        "POWERTOOLS_TRACE_DISABLED": "true",  # no X-Ray daemon here
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "MINISTACK_REGION": REGION,
        "MINISTACK_HOST": _HOST,  # the host that queue URLs name
        "GATEWAY_PORT": endpoint.rpartition(":")[2],
        "DOCKER_HOST": f"unix://{scratch}/no-docker.sock",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "AUTH": str(iam).lower(),
    }


def _await_ready(running: Emulator, process: subprocess.Popen[bytes]) -> None:
    # The socket listens already, so this one request waits in its backlog until the emulator takes it.
    deadline = time.monotonic() + _START_TIMEOUT_S
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), direct.open(f"{running.endpoint}/_ministack/ready", timeout=5):
            return
        time.sleep(0.1)
    tail = running.log.read_text(errors="replace").splitlines()[-20:]
    raise EmulatorError("\n".join(["the emulator did not start; its log ends with:", *tail]))


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # Nothing in it outlives it, so there is nothing to save: a kill is the quickest clean end.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=_STOP_TIMEOUT_S)
    if process.stdin is not None:
        process.stdin.close()
