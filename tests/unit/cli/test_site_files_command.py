"""The commands ``export``, ``plan`` and ``apply`` on a database in a file."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest
import trigger_setup as make

from OpenOrchestrator.cli import site_files
from OpenOrchestrator.cli.main import main
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.schema.migrations import upgrade
from OpenOrchestrator.database.stores import triggers

TEXT = 'version: 1\ntriggers:\n  - {name: Invoices, schedule: "0 5 1 1 *", path: a.py}\n'


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite+pysqlite:///{(tmp_path / 'site.db').as_posix()}"
    upgrade(made, zone="Europe/Copenhagen")
    database = Database(made)
    make.queue(database, "Orders")
    database.close()
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "site.yaml"
    made.write_text(TEXT, encoding="utf-8")
    return made


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def names(url: str) -> list[str]:
    database = Database(url)
    try:
        return sorted(each.trigger_name for each in database.read(triggers.find_all))
    finally:
        database.close()


def test_a_plan_says_what_would_be_done_and_ends_with_2(
    url: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("plan", str(file), "-c", url) == 2
    shown = capsys.readouterr().out
    assert "create trigger Invoices (next run 20" in shown
    assert "Not in the file, and left as they are: trigger Orders." in shown
    assert names(url) == ["Orders"]


def test_an_applied_file_is_no_difference_any_more(url: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("apply", str(file), "--yes", "-c", url) == 0
    assert "Done: 1 change." in capsys.readouterr().out
    assert names(url) == ["Invoices", "Orders"]
    assert run("plan", str(file), "-c", url) == 0
    assert "The site is as the file says." in capsys.readouterr().out
    assert run("apply", str(file), "--yes", "-c", url) == 0
    assert run("plan", str(file), "--prune", "-c", url) == 2
    assert run("apply", str(file), "--prune", "--yes", "-c", url) == 0
    assert names(url) == ["Invoices"]


def test_programs_get_json(url: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plan", str(file), "--json", "-c", url) == 2
    said = json.loads(capsys.readouterr().out)
    assert said["differences"] == 1
    assert said["changes"][0]["values"]["schedule"] == {"before": None, "after": "0 5 1 1 *"}
    assert said["not_in_file"] == [{"noun": "trigger", "name": "Orders"}]


def test_where_nobody_can_be_asked_nothing_is_changed_without_yes(
    url: str, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_files, "can_ask", lambda: False)
    assert run("apply", str(file), "-c", url) == 1
    assert "add --yes" in capsys.readouterr().err
    assert names(url) == ["Orders"]


@pytest.mark.parametrize(("answer", "status", "made"), [("y\n", 0, 1), ("n\n", 1, 0)])
def test_on_a_terminal_it_asks(
    url: str, file: Path, monkeypatch: pytest.MonkeyPatch, answer: str, status: int, made: int
) -> None:
    monkeypatch.setattr(site_files, "can_ask", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    assert run("apply", str(file), "-c", url) == status
    assert len(names(url)) == 1 + made


def test_what_is_wrong_is_told_line_by_line(url: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(TEXT.replace("0 5", "0 25").replace("a.py", "a.py, prority: 1"), encoding="utf-8")
    for command in (("plan",), ("apply", "--yes")):
        assert run(*command, str(file), "-c", url) == 1
        told = capsys.readouterr().err.splitlines()
        assert [line.partition(": ")[0] for line in told[:2]] == [f"{file}:3:32", f"{file}:3:58"]
        assert told[-1] == f"Nothing was changed: 2 problems in {file}."
    assert names(url) == ["Orders"]


def test_a_file_that_is_not_there_is_told(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plan", str(tmp_path / "none.yaml"), "-c", url) == 1
    assert "none.yaml cannot be read" in capsys.readouterr().err


def test_an_export_can_be_planned_from_standard_input(
    url: str, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("export", "-c", url) == 0
    text = capfdbinary.readouterr().out
    assert b"  - name: Orders\n" in text
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text), encoding="ascii"))
    assert run("plan", "-", "--prune", "-c", url) == 0


def test_an_export_replaces_a_file_whole_and_keeps_who_may_read_it(url: str, file: Path) -> None:
    if os.name == "posix":
        file.chmod(0o640)
    assert run("export", str(file), "-c", url) == 0
    assert "name: Orders" in file.read_text(encoding="utf-8")
    if os.name == "posix":
        assert file.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in file.parent.iterdir() if "site.yaml" in each.name] == ["site.yaml"]


def test_an_export_that_fails_leaves_the_file_as_it_was(
    url: str, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run("export", str(file), "-c", url) == 1
    assert "cannot be written: No space left on device" in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == TEXT
    assert [each.name for each in file.parent.iterdir() if "site.yaml" in each.name] == ["site.yaml"]


def test_the_schema_needs_no_database(tmp_path: Path) -> None:
    assert run("export", "--schema", str(tmp_path / "schema.json")) == 0
    assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8"))["required"] == ["version"]


def test_no_secret_of_the_command_is_printed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plan", str(file), "-c", "postgresql+psycopg://me:geheim12@127.0.0.1:1/x") == 1
    assert "geheim12" not in "".join(capsys.readouterr())
