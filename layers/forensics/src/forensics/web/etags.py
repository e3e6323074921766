"""Entity tags (RFC 9110, section 8.8.3): the same tag means the same answer, links that age apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

_TAG_CHARS = 32


def entity_tag(document: Mapping[str, Any]) -> str:
    """Return the tag of a job's document; the links of its artefacts, made anew each time, count by name."""
    stable = {**document, "artifacts": sorted(document.get("artifacts") or {})}
    digest = hashlib.sha256(json.dumps(stable, sort_keys=True).encode()).hexdigest()
    return f'"{digest[:_TAG_CHARS]}"'


def known_to_caller(request: Request, tag: str) -> bool:
    """Tell whether If-None-Match names the tag, or any with `*`."""
    told = [part.strip() for value in request.headers.getlist("if-none-match") for part in value.split(",")]
    return "*" in told or tag in (part.removeprefix("W/") for part in told)
