"""The Prefer header (RFC 7240): respond-async and wait."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from forensics.domain.job import DEFAULT_WAIT_S

MAX_WAIT_S = 25


@dataclass(frozen=True)
class Preferences:
    """What was asked and understood; `applied` is the Preference-Applied header's value, empty when nothing was."""

    respond_async: bool = False
    wait_s: int = DEFAULT_WAIT_S
    applied: str = ""


def preferences(request: Request) -> Preferences:
    """Read Prefer; what is unknown or malformed is ignored, as the RFC demands."""
    respond_async, wait_s, applied = False, DEFAULT_WAIT_S, []
    for item in ",".join(request.headers.getlist("prefer")).split(","):
        name, _, value = item.partition(";")[0].partition("=")
        name, value = name.strip().lower(), value.strip().strip('"')
        if name == "respond-async" and not respond_async:
            respond_async = True
            applied.append(name)
        elif name == "wait" and value.isascii() and value.isdigit() and not any(a.startswith("wait") for a in applied):
            wait_s = min(int(value[:6]), MAX_WAIT_S)
            applied.append(f"wait={wait_s}")
    return Preferences(respond_async, wait_s, ", ".join(applied))
