"""Log lines hold up nobody: not on a full pipe, not on a halted terminal, not at the end."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from datetime import datetime, timezone
from pathlib import Path

import pytest
from halted_stream import Halted
from scheduler_site import Site, wait_for

from OpenOrchestrator.common.settings import LogFormat
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.scheduler import log_lines
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.log_lines import LogLines

pytestmark = pytest.mark.kinds("sqlite")


def full_pipe() -> tuple[int, int]:
    """Return both ends of a pipe that takes nothing more until somebody reads."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writing, b"x" * 4096):
            pass
    os.set_blocking(writing, True)
    return reading, writing


def test_a_halted_stream_holds_up_nobody_and_nothing_is_lost_or_reordered() -> None:
    stream = Halted()
    events = Events(stream)
    for number in range(100):
        events.stopped(number + 2)  # would never return
    assert stream.getvalue() == ""
    assert not events.flush(0.01)
    stream.go_on.set()
    assert events.flush(30)
    assert [line.split("Stopped. ")[1] for line in stream.getvalue().splitlines()] == [
        f"{number + 2} robots left running." for number in range(100)
    ]


def test_lines_that_found_no_room_are_counted_where_they_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_lines, "MOST_WAITING", 3)
    stream = Halted()
    events = Events(stream)
    for number in range(2, 10):
        events.stopped(number)
    stream.go_on.set()
    assert events.flush(30)
    events.stopped(99)
    lines = [line.split(maxsplit=3)[3] for line in stream.getvalue().splitlines()]
    assert [line.split()[1] for line in lines[:3]] == ["2", "3", "4"]
    assert lines[3].startswith("5 lines of this log are missing here")
    assert lines[4:] == ["Stopped. 99 robots left running."]


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_what_a_terminal_would_obey_is_shown(log_format: LogFormat) -> None:
    stream = io.StringIO()
    lines = LogLines(
        stream, log_format=log_format, secrets=["se\x1bcret"], now=lambda: datetime.now(timezone.utc), dropped=str
    )
    lines.write("INFO", "test", "Trigger \x1b[2J\x1b]0;t\x07 \u202eexe.\rfake\r\nline se\x1bcret", name="\x1b[0m")
    assert lines.flush(10)
    shown = stream.getvalue().removesuffix("\n")
    assert shown.isprintable()
    if log_format is LogFormat.TEXT:
        assert shown.endswith(r"Trigger \x1b[2J\x1b]0;t\x07 \u202eexe.\rfake line ***")


def test_lines_are_out_when_they_are_written() -> None:
    stream = io.StringIO()
    events = Events(stream)
    for number in range(50):
        events.stopped(number)
        assert stream.getvalue().count("\n") == number + 1


def test_without_a_thread_lines_wait_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    events = Events(stream)

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        events.stopped(0)
    events.stopped(0)
    assert events.flush(30)
    assert stream.getvalue().count("Stopped.") == 2


def test_a_file_gets_each_line_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("w", encoding="ascii") as stream:
        events = Events(stream)
        events.poisoned("\u2603", "x" * 200_000)
        assert events.flush(30)
    (line,) = path.read_text(encoding="ascii").splitlines()
    assert "\\u2603" in line
    assert line.endswith("x" * 200_000)


@pytest.mark.skipif(sys.platform == "win32", reason="cannot see there whether a pipe is full")
def test_a_scheduler_works_and_ends_while_nobody_reads_its_log(site: Site) -> None:
    reading, writing = full_pipe()
    daemon = site.daemon(log=writing)
    for number in range(3):
        site.single(f"trigger {number}", site.robot(f"robot{number}", "print('fine')"))
        site.await_job(f"trigger {number}", JobStatus.DONE)
    daemon.stop()
    assert daemon.await_end() == 0
    os.close(writing)
    os.close(reading)


@pytest.mark.skipif(sys.platform == "win32", reason="cannot see there whether a pipe is full")
def test_what_was_said_meanwhile_comes_when_somebody_reads(site: Site) -> None:
    reading, writing = full_pipe()
    daemon = site.daemon(log=writing)
    os.close(writing)
    site.single("trigger", site.robot("robot", "print('fine')"))
    site.await_job("trigger", JobStatus.DONE)
    text = b""

    def read_on() -> bool:
        nonlocal text
        text += os.read(reading, 65536)
        return b'Ended "trigger"' in text

    wait_for("what was said", read_on)
    assert b"works on" in text
    daemon.kill()
    os.close(reading)
