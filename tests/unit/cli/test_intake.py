"""The administrator sends dead letters again: told one by one, and counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from forensics.cli import admin
from forensics.domain.intake import Delivery


@dataclass
class Letters:
    ids: tuple[str, ...]
    asked: list[int] = field(default_factory=list)

    def redrive(self, *, most: int) -> Iterator[Delivery]:
        self.asked.append(most)
        yield from (Delivery(name, "{}") for name in self.ids)


@pytest.mark.parametrize(("options", "most"), [([], 100_000), (["--most", "2"], 2)])
def test_every_letter_is_told_and_counted(options: list[str], most: int, capsys: pytest.CaptureFixture[str]) -> None:
    letters = Letters(("a", "b"))
    assert admin.main(["intake", "redrive", *options], letters=letters) == 0
    assert letters.asked == [most]
    assert tuple(capsys.readouterr()) == ("a\nb\n", "2 sent again.\n")


def test_a_number_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        admin.main(["intake", "redrive", "--most", "all"], letters=Letters(()))
    assert ended.value.code == 2 and "a whole number" in capsys.readouterr().err
