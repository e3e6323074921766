"""Hostile files through the API: never a 5xx, never late, never out of memory, always an answer of the contract.

`-m slow` sends all 500; the default suite every eighth of them. Both print what came back (`-s` shows it).
"""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from PIL import Image

from bench._worker import peak_bytes, worker
from forensics.domain import errors
from forensics.domain.errors import DetectorError
from forensics.media.image import FORMATS
from forensics.web.schemas import Problem, Result
from localcloud.cloud import LocalCloud, local_cloud
from localcloud.demo import MEDIA
from tests.support.dataset import default_data_root
from tests.support.hostile import Call
from tests.support.mutations import INLINE_LIMIT_BYTES, hostile_calls
from tests.support.signing import Authority, manifest

pytestmark = pytest.mark.e2e

CALLS = 500
STRIDE = 8
SLOWEST_S = 20.0  # API Gateway hangs up after 29 s
PEAK_BYTES = 1536 * 1024 * 1024  # of the function's 2048 MB; docs/testing.md
DOCUMENTED = {e.code: e.status for e in vars(errors).values() if isinstance(e, type) and issubclass(e, DetectorError)}


@dataclass
class Tally:
    """What came back, and what should not have."""

    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    largest: tuple[int, str] = (0, "")

    def weigh(self, name: str, peak: int) -> None:
        """Note the call that drove the function's peak memory, in bytes, to its height."""
        if peak > self.largest[0]:
            self.largest = (peak, name)

    def add(self, name: str, answer: httpx2.Response, seconds: float) -> None:
        self.slowest = max(self.slowest, (seconds, name))
        if seconds > SLOWEST_S:
            self.wrong.append(f"{name}: {seconds:.1f} s")
        fault, counted = judge(answer)
        self.answers[counted] += 1
        if fault:
            self.wrong.append(f"{name}: {fault}")

    def __str__(self) -> str:
        lines = [f"{count:5d}  {what}" for what, count in sorted(self.answers.items())]
        lines += [f"slowest {self.slowest[0]:.1f} s: {self.slowest[1]}"]
        return "\n".join([*lines, f"largest {self.largest[0] / 2**20:.0f} MB: {self.largest[1]}"])


def judge(answer: httpx2.Response) -> tuple[str | None, str]:
    """Return what is wrong with an answer, if anything, and what to count it as."""
    kind = answer.headers.get("Content-Type", "")
    try:
        if answer.status_code == 200 and kind == "application/json":
            return None, f"200 {Result.model_validate_json(answer.content).verdict}"
        if 400 <= answer.status_code < 500 and kind == "application/problem+json":
            problem = Problem.model_validate_json(answer.content)
            known = DOCUMENTED.get(problem.code) == problem.status == answer.status_code
            return None if known else f"undocumented {problem.code}", f"{answer.status_code} {problem.code}"
    except ValueError as error:
        return f"not of the contract: {error}", f"{answer.status_code} invalid"
    return f"HTTP {answer.status_code} {kind}: {answer.text[:300]}", f"{answer.status_code} {kind}"


@pytest.fixture(scope="module")
def open_cloud() -> Iterator[LocalCloud]:
    """A local cloud of its own: the peak of a fresh process belongs to these calls alone."""
    with local_cloud() as running:
        yield running


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """Good pictures: one photo in all eight formats, the examples, and the data set's where it is here."""
    with Image.open(MEDIA / "photo.jpg") as photo:
        small = photo.resize((300, 200))
    made = {f"seed.{'jpg' if f == 'JPEG' else f.lower()}": encoded(small, f) for f in FORMATS}
    examples = {path.name: path.read_bytes() for path in sorted(MEDIA.iterdir())}
    return made | examples | provenance_files(default_data_root() / "provenance")


@pytest.fixture(scope="module")
def signed(files: dict[str, bytes]) -> dict[str, bytes]:
    """The seeds with a C2PA manifest each, in four containers."""
    signer, says = Authority()(), manifest("trainedAlgorithmicMedia")
    mimes = {"seed.jpg": "image/jpeg", "seed.png": "image/png", "seed.webp": "image/webp", "seed.avif": "image/avif"}
    return {f"signed_{name}": signer.sign(files[name], mime, says) for name, mime in mimes.items()}


def encoded(image: Image.Image, format: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format)
    return buffer.getvalue()


def provenance_files(folder: Path) -> dict[str, bytes]:
    found = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".csv")
    small = [p for p in found if p.stat().st_size < INLINE_LIMIT_BYTES]
    return {str(p.relative_to(folder)): p.read_bytes() for p in small}


def test_a_sample_of_hostile_files_is_answered(
    open_cloud: LocalCloud, files: dict[str, bytes], signed: dict[str, bytes]
) -> None:
    bombard(open_cloud, files, signed, stride=STRIDE)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_all_hostile_files_are_answered(
    open_cloud: LocalCloud, files: dict[str, bytes], signed: dict[str, bytes]
) -> None:
    bombard(open_cloud, files, signed, stride=1)


def bombard(cloud: LocalCloud, files: dict[str, bytes], signed: dict[str, bytes], *, stride: int) -> None:
    tally, key = Tally(), cloud.create_key()
    calls = hostile_calls(files, signed, count=CALLS)[::stride]
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=cloud.base_url, headers=headers, timeout=60, trust_env=False) as api:
        send(api, tally, "warm-up", Call(b"{}", "application/json"))
        function = worker(cloud, "detect_image")
        assert function is not None
        for hostile in calls:
            send(api, tally, hostile.name, hostile.make())
            assert function.is_running(), f"{hostile.name}: the function's process died"
            tally.weigh(hostile.name, peak_bytes(function))
    print(f"\n{len(calls)} hostile calls\n{tally}")  # noqa: T201 -- the figures are the point
    assert tally.wrong == []
    assert tally.largest[0] <= PEAK_BYTES


def send(api: httpx2.Client, tally: Tally, name: str, call: Call) -> None:
    start = time.perf_counter()
    answer = api.post("/detect/image", content=call.body, headers={"Content-Type": call.content_type})
    tally.add(name, answer, time.perf_counter() - start)
