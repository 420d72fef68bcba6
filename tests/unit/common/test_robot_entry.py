"""What an entry names, and what is none."""

from __future__ import annotations

import pytest

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.robot_entry import LONGEST_ENTRY, RobotEntry, read_entry


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        (None, None),
        ("  ", None),
        ("main.py", RobotEntry(file="main.py")),
        (" jobs/night.py ", RobotEntry(file="jobs/night.py")),
        (r"jobs\night.PY", RobotEntry(file="jobs/night.PY")),
        ("./main.py", RobotEntry(file="main.py")),
        ("robot_framework", RobotEntry(module="robot_framework")),
        ("robot.jobs.night", RobotEntry(module="robot.jobs.night")),
    ],
)
def test_a_file_or_a_module(text: str | None, entry: RobotEntry | None) -> None:
    assert read_entry(text) == entry


@pytest.mark.parametrize(
    "text",
    ["/srv/main.py", r"C:\robots\main.py", "../main.py", "jobs/../../main.py", "robot framework", "-m", "a-b", "x..y",
     "run main.exe", "a" * LONGEST_ENTRY + ".py"],
)  # fmt: skip
def test_what_leads_out_of_the_robots_files_or_is_neither_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        read_entry(text)
