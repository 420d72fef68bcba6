"""The command ``why`` on a database in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trigger_setup as make

from OpenOrchestrator.cli.main import main
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.schema.migrations import upgrade


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite+pysqlite:///{(tmp_path / 'site.db').as_posix()}"
    upgrade(made, zone="Europe/Copenhagen")
    database = Database(made)
    make.single(database, "Send invoices")
    database.close()
    return made


def why(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["why", *arguments])
    return int(ended.value.code or 0)


def test_it_says_what_is_missing(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert why("Send invoices", "-c", url) == 0
    shown = capsys.readouterr().out
    assert "Send invoices (Idle)" in shown
    assert "No scheduler ever reported. Start one." in shown


def test_programs_get_json(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert why("Send invoices", "-c", url, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["trigger"], said["status"]) == ("Send invoices", "Idle")
    assert [reason["cause"] for reason in said["reasons"]] == ["no_scheduler"]


def test_a_name_that_is_none_is_an_error(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert why("send invoices", "-c", url) == 1
    assert "There is no trigger named 'send invoices'" in capsys.readouterr().err


def test_an_older_database_is_refused_with_the_command_to_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.db").touch()
    assert why("x", "-c", f"sqlite:///{(tmp_path / 'empty.db').as_posix()}") == 1
    assert "upgrade" in capsys.readouterr().err
