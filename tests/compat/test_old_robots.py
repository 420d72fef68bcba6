"""Robots with older libraries work with our database, by hand and started by our scheduler."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from old_versions import ROBOTS

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.database import db_util
from OpenOrchestrator.database.logs import LogLevel
from OpenOrchestrator.database.queues import QueueStatus
from OpenOrchestrator.database.schema import migrations
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.database.triggers import TriggerStatus

HAS_TRIGGER = {"1.3.1": False, "2.0.1": True, "3.0.0": True}


@pytest.fixture
def key() -> str:
    return crypto_util.generate_key().decode()


@pytest.fixture
def url(empty_database_url: str, key: str) -> Iterator[str]:
    """Our database with what the robot needs, also the default database of this process."""
    migrations.upgrade(empty_database_url, zone="Europe/Copenhagen")
    crypto_util.set_key(key)
    assert db_util.connect(empty_database_url)
    db_util.create_constant("address", "old value")
    db_util.create_credential("login", "user", "secret pässword")
    yield empty_database_url
    db_util.disconnect()


def check_what_it_saw(seen: dict[str, Any], version: str, *, has_trigger: bool) -> None:
    assert seen["constant"] == "old value"
    assert seen["constant_after"] == "new value"
    assert "missing" in seen["missing"]
    assert seen["credential"] == ["user", "secret pässword"]
    assert seen["credential_after"] == ["new user", "new pæssword"]
    assert seen["references"] == ["one", "three", "two"]
    assert seen["looked"] == ["one", "NEW"]
    assert seen["first"] == ["one", '{"a": 1}', "IN_PROGRESS"]
    assert seen["third"] == ["three", None]
    assert seen["done"] == ["one"]
    assert seen["by_reference"] == ["FAILED"]
    assert seen["by_date"] == 3
    assert seen["page"] == 1
    assert seen["left"] == 2
    assert seen["next"] is None
    if has_trigger and HAS_TRIGGER[version]:
        assert seen["pausing"] is False
        assert seen["pausing_after"] is True


def check_what_it_left(*, process: str) -> None:
    logs = db_util.get_logs(0, 100, process_name=process)
    assert {(log.log_level, log.log_message) for log in logs} >= {
        (LogLevel.TRACE, "trace æøå"),
        (LogLevel.INFO, "info"),
        (LogLevel.ERROR, "error"),
    }
    assert db_util.get_constant("address").value == "new value"
    assert db_util.get_credential("login").password == "new pæssword"
    elements = {element.reference: element for element in db_util.get_queue_elements("work")}
    assert elements["one"].status is QueueStatus.DONE
    assert elements["one"].end_date is not None
    assert elements["three"].status is QueueStatus.FAILED
    assert elements["three"].message == "it broke"
    assert db_util.get_queue_count()["work"] == {QueueStatus.DONE: 1, QueueStatus.FAILED: 1}


def test_every_method_by_hand(url: str, key: str, old_version: str, old_python: Path) -> None:
    trigger = db_util.create_queue_trigger("by hand", "by hand", "none", "main.py", "", False, False, 1, 0)
    db_util.set_trigger_status(trigger, TriggerStatus.RUNNING)
    done = subprocess.run(
        [
            *(str(old_python), str(ROBOTS / "every_method.py"), "by hand", url, key, "some arguments"),
            *(str(trigger), "5f7c1d5e-0000-4000-8000-000000000001"),
        ],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.strip().splitlines()[-1])
    assert seen["process"] == "by hand"
    assert seen["arguments"] == "some arguments"
    check_what_it_saw(seen, old_version, has_trigger=True)
    check_what_it_left(process="by hand")


def test_started_by_our_scheduler(url: str, key: str, old_version: str, old_python: Path, tmp_path: Path) -> None:
    robot = tmp_path / "robot"
    robot.mkdir()
    # The usual main.py: it runs the robot in its own environment and passes all arguments on.
    (robot / "main.py").write_text(
        "import subprocess, sys\n"
        f"robot = [{str(old_python)!r}, {str(ROBOTS / 'every_method.py')!r}]\n"
        "sys.exit(subprocess.run([*robot, *sys.argv[1:]]).returncode)\n",
        encoding="utf-8",
    )
    (robot / "pyproject.toml").write_text(
        f'[project]\nname = "robot"\nversion = "1"\ndependencies = ["OpenOrchestrator=={old_version}"]\n',
        encoding="utf-8",
    )
    due = datetime.now().replace(microsecond=0).replace(year=2020)
    trigger = db_util.create_single_trigger(
        "by scheduler", "by scheduler", due, str(robot / "main.py"), "some arguments", False, False, 0
    )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "OpenOrchestrator", "scheduler", "--once", "--name", "compat"),
            *("--workspace", str(tmp_path / "workspace")),
        ],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
        env={
            **os.environ,
            "OpenOrchestratorConnString": url,
            "OpenOrchestratorKey": key,
            "PYTHONIOENCODING": "utf-8",
        },
    )
    assert done.returncode == 0, done.stderr
    (job,) = db_util.get_jobs(process_name="by scheduler")
    assert job.status is JobStatus.DONE
    output = _output_of(job.id)
    seen = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
    assert seen["process"] == "by scheduler"
    assert seen["arguments"] == "some arguments"
    check_what_it_saw(seen, old_version, has_trigger=True)
    check_what_it_left(process="by scheduler")
    # Those that know their trigger paused it; the others left it to run once.
    expected = TriggerStatus.PAUSED if HAS_TRIGGER[old_version] else TriggerStatus.DONE
    assert db_util.get_trigger(trigger).process_status is expected
    assert key not in output
    assert key not in done.stderr + done.stdout


def _output_of(job_id: UUID) -> str:
    from sqlalchemy import select
    from sqlalchemy.orm import Session

    from OpenOrchestrator.database.jobs import JobOutput

    with Session(db_util._connection_engine) as session:
        query = select(JobOutput.text).where(JobOutput.job_id == job_id).order_by(JobOutput.sequence)
        return "".join(session.scalars(query))
