from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics.domain import errors
from forensics.domain.errors import DetectorError, FieldError, InvalidRequest, problem
from forensics.domain.ids import job_id, ulid

ERRORS = [e for _, e in inspect.getmembers(errors, inspect.isclass) if issubclass(e, DetectorError)]


def test_a_ulid_is_the_published_example() -> None:
    # github.com/ulid/spec: 01ARZ3NDEKTSV4RRFFQ69G5FAV is time 1469922850259
    randomness = bytes.fromhex("d6763d6b9de92d96e5db")
    assert ulid(now_ms=1469922850259, randomness=randomness)[:10] == "01ARZ3NDEK"


@given(
    st.integers(0, 2**47),
    st.integers(1, 2**30),
    st.binary(min_size=10, max_size=10),
    st.binary(min_size=10, max_size=10),
)
def test_ulids_sort_by_time(now_ms: int, later: int, a: bytes, b: bytes) -> None:
    assert ulid(now_ms=now_ms, randomness=a) < ulid(now_ms=now_ms + later, randomness=b)


def test_a_job_id_carries_its_region() -> None:
    assert job_id(region="eu-west-1", now_ms=0, randomness=bytes(10)) == "job_euwest1_" + "0" * 26


def test_too_little_randomness_is_refused() -> None:
    with pytest.raises(ValueError, match="10 random bytes"):
        ulid(now_ms=0, randomness=b"short")


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: e.__name__)
def test_every_error_is_a_problem(error: type[DetectorError]) -> None:
    body = problem(error(), request_id="r1")
    assert body["type"].endswith(f"#{error.code}")
    assert (body["status"], body["code"], body["request_id"]) == (error.status, error.code, "r1")
    assert 400 <= error.status <= 599 and body["detail"]


def test_codes_are_unique() -> None:
    concrete = [e for e in ERRORS if e is not DetectorError and e is not errors.InternalError]
    codes = [e.code for e in concrete]
    assert len(codes) == len(set(codes))


def test_field_errors_carry_pointers() -> None:
    body = problem(InvalidRequest("no", errors=[FieldError("/metadata/a~1b", "too long")]))
    assert body["errors"] == [{"pointer": "/metadata/a~1b", "detail": "too long"}]
