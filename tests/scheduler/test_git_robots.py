"""Robots from git under a daemon: a fresh folder, on their branch, with tools on their PATH and no secrets of ours."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from repositories import Origin
from scheduler_site import Site, wait_for

from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.statuses import JobStatus, LogLevel, TriggerStatus

pytestmark = [
    pytest.mark.kinds("sqlite"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
]
ROBOT = """
import json, os, shutil, subprocess, sys
from pathlib import Path
said = {
    "found": sorted(path.name for path in Path(".").iterdir() if path.name != ".git"),
    "branch": subprocess.run(["git", "symbolic-ref", "--short", "HEAD"], capture_output=True, text=True).stdout.strip(),
    "commit": subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip(),
    "python": sys.executable,
    "found python": shutil.which("python"),
    "password": os.environ.get("OpenOrchestratorPassword"),
    "git": [name for name in ("GIT_DIR", "GIT_INDEX_FILE") if name in os.environ],
}
os.mkdir("downloads")
Path("downloads", "yesterday.csv").touch()
Path("main.py").write_text("changed by the robot")
subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "by the robot"], check=True)
print(json.dumps(said))
"""


def said(site: Site, name: str) -> dict[str, Any]:
    job = site.jobs(name)[-1]
    assert job.status is JobStatus.DONE, site.state()
    content: dict[str, Any] = json.loads(site.output(job.id, "stdout"))
    assert content["commit"] == job.commit_sha
    return content


def again(site: Site, trigger: UUID) -> None:
    site.set_status(trigger, TriggerStatus.IDLE)


def trees(site: Site) -> list[str]:
    return [path.name for path in site.workspace.glob("trees/*/*") if path.is_dir()]


def test_every_run_is_fresh_on_its_branch_and_has_its_tools(site: Site, tmp_path: Path) -> None:
    origin = Origin(tmp_path / "origin")
    first = origin.commit("main.py", ROBOT)
    other = Origin(tmp_path / "other")
    trigger = site.single("git", origin.url, is_git_repo=True)
    for _ in range(2):
        site.once(
            OpenOrchestratorPassword="of the app",
            GIT_DIR=str(other.folder / ".git"),
            GIT_INDEX_FILE=str(other.folder / ".git" / "index"),
        )
        told = said(site, "git")
        assert told["commit"] == first
        assert told["branch"] == "main"
        assert told["found"] == ["main.py"]
        assert told["password"] is None
        assert told["git"] == []
        assert Path(told["python"]).is_relative_to(site.workspace), "an environment, not the scheduler's own"
        assert os.path.normcase(told["found python"]) == os.path.normcase(told["python"])
        assert trees(site) == [], "deleted after the run"
        again(site, trigger)
    assert other.git("status", "--porcelain") == ""


def test_files_are_kept_if_the_trigger_says_so(site: Site, tmp_path: Path) -> None:
    origin = Origin(tmp_path / "origin")
    origin.commit("main.py", ROBOT.replace('os.mkdir("downloads")', 'os.makedirs("downloads", exist_ok=True)'))
    trigger = site.single("git", origin.url, is_git_repo=True, keep_files=True)
    for found in (["main.py"], ["downloads", "main.py"]):
        site.once()
        assert said(site, "git")["found"] == found
        again(site, trigger)


def test_an_interpreter_that_is_set_is_used_as_it_is(site: Site, tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("an interpreter cannot be linked to")
    chosen = tmp_path / "chosen" / "python"
    chosen.parent.mkdir()
    chosen.symlink_to(sys.executable)
    site.single("own", site.robot("own", "import shutil; print(shutil.which('python'))"))
    site.once(OpenOrchestratorPython=str(chosen))
    assert site.output(site.job("own").id, "stdout").strip() == str(chosen)


def test_a_daemon_makes_the_next_folder_ready_when_a_run_is_over(site: Site, tmp_path: Path) -> None:
    origin = Origin(tmp_path / "origin")
    origin.commit("main.py", ROBOT)
    trigger = site.single("git", origin.url, is_git_repo=True)
    site.daemon().await_up()
    for count in (1, 2):

        def spare_is_ready(count: int = count) -> bool:
            done = [job for job in site.jobs("git") if job.status is JobStatus.DONE]
            return len(done) == count and any(site.workspace.glob("trees/*/spare-*.json"))

        wait_for("a run that is over, and the spare", spare_is_ready, context=site.state)
        assert said(site, "git")["found"] == ["main.py"]
        again(site, trigger)
        # The spare is handed out to the next run, so that it is not the old one that is found next.
        wait_for("the next run", lambda count=count: len(site.jobs("git")) > count, context=site.state)


def test_a_robot_is_started_without_files_that_cannot_be_had_and_its_log_names_them(site: Site, tmp_path: Path) -> None:
    origin = Origin(tmp_path / "origin")
    origin.commit("main.py", "print('done')")
    origin.commit(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    origin.commit("model.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    site.single("git", origin.url, is_git_repo=True)
    site.once(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_SYSTEM=os.devnull)
    job = site.job("git")
    assert job.status is JobStatus.DONE
    (line,) = site.database.read(lambda session: session.scalars(sa.select(Log).where(Log.job_id == job.id)).all())
    assert line.log_level is LogLevel.INFO
    assert "only pointers: model.bin" in line.log_message
