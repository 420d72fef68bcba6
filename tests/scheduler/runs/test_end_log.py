"""The Error log of an end, and the files it is kept with until it is stored."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from uuid import uuid4

import pytest

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.stores import logs
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.runs.end_log import EndLog
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob


@pytest.fixture
def lines() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create(tmp_path, uuid4())


@pytest.fixture
def log(database: Database, directory: RunDirectory, lines: io.StringIO) -> EndLog:
    job = SupervisedJob(
        job_id=directory.job_id,
        fence=1,
        trigger_name="Invoices",
        process_name="Invoices",
        is_blocking=False,
        timeout_seconds=None,
    )
    return EndLog("exit code 1", job, directory, database, Events(lines))


@pytest.mark.kinds("sqlite")
def test_what_a_successor_cleared_up_is_no_trouble_and_the_log_is_stored(
    database: Database, log: EndLog, directory: RunDirectory, lines: io.StringIO
) -> None:
    shutil.rmtree(directory.path)

    log.keep()
    assert not log.is_kept
    log.store(lambda write: write())

    stored = database.read(lambda session: logs.select(session, logs.LogFilter(), descending=True, offset=0, limit=9))
    assert [entry.log_message for entry in stored] == ["exit code 1"]
    assert not directory.path.exists()
    assert lines.getvalue() == ""


@pytest.mark.kinds("sqlite")
def test_files_that_cannot_be_written_are_told(log: EndLog, directory: RunDirectory, lines: io.StringIO) -> None:
    (directory.path / "log.json").mkdir()  # nothing can be put in its place

    log.keep()

    assert not log.is_kept
    assert 'logging the end of "Invoices"' in lines.getvalue()
