"""Data access of what queues say about their elements, and of their pauses."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.queue_settings import QueueSetting
from OpenOrchestrator.database.statuses import UniqueReferences, WhenRobotDied
from OpenOrchestrator.database.stores import queue_pauses, queue_rules
from OpenOrchestrator.database.stores.queue_rules import DEFAULT_RULES, QueueRules, StoredRules

NOW = datetime(2026, 3, 1, 8, tzinfo=timezone.utc)
ALL = QueueRules(
    most_attempts=3,
    pause_seconds=60,
    pause_growth=2.0,
    when_robot_died=WhenRobotDied.RETRY,
    description="Bestillinger 😀",
    unique_references=UniqueReferences.EVER,
    lease_seconds=600,
    keep_done_days=30,
    keep_failed_days=60,
    keep_abandoned_days=90,
    json_schema='{"type": "object"}',
    default_priority=-5,
    finish_within_seconds=3600,
    breaker_errors=10,
)


def write(database: Database, rules: QueueRules, stored: StoredRules, queue: str = "work") -> bool:
    return database.write(lambda session: queue_rules.write(session, queue, rules, stored.edition, now=NOW))


def read(database: Database, queue: str = "work") -> StoredRules:
    return database.read(lambda session: queue_rules.read(session, queue))


def test_all_rules_are_stored_and_changed_once(database: Database) -> None:
    nothing = read(database)
    assert nothing == StoredRules()
    assert write(database, ALL, nothing)
    assert not write(database, DEFAULT_RULES, nothing)
    first = read(database)
    assert first.rules == queue_rules.checked(ALL, database.dialect_name) == ALL
    assert write(database, replace(ALL, description=None, breaker_errors=None), first)
    assert not write(database, DEFAULT_RULES, first)
    assert read(database).rules == replace(ALL, description=None, breaker_errors=None)
    assert database.read(queue_rules.read_all) == {"work": read(database)}
    assert read(database, "Work") == StoredRules()


def test_what_cannot_be_a_rule_means_none(database: Database) -> None:
    write(database, ALL, StoredRules())
    odd = {"unique_references": "OFTEN", "lease_seconds": 1, "breaker_errors": -1, "default_priority": 2**30}
    database.write(lambda session: session.execute(sa.update(QueueSetting).values(odd)))
    assert read(database).rules == replace(
        ALL, unique_references=UniqueReferences.NONE, lease_seconds=None, breaker_errors=None, default_priority=0
    )


def test_a_queue_is_paused_and_resumed_beside_its_rules(database: Database) -> None:
    def pause(**given: Any) -> queue_pauses.QueuePause:
        return database.write(lambda session: queue_pauses.pause(session, "work", **given))

    def present() -> queue_pauses.QueuePause | None:
        return database.read(lambda session: queue_pauses.read(session, "work"))

    def resume() -> bool:
        return database.write(lambda session: queue_pauses.resume(session, "work"))

    assert present() is None
    assert not resume()
    paused = pause(reason=" The target\nis down ", by="Åse")
    assert present() == paused
    assert (paused.reason, paused.by, paused.until) == ("The target is down", "Åse", None)
    edition = read(database)
    assert write(database, ALL, edition)
    until = paused.since + timedelta(days=1)
    assert pause(reason="Longer", until=until).until == until
    assert database.read(queue_pauses.read_all) == {"work": present()}
    assert resume()
    assert not resume()
    assert present() is None
    assert read(database).rules == ALL
    with pytest.raises(InvalidInputError, match="needs a reason"):
        pause(reason=" ")
    with pytest.raises(InvalidInputError, match="has passed"):
        pause(reason="x", until=NOW)


def test_a_pause_ends_by_itself_on_the_clock_of_the_database(database: Database) -> None:
    database.write(lambda session: queue_pauses.pause(session, "work", reason="Night"))
    ended = {"paused_until": datetime(2020, 1, 1, tzinfo=timezone.utc)}
    database.write(lambda session: session.execute(sa.update(QueueSetting).values(ended)))
    assert database.read(lambda session: queue_pauses.read(session, "work")) is None
    assert not database.write(lambda session: queue_pauses.resume(session, "work"))
