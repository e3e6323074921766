"""A receiver of webhooks that verifies before it believes: standard library only.

    WEBHOOK_SECRET=whsec_… python examples/webhook_receiver.py --port 8000

`verify` is all that another program needs to copy. It follows Standard Webhooks 1.0.0: HMAC-SHA256 over
`id.timestamp.body` with the bytes behind `whsec_`, any one of the space-separated `v1,…` signatures, five minutes of tolerance.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_S = 300
MAX_BODY_BYTES = 1_000_000


class NotOurs(Exception):
    """The message is not to be believed; the text says why: one of five codes."""


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> None:
    """Raise NotOurs unless the body, exactly as it was received, was signed with the secret within the tolerance.

    `headers` have lower-case names; `now` is in seconds since the epoch.
    """
    message, timestamp, signatures = (
        headers.get(f"webhook-{name}", "").strip() for name in ("id", "timestamp", "signature")
    )
    if not (message and timestamp and signatures):
        raise NotOurs("missing_header")
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise NotOurs("invalid_timestamp")
    age_s = (time.time() if now is None else now) - int(timestamp)
    if age_s > TOLERANCE_S:
        raise NotOurs("timestamp_too_old")
    if age_s < -TOLERANCE_S:
        raise NotOurs("timestamp_too_new")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = hmac.digest(key, f"{message}.{timestamp}.".encode() + body, hashlib.sha256)
    if not any(hmac.compare_digest(expected, sent) for sent in _signatures(signatures)):
        raise NotOurs("no_matching_signature")


def _signatures(header: str) -> list[bytes]:
    found = []
    for entry in header.split(" "):
        version, comma, encoded = entry.partition(",")
        if version == "v1" and comma:
            try:
                found.append(base64.b64decode(encoded, validate=True))
            except binascii.Error:
                continue
    return found


class Receiver(BaseHTTPRequestHandler):
    """Answers at once and remembers ids: the same event may come twice, and events come in any order."""

    secret = ""
    seen: set[str]

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(min(length, MAX_BODY_BYTES))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            verify(self.secret, headers, body)
        except NotOurs as error:
            print(f"refused: {error}", flush=True)
            self._answer(400)
            return
        self._answer(204)
        if headers["webhook-id"] not in self.seen:
            self.seen.add(headers["webhook-id"])
            event = json.loads(body)
            print(event["type"], event["data"].get("job_id"), event["data"].get("verdict"), flush=True)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: `do_POST` says what there is to say."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Print verified webhooks; the secret comes from WEBHOOK_SECRET.")
    parser.add_argument("--port", type=int, default=8000)
    Receiver.secret, Receiver.seen = os.environ["WEBHOOK_SECRET"], set()
    ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Receiver).serve_forever()


if __name__ == "__main__":
    main()
