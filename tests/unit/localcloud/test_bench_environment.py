"""The benchmark starts functions by the template's own environment, so a new setting is never forgotten there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bench._cases import CASES
from bench.latency import STAND_IN, function_environment
from localcloud.emulator import ROOT


@pytest.mark.parametrize("medium", CASES)
def test_the_settings_of_a_function_are_all_there(medium: str) -> None:
    environment = function_environment(CASES[medium].function)
    assert environment["JOBS_TABLE"] == STAND_IN
    path = os.pathsep.join((str(ROOT), str(ROOT / "layers/forensics/src")))
    program = "from forensics.wiring.service import Service; s = Service.from_env(); s.jobs(); s.media(); s.finish()"
    subprocess.run([sys.executable, "-c", program], env=environment | {"PYTHONPATH": path}, check=True, timeout=60)
