"""Progress of the command: bars on a terminal, lines elsewhere, with and without a known length."""

from __future__ import annotations

import io
from dataclasses import dataclass

from forensics.cli.progress import Progress, clock_time


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@dataclass
class Ticking:
    """A clock that is five seconds later at every look."""

    now: float = 0.0

    def __call__(self) -> float:
        self.now += 5.0
        return self.now


def test_lines_tell_how_much_was_heard() -> None:
    out = io.StringIO()
    show = Progress(out, clock=Ticking())
    for item in show.files(["deeper/talk.mp3", "b.wav"], total=2):
        for heard in (10.0, 600.0, 1200.0, 1800.0):
            if item.startswith("deeper"):
                show.hearing(heard, 3600.0)
    lines = out.getvalue().splitlines()
    assert "talk.mp3: 30:00 of 60:00 heard" in lines
    assert len(lines) < 5  # one every ten seconds at most


def test_a_length_that_is_unknown_or_wrong_is_not_told() -> None:
    out = io.StringIO()
    show = Progress(out, clock=Ticking())
    for _ in show.files(["https://example.org/talk?key=secret"], total=1):
        for heard, declared in ((70.0, None), (80.0, 61.0), (90.0, None), (100.0, 0.0)):
            show.hearing(heard, declared)
    lines = out.getvalue().splitlines()
    assert lines and all(
        line.startswith("talk: 1:") and line.endswith(" heard") and " of " not in line for line in lines
    )


def test_short_recordings_are_not_worth_a_word() -> None:
    out = io.StringIO()
    show = Progress(out, clock=Ticking())
    for _ in show.files(["a.wav"], total=1):
        for _ in range(10):
            show.hearing(3.0, 30.0)
            show.hearing(3.0, None)
    assert out.getvalue() == ""


def test_a_terminal_gets_bars_that_go_away() -> None:
    out = Terminal()
    show = Progress(out)
    for _ in show.files(["a-very-long-name-of-a-recording.mp3"], total=1):
        show.hearing(0.0, 3600.0)
        show._recording.mininterval = 0  # type: ignore[union-attr]
        show.hearing(1800.0, 3600.0)
        show._recording.refresh()  # type: ignore[union-attr]
        show.hearing(4000.0, 3600.0)
        show._recording.refresh()  # type: ignore[union-attr]
    text = out.getvalue()
    assert "a-very-long-name-of-a-r… " in text
    assert "50%|" in text and "30:00 of 60:00" in text
    assert "66:40 heard" in text
    assert "1/1" in text


def test_a_video_tells_its_chunks() -> None:
    out = io.StringIO()
    show = Progress(out, clock=Ticking())
    for _ in show.files(["film.mp4"], total=1):
        for done in (1, 2):
            show.watching(done, 2)
            show.watching(1, 1)
    assert out.getvalue().splitlines()[-1] == "film.mp4: 2 of 2 chunks"
    assert "1 of 1" not in out.getvalue()


def test_a_terminal_gets_a_bar_of_chunks() -> None:
    out = Terminal()
    show = Progress(out)
    for _ in show.files(["film.mp4"], total=1):
        show.watching(1, 4)
        show.watching(3, 4)
        show._recording.refresh()  # type: ignore[union-attr]
    assert "film.mp4:  75%" in out.getvalue()


def test_times_are_minutes_and_seconds() -> None:
    assert (clock_time(0), clock_time(67.9), clock_time(3667)) == ("0:00", "1:07", "61:07")
