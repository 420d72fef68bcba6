"""Which robot is meant, how a run without a site is shown, and what is refused before anything is made."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from OpenOrchestrator.cli import main, robot_report, robot_site
from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Base, Job, Log, QueueElement
from OpenOrchestrator.database.statuses import JobStatus, LogLevel, QueueStatus


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "main.py").touch()
    (tmp_path / "night.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("given", "path", "module", "name"),
    [
        ("orders", "orders/main.py", None, "orders"),
        ("orders/main.py", "orders/main.py", None, "orders"),
        ("night.py", "night.py", None, "night"),
        ("robot_framework", ".", "robot_framework", "robot_framework"),
        ("jobs.night", ".", "jobs.night", "jobs.night"),
    ],
)
def test_a_robot_is_a_file_a_folder_or_a_module(
    here: Path, given: str, path: str, module: str | None, name: str
) -> None:
    found = robot_site.find_robot(given)
    assert (found.path, found.module, found.name) == ((here / path), module, name)


@pytest.mark.parametrize("given", ["nowhere.py", "no/where", ".", ""])
def test_what_is_none_is_refused(here: Path, given: str) -> None:
    with pytest.raises(ConfigurationError, match="Python file, its folder, or a module"):
        robot_site.find_robot(given)


def test_a_file_that_cannot_be_used_is_told_by_line_and_column_and_nothing_is_made(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "orders" / "robot.yaml").write_text("version: 1\nelementz: {}\n", encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main.main(["robot", "run", "orders", "--folder", "made"])
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert "robot.yaml, line 2, column 1: There is no key 'elementz' here." in told
    assert not (here / "made").exists()


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database("sqlite://")
    Base.metadata.create_all(made.engine)
    yield made
    made.close()


def element(status: QueueStatus, reference: str, **values: object) -> QueueElement:
    return QueueElement(queue_name="Orders", status=status, reference=reference, **values)


def test_the_report_counts_attempts_that_were_made_and_shows_no_control_characters(database: Database) -> None:
    now = database.site_now()
    job = Job(id=uuid4(), process_name="p", scheduler_name="s", status=JobStatus.DONE, start_time=now)
    elements = [
        element(QueueStatus.DONE, "first try", start_date=now, attempt=1),
        element(QueueStatus.FAILED, "third try", start_date=now, attempt=3, message="\x1b[2Jno", error_type="OSError"),
        element(QueueStatus.IN_PROGRESS, "waits", attempt=2, error_type="OSError", message="away"),
        element(QueueStatus.NEW, "untouched", attempt=1),
    ]
    for number, each in enumerate(elements):
        each.created_date = now.replace(microsecond=number)
    job_id = job.id
    database.write(lambda session: session.add_all([job, *elements]))
    report = robot_report.read(database)
    assert report.attempts["Orders"] == 1 + 3 + 1
    assert [each.reference for each in report.errors] == ["third try", "waits"]
    shown = robot_report.text(report, job_id, database, io.StringIO())
    assert "third try (Failed, attempt 3): \\x1b[2Jno\n" in shown
    assert "\x1b" not in shown


def test_the_log_is_shown_once_in_its_order_and_without_what_the_scheduler_says_of_the_end(database: Database) -> None:
    now = database.site_now().replace(hour=7, minute=5, second=9)
    shown: list[str] = []

    def log(level: LogLevel, message: str) -> None:
        line = Log(log_time=now, log_level=level, process_name="p", log_message=message)
        database.write(lambda session: session.add(line))

    with robot_report.LogWatch(database, shown.append):
        log(LogLevel.INFO, "one\ntwo")
        log(LogLevel.ERROR, "no ticket for Alma")
        job = Job(process_name="p", scheduler_name="s", status=JobStatus.FAILED, start_time=now, reason="no ticket")
        database.write(lambda session: session.add(job))
        log(LogLevel.ERROR, "no ticket\n\nEnd of its error output:\nno ticket")
    assert shown == [
        "07:05:09 Info  one\n               two\n",
        "07:05:09 Error no ticket for Alma\n",
    ]
