"""A robot's output on its way to the streams of ``run``."""

from __future__ import annotations

import io
from datetime import datetime, timezone

import pytest

from OpenOrchestrator.cli.run import _show
from OpenOrchestrator.cli.terminal import keep_line_ends
from OpenOrchestrator.scheduler.runs.run_directory import OutputRecord


@pytest.mark.parametrize("translated", ["\r\n", "\n"])
def test_line_ends_stay_as_the_robot_wrote_them(translated: str) -> None:
    """On Windows a text stream writes CR LF for each LF, and the LF of a robot has its CR already."""
    taken = io.BytesIO()
    stream = io.TextIOWrapper(taken, encoding="utf-8", newline=translated)
    keep_line_ends(stream)
    for text in ("one\r\ntwo\n", "three\r", "\nfour 50 %\r60 %\r\n"):
        _show(OutputRecord(1, datetime.now(timezone.utc), "stdout", text, 0), stream)
    assert taken.getvalue() == b"one\r\ntwo\nthree\r\nfour 50 %\r60 %\r\n"
