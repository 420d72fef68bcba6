"""What the command ``run`` shows: as it was written, and without waiting for who does not read."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest
from halted_stream import Halted

from OpenOrchestrator.cli import run_terminal
from OpenOrchestrator.cli.run_terminal import RunTerminal
from OpenOrchestrator.scheduler import stream_writer


@pytest.mark.parametrize("translated", ["\r\n", "\n"])
def test_line_ends_stay_as_the_robot_wrote_them(translated: str) -> None:
    """On Windows a text stream writes CR LF for each LF, and the LF of a robot has its CR already."""
    taken = io.BytesIO()
    terminal = RunTerminal(io.TextIOWrapper(taken, encoding="utf-8", newline=translated), None, all_to_stderr=False)
    for text in ("one\r\ntwo\n", "three\r", "\nfour 50 %\r60 %\r\n"):
        terminal.show("stdout", text)
    assert terminal.finish() == 0
    assert taken.getvalue() == b"one\r\ntwo\nthree\r\nfour 50 %\r60 %\r\n"


def test_what_the_encoding_of_the_terminal_cannot_say_is_shown_as_an_escape() -> None:
    taken = io.BytesIO()
    terminal = RunTerminal(io.TextIOWrapper(taken, encoding="ascii"), None, all_to_stderr=False)
    terminal.show("stdout", "\u2603\n")
    assert terminal.finish() == 0
    assert taken.getvalue() == b"\\u2603\n"


def test_a_halted_terminal_holds_up_nobody_and_shows_everything_when_it_goes_on() -> None:
    stream = Halted()
    terminal = RunTerminal(stream, io.StringIO(), all_to_stderr=False)
    for number in range(2000):
        terminal.show("stdout", f"{number}\n")  # would never return
    assert stream.getvalue() == ""
    stream.go_on.set()
    assert terminal.finish() == 0
    assert stream.getvalue() == "".join(f"{number}\n" for number in range(2000))


def test_what_finds_no_room_is_counted_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_terminal, "MOST_WAITING", 20)
    stream = Halted()
    terminal = RunTerminal(stream, None, all_to_stderr=False)
    for number in range(5):
        terminal.show("stdout", f"{number:09}\n")
    stream.go_on.set()
    assert terminal.finish() == 0
    assert stream.getvalue().startswith("000000000\n000000001\n\n[3 pieces of the output are not shown here")


def test_the_end_does_not_wait_for_ever_and_counts_what_nobody_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_terminal, "STALL_SECONDS", 0.0)
    stream = Halted()
    terminal = RunTerminal(stream, None, all_to_stderr=False)
    terminal.show("stdout", "one")
    terminal.show("stdout", "two")
    assert terminal.finish("result") == 3
    stream.go_on.set()


def test_whoever_is_asked_to_end_waits_for_no_reader() -> None:
    stream = Halted()
    terminal = RunTerminal(stream, None, all_to_stderr=False)
    terminal.show("stdout", "one")
    assert terminal.finish(given_up=lambda: True) == 1
    stream.go_on.set()


def test_a_reader_that_is_slow_gets_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour goes by between two pieces that it takes."""
    hours = [0.0]
    clock: Any = type("Clock", (), {"monotonic": staticmethod(lambda: 3600 * hours[0])})
    allowed = threading.Semaphore(0)

    class Slow(io.StringIO):
        def write(self, text: str) -> int:
            allowed.acquire(timeout=60)
            return super().write(text)

    def an_hour_later() -> bool:
        hours[0] += 1
        allowed.release()
        return False

    monkeypatch.setattr(run_terminal, "STALL_SECONDS", 5400.0)
    monkeypatch.setattr(stream_writer, "time", clock)
    stream = Slow()
    terminal = RunTerminal(stream, None, all_to_stderr=False)
    for number in range(4):
        terminal.show("stdout", f"{number}\n")
    assert terminal.finish(given_up=an_hour_later) == 0
    assert stream.getvalue() == "0\n1\n2\n3\n"


def test_with_the_result_alone_on_standard_output() -> None:
    output, errors = io.StringIO(), io.StringIO()
    terminal = RunTerminal(output, errors, all_to_stderr=True)
    terminal.show("stdout", "to out\n")
    terminal.show("stderr", "to err\n")
    assert terminal.finish("{}\n") == 0
    assert (output.getvalue(), errors.getvalue()) == ("{}\n", "to out\nto err\n")
