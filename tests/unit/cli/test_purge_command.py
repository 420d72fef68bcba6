"""The command ``purge``, through the command line's main, on a database of its own."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from OpenOrchestrator.cli import main
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.schema import migrations
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.database.stores import keep_days
from OpenOrchestrator.database.stores.keep_days import KeepDays


def test_what_the_site_does_not_keep_is_shown_and_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def purge(*words: str, status: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main.main(["purge", *words])
        assert ended.value.code == status
        said = capsys.readouterr()
        return said.err if status else said.out

    def found(*words: str) -> list[Any]:
        result: list[Any] = json.loads(purge("--json", *words))["found"]
        return result

    url = f"sqlite+pysqlite:///{tmp_path.as_posix()}/site.db"
    migrations.upgrade(url, new=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OpenOrchestratorConnString", url)
    assert "kept for ever" in purge("--dry-run")
    database = Database(url)
    start = database.site_now() - timedelta(days=50)
    base = {"process_name": "p", "scheduler_name": "s", "start_time": start}
    jobs = [Job(id=uuid4(), status=status, **base) for status in (JobStatus.DONE, JobStatus.RUNNING)]
    database.write(lambda session: session.add_all(jobs))
    database.write(lambda session: keep_days.write(session, KeepDays(jobs=30, logs=40)))
    database.close()
    assert [(each["kept"], each["number"], each["deleted"]) for each in found("--dry-run")] == [
        ("output", 0, 0),
        ("jobs", 1, 0),
        ("logs", 0, 0),
    ]
    assert f"{start:%Y-%m-%d %H:%M}" in purge("--dry-run")
    assert "nobody can be asked" in purge(status=1)
    assert [each["deleted"] for each in found("--yes")] == [0, 1, 0]
    assert [each["number"] for each in found("--yes")] == [0, 0, 0]
