"""The commands ``pause``, ``resume``, ``cordon``, ``uncordon`` and ``drain`` on a database in a file."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import trigger_setup as make
import typer

from OpenOrchestrator.cli.main import main
from OpenOrchestrator.cli.pause import end_of
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import admission
from OpenOrchestrator.database.lifecycle.admission import Admission
from OpenOrchestrator.database.schema.migrations import upgrade
from OpenOrchestrator.database.stores import cordons, schedulers, site_pause

ZONE = ZoneInfo("Europe/Copenhagen")
NOW = datetime(2026, 11, 29, 14, 30, tzinfo=timezone.utc)
WORKER = Identity("worker-7")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = f"sqlite+pysqlite:///{(tmp_path / 'site.db').as_posix()}"
    upgrade(made, zone="Europe/Copenhagen")
    database = Database(made)
    yield database
    database.close()


def call(database: Database, *words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*words, "-c", database.connection_string])
    return int(ended.value.code or 0)


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def held(database: Database, name: str = "worker-7") -> Admission:
    return database.read(lambda session: admission.read(session, name))


def test_a_site_is_paused_and_resumed(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(database, "pause", "--reason", "SAP is closed", "--by", "Ann", "--until", "2999-12-24 06:00") == 0
    shown = capsys.readouterr().out
    assert "The site is paused by Ann since 2" in shown
    assert "(SAP is closed), until 2999-12-24 06:00:00. Robots that run go on." in shown
    present = database.read(site_pause.read)
    assert present is not None
    assert present.until == datetime(2999, 12, 24, 5, tzinfo=timezone.utc)
    assert call(database, "resume") == 0
    assert capsys.readouterr().out == "The site is resumed.\n"
    assert database.read(site_pause.read) is None
    assert call(database, "resume") == 0
    assert capsys.readouterr().out == "The site was not paused.\n"


def test_programs_get_json_and_the_account_is_named(
    database: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "svc-rpa")
    now, site_now = database.utc_now(), database.site_now()
    database.write(lambda session: schedulers.ping(session, "Old", site_now=site_now))
    assert call(database, "pause", "--reason", "å", "--json") == 0
    pause = said(capsys)
    assert (pause["paused"], pause["reason"], pause["by"], pause["until"]) == (True, "å", "svc-rpa", None)
    assert abs(datetime.fromisoformat(pause["since"]) - now) < timedelta(minutes=5)
    assert pause["not_obeyed_by"] == ["Old"]
    assert call(database, "resume", "--json") == 0
    assert said(capsys) == {"paused": False, "changed": True}


def test_schedulers_that_do_not_obey_are_named(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    database.write(lambda session: schedulers.ping(session, "Old", site_now=database.site_now()))
    assert call(database, "pause", "--reason", "SAP is closed") == 0
    shown = capsys.readouterr().out
    assert "Old is of a version before 4.0 and obeys no pause" in shown
    assert "end it with the command resume" in shown


def test_what_cannot_be_is_refused_and_nothing_is_paused(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(database, "pause") == 2
    assert call(database, "pause", "--reason", " ") == 1
    assert "needs a reason" in capsys.readouterr().err
    assert call(database, "pause", "--reason", "x", "--until", "tomorrow") == 2
    assert "'tomorrow' is no time. Give 18:00" in capsys.readouterr().err
    assert call(database, "pause", "--reason", "x", "--until", "2020-01-01") == 1
    assert "has passed" in capsys.readouterr().err
    assert database.read(site_pause.read) is None


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("18:00", datetime(2026, 11, 29, 17)),
        ("15:30", datetime(2026, 11, 30, 14, 30)),
        ("06:15", datetime(2026, 11, 30, 5, 15)),
        ("2026-12-24", datetime(2026, 12, 23, 23)),
        (" 2026-12-24 18:00 ", datetime(2026, 12, 24, 17)),
        ("2026-12-24T18:00:30", datetime(2026, 12, 24, 17, 0, 30)),
        ("2026-07-01 18:00", datetime(2026, 7, 1, 16)),
        ("2026-12-24T18:00Z", datetime(2026, 12, 24, 18)),
        ("2026-12-24T18:00-05:00", datetime(2026, 12, 24, 23)),
        ("2027-03-28 02:30", datetime(2027, 3, 28, 1)),
    ],
)
def test_ends_are_read_as_people_write_them(text: str, utc: datetime) -> None:
    assert end_of(text, NOW, ZONE) == utc.replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "minutes", "utc"),
    [
        ("02:45", 50, datetime(2027, 10, 31, 1, 45)),  # 02:50 for the first time: 02:45 comes once more
        ("02:45", 90, datetime(2027, 10, 31, 1, 45)),  # 02:30 for the second time
        ("2027-10-31 02:45", 90, datetime(2027, 10, 31, 1, 45)),
        ("02:45", 30, datetime(2027, 10, 31, 0, 45)),  # 02:30 for the first time
        ("02:45", 110, datetime(2027, 11, 1, 1, 45)),  # 02:50 for the second time
    ],
)
def test_in_the_hour_that_occurs_twice_an_end_is_the_next_that_comes(text: str, minutes: int, utc: datetime) -> None:
    now = datetime(2027, 10, 31, 0, tzinfo=timezone.utc) + timedelta(minutes=minutes)
    assert end_of(text, now, ZONE) == utc.replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "25:00", "2026-13-01", "18:00+01:00", "2026-12-24 18", "in 5 minutes"),
        *("18", "20261224", "9999-12-31T23:59-12:00", "0001-01-01T00:00+12:00"),
    ],
)
def test_other_words_are_no_end(text: str) -> None:
    if text == "2026-12-24 18":  # Python reads a bare hour, too
        assert end_of(text, NOW, ZONE) == datetime(2026, 12, 24, 17, tzinfo=timezone.utc)
        return
    with pytest.raises(typer.BadParameter):
        end_of(text, NOW, ZONE)


def test_a_scheduler_is_cordoned_and_uncordoned(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    make.enroll(database, WORKER)
    assert call(database, "cordon", " WORKER-7", "--by", "Ann") == 0
    assert capsys.readouterr().out == "worker-7 starts nothing new until it is uncordoned.\n"
    cordon = held(database).cordon
    assert cordon is not None
    assert cordon.by == "Ann"
    assert call(database, "cordon", "worker-7", "--json") == 0
    assert said(capsys) == {"scheduler": "worker-7", "cordoned": True, "changed": False}
    assert call(database, "uncordon", "worker-7") == 0
    assert capsys.readouterr().out == "worker-7 starts robots again.\n"
    assert held(database).starts
    assert call(database, "uncordon", "worker-7", "--json") == 0
    assert said(capsys) == {"scheduler": "worker-7", "cordoned": False, "changed": False}


@pytest.mark.parametrize("command", ["cordon", "uncordon", "drain"])
def test_a_name_that_is_none_is_refused_with_near_ones(
    database: Database, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    make.enroll(database, WORKER)
    assert call(database, command, "worker-8") == 1
    assert "There is no scheduler named 'worker-8'. Did you mean 'worker-7'?" in capsys.readouterr().err
    assert held(database).starts


def test_a_scheduler_is_drained(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    make.enroll(database, WORKER)
    assert call(database, "drain", "worker-7") == 0
    assert capsys.readouterr().out == "worker-7 starts nothing new, and ends when its robots have.\n"
    assert held(database).drain is not None
    assert call(database, "drain", "worker-7", "--json") == 0
    assert said(capsys) == {
        "scheduler": "worker-7",
        "cordoned": True,
        "draining": True,
        "changed": False,
        "ended": None,
    }


def test_one_that_does_not_run_is_only_cordoned(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    make.enroll(database, WORKER)
    schedulers.leave(database, WORKER)
    assert call(database, "drain", "worker-7", "--wait", "60") == 0
    assert "worker-7 is not running, so it is cordoned and no more" in capsys.readouterr().out
    assert held(database).drain is None
    assert held(database).cordon is not None


def test_the_end_of_a_drain_can_be_waited_for(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    make.enroll(database, WORKER)
    assert call(database, "drain", "worker-7", "--wait", "0") == 1
    assert "worker-7 has not ended, or the drain was called off." in capsys.readouterr().out

    leaves = threading.Timer(0.5, lambda: schedulers.leave(database, WORKER))
    leaves.start()
    assert call(database, "drain", "worker-7", "--wait", "60") == 0
    assert "worker-7 has ended." in capsys.readouterr().out
    leaves.join()

    make.enroll(database, WORKER)
    off = threading.Timer(0.5, lambda: database.write(lambda session: cordons.uncordon(session, "worker-7")))
    off.start()
    assert call(database, "drain", "worker-7", "--wait", "60", "--json") == 1
    assert said(capsys)["ended"] is False
    off.join()
