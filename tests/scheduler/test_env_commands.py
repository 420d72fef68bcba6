"""The commands ``env list``, ``env build`` and ``env prune``, with projects whose packages are files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import trigger_setup as make
from managed_projects import project, uv_runs

from OpenOrchestrator.cli.main import main
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.schema.migrations import upgrade
from OpenOrchestrator.database.stores import triggers
from OpenOrchestrator.scheduler.workspace import environment_upkeep
from OpenOrchestrator.scheduler.workspace.environment_upkeep import Listed, chosen

pytestmark = pytest.mark.skipif(not uv_runs(), reason="uv does not run here")

DAY = 86400.0


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("OpenOrchestratorWorkspace", str(tmp_path / "workspace"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite+pysqlite:///{(tmp_path / 'site.db').as_posix()}"
    upgrade(url, zone="Europe/Copenhagen")
    made = Database(url)
    yield made
    made.close()


def call(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["env", *words])
    return int(ended.value.code or 0)


def answer(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    assert call(*words, "--json") == status
    return json.loads(capsys.readouterr().out)


def test_a_folder_is_built_listed_and_pruned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(tmp_path / "robot")
    assert call("list") == 0
    assert "There are no managed environments in" in capsys.readouterr().out
    assert call("build", "--folder", str(folder)) == 0
    shown = capsys.readouterr()
    assert "ready, " in shown.out
    assert "Making the environment from requirements.txt" in shown.err
    assert "\x1b" not in shown.out + shown.err
    assert call("build", "--folder", str(folder)) == 0
    assert "Making" not in capsys.readouterr().err, "what is there stays"
    (listed,) = answer(capsys, "list")["environments"]
    assert (listed["state"], listed["source"], listed["jobs"]) == ("ready", "requirements.txt", [])
    assert Path(listed["folder"]).is_dir()
    assert call("list") == 0
    assert "requirements.txt" in capsys.readouterr().out
    assert answer(capsys, "prune")["removed"] == []
    (removed,) = answer(capsys, "prune", "--days", "0")["removed"]
    assert removed["key"] == listed["key"]
    assert not Path(listed["folder"]).exists()
    assert call("prune") == 0
    assert capsys.readouterr().out == "There was nothing to delete.\n"


def test_those_of_triggers_are_built_by_name_or_all_that_are_managed(
    tmp_path: Path, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project(tmp_path / "robot")
    (folder / "main.py").write_text("print(1)", encoding="utf-8")
    managed = make.single(database, "Managed", process_path=str(folder / "main.py"), environment="MANAGED")
    make.single(database, "Own", process_path=str(tmp_path / "nothing.py"))
    on = ("-c", database.connection_string)
    results = answer(capsys, "build", *on)["environments"]
    assert [(each["for"], each["ready"]) for each in results] == [("Managed", True)]
    python = results[0]["python"]
    again = answer(capsys, "build", str(managed), "--anew", *on)["environments"]
    assert again[0]["python"] != python
    results = answer(capsys, "build", "Own", *on, status=1)["environments"]
    assert "There is no file" in results[0]["reason"]
    assert call("build", "Nobody", *on) == 1
    assert 'There is no trigger "Nobody"' in capsys.readouterr().err
    database.write(lambda session: triggers.delete(session, managed))
    assert call("build", *on) == 0
    assert "No trigger chooses a managed environment." in capsys.readouterr().out


def test_a_failure_is_told_and_listed_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(tmp_path / "robot", requirements="no-such-package==1\n")
    for _ in range(2):  # asked for by somebody, it is tried again at once
        assert call("build", "--folder", str(folder)) == 1
        shown = capsys.readouterr()
        assert "failed. The environment cannot be made from requirements.txt." in shown.out
        assert "Making the environment" in shown.err
    (listed,) = answer(capsys, "list")["environments"]
    assert (listed["state"], listed["folder"]) == ("failed", None)
    assert "cannot be reached" in listed["reason"]
    assert call("build", "--folder", str(tmp_path / "nothing")) == 1
    assert call("build", "One", "--folder", str(folder)) == 2


def listed(key: str, days: float, size: int, *, used: bool = False) -> Listed:
    return Listed(key, "ready", last_used=-days * DAY, size=size, users=(uuid4(),) if used else ())


@pytest.mark.parametrize(
    ("keep_days", "most", "gone"),
    [
        (30, 100, []),
        (5, 100, ["old"]),
        (30, 25, ["old", "middle"]),
        (30, 31, ["old"]),
        (0, 0, ["old", "middle", "new"]),
    ],
)
def test_what_is_pruned_is_what_was_not_used_for_longest(keep_days: float, most: float, gone: list[str]) -> None:
    there = [listed("new", 1, 10), listed("old", 9, 10), listed("used", 99, 10, used=True), listed("middle", 4, 10)]
    there.append(Listed("failed", "failed"))
    found = chosen(there, now=0, keep_days=keep_days, most_bytes=most)
    assert [each.key for each in found] == gone


def test_the_defaults_are_those_that_are_documented() -> None:
    assert (environment_upkeep.KEEP_DAYS, environment_upkeep.MOST_BYTES) == (30, 20e9)
