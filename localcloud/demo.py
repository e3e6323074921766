"""`demo`: the local cloud up, three pictures judged, the answers in plain words, everything down again."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import urllib3

from localcloud.cloud import local_cloud
from localcloud.emulator import ROOT
from localcloud.serve import Stop, stops_on_signals

MEDIA = ROOT / "examples" / "media"
UPLOADED = ("photo.jpg", "generated_a1111.png")
BY_URL = "generated_watermarked.png"
_TIMEOUT_S = 60

Result = Mapping[str, Any]  # the contract's result or problem object


class DemoError(RuntimeError):
    """The API answered with something else than a verdict."""


def demo(*, port: int, iam: bool) -> int:
    """Judge two uploads and one URL; returns the exit code."""
    with contextlib.suppress(Stop), stops_on_signals():
        print("Starting the local cloud ...", flush=True)
        with local_cloud(port=port, iam=iam) as cloud, file_server(MEDIA) as files:
            client = Client(cloud.base_url, cloud.create_key())
            results = [(f"upload of {name}", client.detect_file(MEDIA / name)) for name in UPLOADED]
            results.append((f"media_url .../{BY_URL}", client.detect_url(f"{files}/{BY_URL}")))
            for title, result in results:
                print(f"\n=== {title}\n{in_words(result)}\n\n{json.dumps(result, indent=2)}", flush=True)
        print("\nThe demo is over; nothing was kept.")
        return 0
    return 130  # interrupted


class Client:
    """Just enough of the API for the demo."""

    def __init__(self, base_url: str, key: str) -> None:
        self._url = f"{base_url}/detect/image"
        self._pool = urllib3.PoolManager(headers={"Authorization": f"Bearer {key}"}, timeout=_TIMEOUT_S, retries=False)

    def detect_file(self, path: Path) -> Result:
        """Send a file as multipart/form-data; raises DemoError."""
        return _result(self._pool.request("POST", self._url, fields={"file": (path.name, path.read_bytes())}))

    def detect_url(self, url: str) -> Result:
        """Name a file by its address; raises DemoError."""
        return _result(self._pool.request("POST", self._url, json={"media_url": url}))


def _result(response: urllib3.BaseHTTPResponse) -> Result:
    if response.status != 200:
        raise DemoError(f"HTTP {response.status}: {response.data.decode(errors='replace')}")
    body: Result = response.json()
    return body


def in_words(result: Result) -> str:
    """Return a result as a person would tell it: verdict, generator, evidence, signals."""
    generator = f", made by {result['generator']}" if result.get("generator") else ""
    lines = [f"{result['verdict']} with confidence {result['confidence']:.2f}{generator}"]
    evidence = [item["what"] for item in result["provenance"].get("evidence", [])]
    lines += [f"  evidence: {what}" for what in evidence]
    lines += [f"  signal:   {item['name']} is {item['value']}" for item in result["signal_details"]]
    lines += [f"  because:  {reason}" for reason in result["reasons"] if reason not in evidence]
    return "\n".join([*lines, f"  took:     {result['latency_ms']} ms"])


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the demo's output is the answers."""


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = (
        128  # with the five of the library a caller among many waits for a second try of TCP, or for nothing
    )


@contextlib.contextmanager
def file_server(folder: Path) -> Iterator[str]:
    """Serve a folder on a free loopback port for the length of a `with` block; yields its URL."""
    with _Server(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
