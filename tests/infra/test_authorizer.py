"""How long the gateway may remember a key, and that a revocation covers all of it."""

from __future__ import annotations

from forensics.usecases.manage_keys import CACHED_WINDOWS
from localcloud.emulator import ROOT
from localcloud.localise import parse

PROMISED_S = 60  # docs/keys.md: a revoked key is dead by then, whatever fails
MINUTE_S = 60


def test_a_revoked_key_is_forgotten_in_time() -> None:
    authorizers = parse((ROOT / "template.yaml").read_text())["Resources"]["Api"]["Properties"]["Auth"]["Authorizers"]
    remembered_s = [authorizer["Identity"]["ReauthorizeEvery"] for authorizer in authorizers.values()]
    assert remembered_s and max(remembered_s) <= PROMISED_S
    # A key may be remembered from the last moment before its revocation, so the mark must reach a whole cache's time
    # beyond the minute in which it is set, of which nothing may be left.
    assert (CACHED_WINDOWS - 1) * MINUTE_S > max(remembered_s)
    assert "60 seconds" in (ROOT / "docs/keys.md").read_text()
