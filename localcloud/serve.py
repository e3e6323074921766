"""`serve`: the API on this machine until Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from localcloud.cloud import LocalCloud, local_cloud

SAMPLE = "examples/media/photo.jpg"


class Stop(KeyboardInterrupt):
    """The process was asked to end: Ctrl-C, SIGTERM or a closed terminal."""


@contextlib.contextmanager
def stops_on_signals() -> Iterator[None]:
    """Within the block SIGINT, SIGTERM and SIGHUP raise Stop, so that every `finally` runs."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, _stop) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stop


def serve(*, port: int, iam: bool) -> int:
    """Bring everything up, say how to use it, wait for a signal; returns the exit code."""
    with contextlib.suppress(Stop), stops_on_signals():
        print("Starting the local cloud ...", flush=True)
        with local_cloud(port=port, iam=iam) as cloud:
            print(greeting(cloud, cloud.create_key()), flush=True)
            while True:
                signal.pause()
    print("\nStopped.")
    return 0


def greeting(cloud: LocalCloud, key: str) -> str:
    """Return what a newcomer needs: the URL, a key and a line to paste."""
    return f"""
  API   {cloud.base_url}
  Key   {key}
  AWS   {cloud.emulator.endpoint} (the emulator; credentials test / test, region us-east-1)

  curl -s {cloud.base_url}/detect/image -H "Authorization: Bearer {key}" -F file=@{SAMPLE}

Ctrl-C stops it; nothing is kept."""
