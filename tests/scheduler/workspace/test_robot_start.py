"""Which of a robot's files is started, and where."""

from __future__ import annotations

import pytest

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.common.robot_entry import RobotEntry
from OpenOrchestrator.scheduler.workspace.robot_start import Start, find_start

TEMPLATE = ["main.py", "robot_framework/__main__.py", "robot_framework/process.py", "docs/robot_framework.py"]
MODULE = RobotEntry(module="robot_framework")


@pytest.mark.parametrize(
    ("names", "start"),
    [
        (TEMPLATE, Start("", file="main.py")),
        (["b/main.py", "a/main.py", "a/b/main.py"], Start("a", file="a/main.py")),
    ],
)
def test_without_an_entry_the_shallowest_main(names: list[str], start: Start) -> None:
    assert find_start(names, None) == start


def test_a_file_is_started_in_its_folder() -> None:
    assert find_start(["jobs/night.py"], RobotEntry(file="jobs/night.py")) == Start("jobs", file="jobs/night.py")
    for entry in (None, RobotEntry(file="jobs/night.py")):
        with pytest.raises(LaunchError, match=r"no file"):
            find_start(["README.md"], entry)


@pytest.mark.parametrize(
    ("names", "start"),
    [
        (TEMPLATE, Start("", module="robot_framework")),
        (["robots/a/robot_framework/__main__.py"], Start("robots/a", module="robot_framework")),
        (["src/robot_framework/__main__.py"], Start("", module="robot_framework", import_folder="src")),
        (["x/src/robot_framework.py"], Start("x", module="robot_framework", import_folder="x/src")),
        (["deep/robot_framework.py", "robot_framework.py"], Start("", module="robot_framework")),
        (["not_robot_framework.py", "jobs/main.py"], Start("jobs", module="robot_framework")),
        (["README.md"], Start("", module="robot_framework")),
    ],
)
def test_a_module_is_started_where_python_finds_it(names: list[str], start: Start) -> None:
    assert find_start(names, MODULE) == start


def test_a_module_of_a_package() -> None:
    names = ["robot/__init__.py", "robot/night.py"]
    assert find_start(names, RobotEntry(module="robot.night")) == Start("", module="robot.night")
