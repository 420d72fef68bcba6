"""Files and folders for one account alone, whatever the umask."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from OpenOrchestrator.cli.demo_setup import make_folder as make_demo_folder
from OpenOrchestrator.common import private_files
from OpenOrchestrator.common.settings import load_settings
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.schema import migrations
from OpenOrchestrator.scheduler.options import scheduler_options

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no POSIX modes")


@pytest.fixture(autouse=True)
def _open_to_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What would be made without any care could be used by everybody; and nothing is closed afterwards."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("closed after it was made")

    before = os.umask(0)
    monkeypatch.setattr(os, "chmod", refuse)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("url", ["sqlite:///{}", "sqlite+pysqlite:///file:{}?uri=true"])
def test_a_sqlite_file_and_those_beside_it(tmp_path: Path, url: str) -> None:
    file = tmp_path / "site.db"
    migrations.upgrade(url.format(file), new=True)
    database = Database(url.format(file))
    try:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.exec_driver_sql("CREATE TABLE t (x)")
            found = {path.name: mode_of(path) for path in tmp_path.iterdir()}
    finally:
        database.close()
    assert found["site.db"] == 0o600
    assert set(found.values()) == {0o600}
    assert {"site.db-wal", "site.db-shm"} <= set(found)


def test_a_database_that_exists_keeps_its_rights(tmp_path: Path) -> None:
    file = tmp_path / "site.db"
    sqlite3.connect(file).close()
    file.touch(mode=0o644)
    before = mode_of(file)
    migrations.upgrade(f"sqlite:///{file}", new=True)
    assert mode_of(file) == before
    assert private_files.others_may_use(file)


def test_workspace_and_demo(tmp_path: Path) -> None:
    scheduler_options(load_settings(workspace=tmp_path / "far" / "workspace"))
    make_demo_folder(tmp_path / "other" / "demo")
    made = [path for path in tmp_path.rglob("*") if path.is_dir()]
    assert len(made) == 5
    assert {mode_of(path) for path in made} == {0o700}


def test_a_folder_that_exists_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o755)
    private_files.make_folder(tmp_path / "there" / "new")
    assert mode_of(tmp_path / "there") == 0o755
    assert mode_of(tmp_path / "there" / "new") == 0o700


def test_a_file_is_made_once(tmp_path: Path) -> None:
    file = tmp_path / "file"
    assert private_files.make_file(file)
    file.write_text("kept")
    assert not private_files.make_file(file)
    assert (file.read_text(), mode_of(file)) == ("kept", 0o600)
