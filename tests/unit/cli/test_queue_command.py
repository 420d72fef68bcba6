"""Queues from a terminal, as scripts use them: on a database of their own, through the command line's main."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from OpenOrchestrator.cli import main
from OpenOrchestrator.database.schema import migrations


class Terminal:
    """Calls commands, and returns their status and output."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.errors = ""

    def __call__(self, *words: str, typed: bytes = b"", status: int = 0) -> str:
        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(typed)))
        with pytest.raises(SystemExit) as ended:
            main.main(["queue", *words])
        output, self.errors = self._capsys.readouterr()
        assert ended.value.code == status, self.errors
        return output

    def json(self, *words: str, typed: bytes = b"") -> Any:
        return json.loads(self(*words, "--json", typed=typed))


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    url = f"sqlite+pysqlite:///{tmp_path.as_posix()}/site.db"
    migrations.upgrade(url, new=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OpenOrchestratorConnString", url)
    return Terminal(capsys, monkeypatch)


def test_elements_are_added_shown_and_counted(queue: Terminal) -> None:
    assert queue("add", "Orders", "--reference", "1", "--data", "text") == "Added to Orders: 1.\n"
    made = queue.json("add", "Orders", "--data", "-", "--by", "me", typed='\ufeff{"ø": 1}\n'.encode())
    assert (made["data"], made["created_by"], made["status"]) == ('{"ø": 1}', "me", "NEW")
    (row,) = queue.json("list")["queues"]
    assert row == {"queue": "Orders", "NEW": 2, "IN_PROGRESS": 0, "DONE": 0, "FAILED": 0, "ABANDONED": 0}
    assert queue("list").splitlines()[1].split() == ["Orders", "2"]
    assert [each["id"] for each in queue.json("show", "Orders", "--limit", "1")["elements"]] == [made["id"]]
    assert [each["data"] for each in queue.json("show", "Orders", "-r", "1")["elements"]] == ["text"]
    assert queue.json("show", "Orders", "--status", "failed")["elements"] == []
    queue("show", "Orders", "--status", "lost", status=2)
    assert "in progress" in queue.errors


def test_a_queue_is_exported_imported_and_requeued(queue: Terminal, tmp_path: Path) -> None:
    lines = b"reference,data\r\n1,a\r\n2,b\r\n"
    assert queue.json("import", "Orders", "-", typed=lines) == {"queue": "Orders", "imported": 2, "left_out": 0}
    assert queue("import", "Orders", "-", typed=lines + b"3,c\r\n") == (
        "Imported into Orders: 1; 2 left out, because the queue has their reference.\n"
    )
    queue("export", "Orders", "orders.csv")
    exported = (tmp_path / "orders.csv").read_text(encoding="utf-8-sig")
    assert [line.split(",")[0].split(";")[0] for line in exported.splitlines()] == ["Reference", "1", "2", "3"]
    assert [each.name for each in tmp_path.glob("*orders*")] == ["orders.csv"]
    queue("import", "Orders", "nowhere.csv", status=1)
    assert "nowhere.csv cannot be read" in queue.errors
    too_long = b"reference,data\r\n4,d\r\n" + b"x" * 101 + b",e\r\n"
    queue("import", "Orders", "-", typed=too_long, status=1)
    assert "Nothing was imported: 1 of 2 lines" in queue.errors
    assert queue.json("list")["queues"][0]["NEW"] == 3


def test_what_failed_is_new_again_once_somebody_agrees(queue: Terminal, tmp_path: Path) -> None:
    from OpenOrchestrator.database.engine.database import Database
    from OpenOrchestrator.database.models import QueueElement
    from OpenOrchestrator.database.statuses import QueueStatus

    database = Database(f"sqlite+pysqlite:///{tmp_path.as_posix()}/site.db")
    now = database.site_now()
    statuses = [QueueStatus.FAILED, QueueStatus.ABANDONED, QueueStatus.DONE, QueueStatus.FAILED]
    rows = [QueueElement(queue_name="Orders", status=each, created_date=now) for each in statuses]
    database.write(lambda session: session.add_all(rows))
    database.close()
    queue("requeue", "Orders", status=1)
    assert "add --yes" in queue.errors
    assert queue.json("requeue", "Orders", "--status", "abandoned", "--yes")["requeued"] == 1
    assert queue("requeue", "Orders", "--yes") == "New again in Orders: 2.\n"
    (row,) = queue.json("list")["queues"]
    assert (row["NEW"], row["DONE"], row["FAILED"]) == (3, 1, 0)
    assert queue("requeue", "Nowhere") == "New again in Nowhere: 0.\n"


def test_a_queue_is_paused_and_resumed(queue: Terminal) -> None:
    said = queue("pause", "Orders", "--reason", "SAP is closed", "--by", "Ann")
    assert said.splitlines() == [
        "Orders is paused (SAP is closed). What robots have in hand is finished.",
        "It has no end: end it with the command queue resume.",
    ]
    paused = queue.json("pause", "Orders", "-r", "Back-up", "--until", "2999-07-01T18:00+02:00", "--by", "Ann")
    assert paused.pop("since")
    assert paused == {
        "queue": "Orders",
        "paused": True,
        "reason": "Back-up",
        "by": "Ann",
        "until": "2999-07-01T16:00:00+00:00",
    }
    queue("pause", "Orders", "--reason", "late", "--until", "2020-01-01", status=1)
    assert "has passed" in queue.errors
    queue("pause", "Orders", "--reason", "late", "--until", "soon", status=2)
    assert queue.json("resume", "Orders") == {"queue": "Orders", "paused": False, "changed": True}
    assert queue("resume", "Orders") == "Orders was not paused.\n"


def test_a_queue_is_purged_of_what_ended_long_ago(queue: Terminal, tmp_path: Path) -> None:
    from datetime import timedelta

    from OpenOrchestrator.database.engine.database import Database
    from OpenOrchestrator.database.models import QueueElement
    from OpenOrchestrator.database.statuses import QueueStatus

    database = Database(f"sqlite+pysqlite:///{tmp_path.as_posix()}/site.db")
    now = database.site_now()
    made = [(QueueStatus.DONE, 100), (QueueStatus.DONE, 10), (QueueStatus.FAILED, 100), (QueueStatus.NEW, 100)]
    rows = [
        QueueElement(queue_name="Orders", status=status, created_date=now - timedelta(days=days))
        for status, days in made
    ]
    database.write(lambda session: session.add_all(rows))
    database.close()
    queue("purge", "Orders", status=1)
    assert "says for no status" in queue.errors
    queue("purge", "Orders", "--done-older-than", "long", status=2)
    aged = ("purge", "Orders", "--done-older-than", "90d")
    heads, line = queue(*aged, "--dry-run").splitlines()
    assert heads.split() == ["What", "Queue", "Status", "Before", "Oldest", "Number"]
    assert (*line.split()[:3], line.split()[-1]) == ("Elements", "Orders", "Done", "1")
    (found,) = queue.json(*aged, "--dry-run")["found"]
    assert (found["number"], found["deleted"], found["status"]) == (1, 0, "DONE")
    queue(*aged, status=1)
    assert "add --yes" in queue.errors
    assert queue(*aged, "--yes").splitlines()[-1] == "Deleted: 1."
    found = queue.json("purge", "Orders", "--done-older-than", "0s", "--failed-older-than", "90d", "--yes")["found"]
    assert [each["deleted"] for each in found] == [1, 1]
    (row,) = queue.json("list")["queues"]
    assert row == {"queue": "Orders", "NEW": 1, "IN_PROGRESS": 0, "DONE": 0, "FAILED": 0, "ABANDONED": 0}
