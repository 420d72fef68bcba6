"""The daily sweep of a scheduler: what it does in its turn, what it says, and when it ends."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database import models
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle.retention_rules import Portion
from OpenOrchestrator.database.statuses import LogLevel
from OpenOrchestrator.database.stores import keep_days
from OpenOrchestrator.database.stores.keep_days import KeepDays
from OpenOrchestrator.scheduler import retention
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.retention import Retention

pytestmark = pytest.mark.kinds("sqlite")


def add_logs(database: Database, number: int) -> None:
    values = {"log_time": datetime(2025, 1, 1), "log_level": LogLevel.INFO, "process_name": "p", "log_message": "m"}
    database.write(lambda session: session.add_all(models.Log(id=uuid4(), **values) for _ in range(number)))


def swept(database: Database) -> str:
    """Have a scheduler sweep, and return what it says."""
    lines = io.StringIO()
    events = Events(lines)
    Retention(database, events).sweep()
    assert events.flush()
    return lines.getvalue()


def test_one_scheduler_sweeps_a_day_and_says_what_it_deleted(database: Database, clock: SettableClock) -> None:
    add_logs(database, 3)
    assert swept(database) == ""  # nothing is to be deleted, and that was today's turn
    database.write(lambda session: keep_days.write(session, KeepDays(logs=30)))
    assert swept(database) == ""
    clock.advance(timedelta(days=1))
    said = swept(database)
    assert "Deleted what was older than it is kept" in said
    assert said.rstrip().endswith(": 3 logs.")
    add_logs(database, 1)
    assert swept(database) == ""


def test_a_scheduler_that_stops_leaves_the_rest_to_the_next_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_logs(database, 100)
    database.write(lambda session: keep_days.write(session, KeepDays(logs=30)))
    lines = io.StringIO()
    events = Events(lines)
    stopped = Retention(database, events)
    look = retention.what_is_too_old

    def look_and_stop(where: Database) -> tuple[Portion, ...]:
        stopped.stop()
        return look(where)

    with monkeypatch.context() as patched:
        patched.setattr(retention, "what_is_too_old", look_and_stop)
        stopped.sweep()
    assert events.flush()
    assert ": 20 logs." in lines.getvalue()
    stopped.sweep()  # begins nothing any more
    assert swept(database).rstrip().endswith(": 80 logs.")
