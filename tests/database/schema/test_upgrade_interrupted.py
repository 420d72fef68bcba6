"""Upgrades that run at the same time, and upgrades that are killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest
import sqlalchemy as sa
from databases import Server
from migrating import ROOT, ZONE, assert_like_models
from old_databases import EMOJI, ODD_TEXT, V1_3, V2_0, make_old, read_old

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.schema import revisions
from OpenOrchestrator.database.schema.migrations import Phase, inspect_database, upgrade
from OpenOrchestrator.database.schema.upgrade_lock import exclusive


@pytest.fixture
def special(database_server: Server) -> str:
    """Text of all scripts; earlier versions could not store that on SQL Server."""
    return "text" if database_server.kind == "mssql" else ODD_TEXT + EMOJI


UPGRADES_WHEN_TOLD = """
import sys
from OpenOrchestrator.database.schema.migrations import upgrade
print("ready", flush=True)
sys.stdin.readline()
print(len(upgrade(sys.argv[1], zone="Europe/Copenhagen").applied))
"""


def test_four_upgrades_at_once(empty_database_url: str, special: str) -> None:
    tables = make_old(empty_database_url, V2_0, stamped=False, special=special)
    before = read_old(empty_database_url, tables)
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", UPGRADES_WHEN_TOLD, empty_database_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(4)
    ]
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("\n")
        program.stdin.flush()
    endings = [(*program.communicate(timeout=60), program.returncode) for program in programs]

    known = revisions.known_revisions()
    applied = len(known) - known.index(V2_0) - 1
    assert sorted(endings) == sorted([("0\n", "", 0)] * 3 + [(f"{applied}\n", "", 0)])
    assert {name: len(rows) for name, rows in read_old(empty_database_url, tables).items()} == {
        name: len(rows) for name, rows in before.items()
    }
    assert_like_models(empty_database_url)


def test_second_upgrade_says_that_it_waits(empty_database_url: str) -> None:
    told = threading.Event()
    outcome: list[Any] = []

    def second() -> None:
        outcome.append(
            upgrade(
                empty_database_url,
                zone=ZONE,
                on_progress=lambda progress: told.set() if progress.phase is Phase.WAITING else None,
            )
        )

    first = Database(empty_database_url, statement_timeout=None)
    thread = threading.Thread(target=second)
    with exclusive(first):
        thread.start()
        assert told.wait(30)
        assert not outcome
    first.close()
    thread.join(30)
    assert len(outcome) == 1
    assert_like_models(empty_database_url)


@pytest.mark.kinds("postgresql", "mariadb")
def test_upgrade_gives_up_on_tables_in_use(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = make_old(empty_database_url, V2_0, stamped=True, special="x")
    before = read_old(empty_database_url, tables)
    monkeypatch.setattr("OpenOrchestrator.database.schema.upgrade_lock.TABLE_WAIT_SECONDS", 1)
    engine = sa.create_engine(empty_database_url, poolclass=sa.NullPool)
    with engine.begin() as robot:
        robot.execute(sa.select(tables.tables["Triggers"])).all()
        with pytest.raises(DatabaseError, match=r"in use for too long.*Stop schedulers"):
            upgrade(empty_database_url, zone=ZONE)
    engine.dispose()
    upgrade(empty_database_url, zone=ZONE)
    assert read_old(empty_database_url, tables) == before
    assert_like_models(empty_database_url)


DIES_AFTER_SOME_CHANGES = """
import os, sys
import sqlalchemy as sa
from OpenOrchestrator.database.schema.migrations import upgrade
left = int(sys.argv[2])
def count(connection, cursor, statement, *_):
    global left
    if statement.lstrip().upper().startswith(("CREATE", "ALTER", "DROP", "INSERT", "UPDATE")):
        left -= 1
        if left == 0:
            os._exit(9)  # as kill -9: nothing is rolled back or closed by this process
sa.event.listen(sa.Engine, "after_cursor_execute", count)
upgrade(sys.argv[1], zone="Europe/Copenhagen")
"""


def test_killed_in_the_middle_and_run_again(empty_database_url: str, database_server: Server, special: str) -> None:
    tables = make_old(empty_database_url, V1_3, stamped=False, special=special)
    before = read_old(empty_database_url, tables)

    def run(changes: int) -> int:
        done = subprocess.run(
            [sys.executable, "-c", DIES_AFTER_SOME_CHANGES, empty_database_url, str(changes)],
            check=False,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode in (0, 9), done.stderr
        return done.returncode

    if database_server.kind == "mariadb":  # every change is saved at once, so each run gets further
        endings = [run(18)]
        while endings[-1] == 9:
            assert len(endings) < 20
            endings.append(run(18))
        assert len(endings) > 4
    else:
        assert run(30) == 9
        state = inspect_database(empty_database_url)
        assert (state.revision, state.stamped) == (V1_3, False)
        assert read_old(empty_database_url, tables) == before
        assert run(1000) == 0

    assert read_old(empty_database_url, tables) == before
    assert_like_models(empty_database_url)


@pytest.mark.kinds("mariadb")
def test_creation_killed_anywhere_is_completed(empty_database_url: str) -> None:
    for changes in (1, 2, 3, 5, 8, 13):
        subprocess.run(
            [sys.executable, "-c", DIES_AFTER_SOME_CHANGES, empty_database_url, str(changes)], check=False, cwd=ROOT
        )
    upgrade(empty_database_url, zone=ZONE)
    assert_like_models(empty_database_url)
