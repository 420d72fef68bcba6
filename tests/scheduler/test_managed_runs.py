"""Robots in managed environments under a daemon: the usual template, builds that are seen, killed, and died over."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from managed_projects import locked_project, makers_in, project, slow_project, uv_runs
from repositories import Origin
from scheduler_site import Site, wait_for

from OpenOrchestrator.database.lifecycle.waiting_facts import explain
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus

pytestmark = [pytest.mark.kinds("sqlite"), pytest.mark.skipif(not uv_runs(), reason="uv does not run here")]

MANAGED: dict[str, Any] = {"environment": "MANAGED"}
OFFLINE: dict[str, Any] = {"UV_OFFLINE": "1"}
# As the usual template has it: works on Windows alone, and sets its environment up for each run.
WINDOWS_MAIN = r"""
import os, subprocess, sys
os.chdir(os.path.dirname(os.path.realpath(__file__)))
subprocess.run([sys.executable, "-m", "venv", ".venv"], check=True)
subprocess.run([r".venv\Scripts\pip", "install", "."], check=True)
subprocess.run([r".venv\Scripts\python", "-m", "robot_framework", *sys.argv[1:]], check=True)
"""
FRAMEWORK = """
import json, os, sys
from robot_framework import process
import shouting
print(json.dumps({"words": shouting.WORDS, "arguments": sys.argv[1:], "here": sorted(os.listdir(".")),
                  "python": sys.executable, "helper": process.HELPER}))
"""


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    made = Origin(tmp_path / "origin")
    locked_project(made.folder)
    made.commit("main.py", WINDOWS_MAIN)
    made.commit("robot_framework/__init__.py", "")
    made.commit("robot_framework/process.py", "HELPER = 'mine'")
    made.commit("robot_framework/__main__.py", FRAMEWORK)
    return made


def said(site: Site, number: int) -> dict[str, Any]:
    job = site.jobs()[number]
    assert job.status is JobStatus.DONE, site.state() + site.output(job.id)
    content: dict[str, Any] = json.loads(site.output(job.id).splitlines()[-1])
    return content


def test_the_usual_template_runs_as_a_module_in_an_environment_made_once(site: Site, origin: Origin) -> None:
    for name in ("first", "second"):
        site.single(name, origin.url, is_git_repo=True, entry="robot_framework", process_args="{}", **MANAGED)
        site.once(seconds=120, **OFFLINE)
    first, second = said(site, 0), said(site, 1)
    assert (first["words"], first["helper"], first["arguments"][0]) == ("AH", "mine", "process first")
    assert {"main.py", "robot_framework", "uv.lock"} <= set(first["here"]), "it runs in the root of its files"
    assert first["python"] == second["python"]
    assert "managed" in Path(first["python"]).parts
    building, plain = (site.output(job.id) for job in site.jobs())
    assert building.startswith("Making the environment from uv.lock")
    assert "shouting" in building
    assert plain.count("\n") == 1, "nothing was made for the second"
    assert [(job.environment, job.entry) for job in site.jobs()] == [("MANAGED", "robot_framework")] * 2


def test_the_first_piece_of_a_robot_follows_those_of_its_build(site: Site, tmp_path: Path) -> None:
    folder = project(tmp_path / "robot")
    (folder / "night.py").write_text("import shouting; print(shouting.WORDS)", encoding="utf-8")
    site.single("robot", str(folder), entry="night.py", **MANAGED)
    site.once(seconds=120, **OFFLINE)
    job = site.job("robot")
    assert job.status is JobStatus.DONE, site.state()
    lines = site.output(job.id).splitlines()
    assert lines[0].startswith("Making the environment from requirements.txt")
    assert lines[-1] == "AH"
    assert lines[-2].startswith("The environment was made in")


def test_a_robot_without_requirements_fails_in_plain_words(site: Site) -> None:
    site.single("robot", site.robot("robot", "print(1)"), **MANAGED)
    site.once(seconds=60)
    job = site.job("robot")
    assert job.status is JobStatus.FAILED
    assert job.reason is not None
    assert "no file from which a managed environment can be made" in job.reason


def test_what_cannot_be_had_fails_in_plain_words_with_its_last_lines(site: Site, tmp_path: Path) -> None:
    folder = project(tmp_path / "robot", requirements="no-such-package==1.0\n")
    (folder / "main.py").write_text("print(1)", encoding="utf-8")
    site.single("robot", str(folder / "main.py"), **MANAGED)
    site.once(seconds=60, **OFFLINE)
    job = site.job("robot")
    assert job.status is JobStatus.FAILED
    assert job.reason is not None
    assert "cannot be reached" in job.reason
    assert "no-such-package" in site.output(job.id)


def test_a_kill_while_it_is_built_ends_the_build(site: Site, tmp_path: Path) -> None:
    trigger_id = site.single("robot", str(slow_project(tmp_path / "robot") / "main.py"), **MANAGED)
    site.daemon(**OFFLINE).await_up()
    job = site.await_job("robot", JobStatus.STARTING)
    wait_for("the build", lambda: makers_in(site.workspace), context=site.state)
    wait_for("its output", lambda: "Making the environment" in site.output(job.id), context=site.state)
    (reason,) = explain(site.database, "robot")[0].reasons
    assert reason.words.startswith("It starts:")
    site.set_status(trigger_id, TriggerStatus.KILLING)
    ended = site.await_job("robot")
    assert (ended.status, ended.started_at) == (JobStatus.KILLED, None)
    assert site.status(trigger_id) is TriggerStatus.KILLED
    wait_for("the end of the build", lambda: not makers_in(site.workspace))


def test_a_stopped_scheduler_gives_back_what_it_builds_for_at_once(site: Site, tmp_path: Path) -> None:
    trigger_id = site.single("robot", str(slow_project(tmp_path / "robot") / "main.py"), **MANAGED)
    daemon = site.daemon(**OFFLINE).await_up()
    wait_for("the build", lambda: makers_in(site.workspace), context=site.state)
    daemon.stop()
    assert daemon.await_end() == 0
    assert site.status(trigger_id) is TriggerStatus.IDLE
    wait_for("the end of the build", lambda: not makers_in(site.workspace))


def test_a_killed_scheduler_is_followed_by_one_that_builds_anew(site: Site, tmp_path: Path) -> None:
    folder = slow_project(tmp_path / "robot")
    site.single("robot", str(folder / "main.py"), **MANAGED)
    daemon = site.daemon(**OFFLINE).await_up()
    (before,) = wait_for("the build", lambda: makers_in(site.workspace), context=site.state)[:1]
    daemon.kill()
    site.daemon(**OFFLINE).await_up()
    wait_for(
        "another build",
        lambda: (found := makers_in(site.workspace)) and before not in found,
        context=site.state,
    )
    (folder / "gate").touch()

    def ended() -> bool:
        return [job.status for job in site.jobs("robot")] == [JobStatus.KILLED, JobStatus.DONE]

    wait_for("the second job", ended, context=site.state)
    assert site.output(site.jobs("robot")[1].id).endswith("it runs\n")
