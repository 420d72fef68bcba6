"""Claims that the database refuses: what is the trigger's own fault, and what passes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import trigger_setup as make
from breaking_driver import UNDONE, Moment, break_driver

from OpenOrchestrator.common.errors import ConnectionFailedError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import trigger_claims
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.models import ScheduledTrigger
from OpenOrchestrator.database.stores import logs
from OpenOrchestrator.scheduler.claiming import claiming as claiming_module
from OpenOrchestrator.scheduler.claiming import poison as poison_module
from OpenOrchestrator.scheduler.claiming.claiming import Claiming
from OpenOrchestrator.scheduler.claiming.poison import Poison
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.options import SchedulerOptions


class Refusing:
    """Lets the driver refuse statements that contain a word with one of its own errors."""

    def __init__(self) -> None:
        self.word: str | None = None
        self.error = 0
        self.kind = ""

    def __call__(self, moment: Moment, sql: str) -> BaseException | None:
        if self.word is None or moment is not Moment.STATEMENT or self.word not in sql:
            return None
        return UNDONE[self.kind][self.error]()


@pytest.fixture
def refusing() -> Refusing:
    return Refusing()


@pytest.fixture
def own(database: Database, refusing: Refusing) -> Iterator[Database]:
    """The scheduler's pool on the database."""
    made = Database(database.connection_string, clock=database.clock, patience_seconds=0)
    refusing.kind = made.dialect_name
    break_driver(made, refusing)
    yield made
    made.close()


@pytest.fixture
def lines() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def claiming(own: Database, lines: io.StringIO, tmp_path: Path) -> Claiming:
    options = SchedulerOptions(
        name="here", whitelisted_only=False, max_jobs=8, poll_interval=1, workspace=tmp_path, python="python"
    )
    return Claiming(own, Identity("here"), options, Poison(own, Events(lines)))


def messages(database: Database) -> list[str]:
    """Read the logs."""
    filter_ = logs.LogFilter()
    stored = database.read(lambda session: logs.select(session, filter_, descending=True, offset=0, limit=9))
    return [log.log_message for log in stored]


def claim(claiming: Claiming) -> list[str]:
    """Look once, and claim what is there."""
    return [run.trigger_name for run in claiming.claim(claiming.choose(claiming.look().due, []))]


@pytest.mark.kinds("sqlite", "postgresql", "mariadb")
def test_a_database_that_cannot_be_written_for_now_sets_no_trigger_aside(
    database: Database, claiming: Claiming, refusing: Refusing, lines: io.StringIO
) -> None:
    make.single(database, "first")
    make.single(database, "second")
    refusing.word, refusing.error = "INSERT", -1  # the last one says read-only
    for _ in range(3):
        with pytest.raises(ConnectionFailedError):
            claim(claiming)
    refusing.word = None
    assert claim(claiming) == ["first", "second"]
    assert lines.getvalue() == ""


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How many seconds have passed; the test sets its one number."""
    seconds = [0.0]
    for module in (claiming_module, poison_module):
        monkeypatch.setattr(module, "elapsed", lambda: 1000 + seconds[0])
    return seconds


@pytest.mark.kinds("sqlite", "postgresql", "mariadb")
def test_a_lock_that_somebody_holds_sets_a_trigger_aside_for_a_moment_only_and_is_not_told(
    database: Database,
    claiming: Claiming,
    refusing: Refusing,
    lines: io.StringIO,
    passed: list[float],
) -> None:
    make.single(database, "only")
    refusing.word = "INSERT"
    assert claim(claiming) == []
    refusing.word = None
    assert claim(claiming) == []  # it is given a moment
    passed[0] += poison_module.PASSING_SECONDS
    assert claim(claiming) == ["only"]
    assert lines.getvalue() == ""
    assert (
        database.read(lambda session: logs.select(session, logs.LogFilter(), descending=True, offset=0, limit=9)) == ()
    )


@pytest.mark.kinds("sqlite", "postgresql", "mariadb")
def test_a_log_about_a_trigger_that_is_refused_for_a_moment_is_stored_later_and_told_once(
    database: Database,
    claiming: Claiming,
    refusing: Refusing,
    lines: io.StringIO,
    passed: list[float],
) -> None:
    trigger_id = make.scheduled(database, "bad")
    scheduled = sa.update(ScheduledTrigger).where(ScheduledTrigger.id == trigger_id)
    database.write(lambda session: session.execute(scheduled.values(cron_expr="now and then")))

    refusing.word = "INSERT"
    assert claim(claiming) == []
    refusing.word = None
    assert claim(claiming) == []  # a table that was locked a moment ago is not waited for at each look
    assert messages(database) == []
    for _ in range(2):
        passed[0] += poison_module.LOG_REST_SECONDS
        assert claim(claiming) == []
        (message,) = messages(database)
        assert "now and then" in message
    assert lines.getvalue().count("is set aside") == 1
    assert len(lines.getvalue().splitlines()) == 1


@pytest.mark.kinds("sqlite", "postgresql", "mariadb")
def test_a_log_that_was_refused_does_not_wait_until_the_trigger_is_tried_again(
    database: Database,
    claiming: Claiming,
    refusing: Refusing,
    passed: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make.single(database, "bad")
    tried = []

    def claim_in_vain(*_: object) -> list[ClaimedRun]:
        tried.append(passed[0])
        raise ValueError("it holds garbage")

    monkeypatch.setattr(trigger_claims, "claim", claim_in_vain)
    refusing.word = "INSERT"
    assert claim(claiming) == []
    refusing.word = None
    so_far = len(tried)
    passed[0] += poison_module.LOG_REST_SECONDS
    assert claim(claiming) == []
    assert len(tried) == so_far
    (message,) = messages(database)
    assert "it holds garbage" in message
