"""In which order elements are handed out, and from which queues none is."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle import element_creation
from OpenOrchestrator.database.lifecycle.element_claims import claim_next, peek_next
from OpenOrchestrator.database.lifecycle.element_creation import Wishes
from OpenOrchestrator.database.queue_settings import QueueSetting
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.database.stores import queue_pauses

START = datetime(2026, 3, 1, 8)
SOON = datetime(2026, 3, 2, tzinfo=timezone.utc)


def add(database: Database, name: str, number: int, *, reference: str = "r", **wishes: Any) -> None:
    element_creation.create(
        database,
        queue_name="work",
        reference=reference,
        data=name,
        created_by=None,
        created_date=START + timedelta(minutes=number),
        element_id=uuid4(),
        wishes=Wishes(**wishes),
    )


def insert_plainly(database: Database, name: str, number: int) -> None:
    """Insert an element as programs of earlier versions do."""
    row = {
        "id": uuid4(),
        "queue_name": "work",
        "data": name,
        "reference": "r",
        "status": QueueStatus.NEW,
        "created_date": START + timedelta(minutes=number),
    }
    table = QueueElement.__table__
    database.write(lambda session: session.execute(sa.insert(table), row))


def taken(database: Database, reference: str | None = None) -> list[str | None]:
    names = []
    while (next_one := peek_next(database, "work", reference=reference)) is not None:
        element = claim_next(database, "work", reference=reference)
        assert element is not None
        assert element.id == next_one.id
        names.append(element.data)
    assert claim_next(database, "work", reference=reference) is None
    return names


@pytest.mark.parametrize("reference", [None, "r"])
def test_priority_comes_before_deadline_and_that_before_age(database: Database, reference: str | None) -> None:
    add(database, "low", 0, priority=-1)
    add(database, "low and urgent", 9, priority=-1, deadline=SOON)
    add(database, "old", 1)
    add(database, "later", 2, deadline=SOON + timedelta(days=1))
    insert_plainly(database, "older program", 3)
    add(database, "young", 4)
    add(database, "soon", 5, deadline=SOON)
    add(database, "as soon", 6, deadline=SOON)
    add(database, "high", 7, priority=1)
    add(database, "highest", 8, priority=1_000_000)
    add(database, "not yet", 0, priority=5, not_before=datetime.now(timezone.utc) + timedelta(hours=1))
    assert taken(database, reference) == [
        "highest",
        "high",
        "soon",
        "as soon",
        "later",
        "old",
        "older program",
        "young",
        "low and urgent",
        "low",
    ]


def test_nothing_is_handed_out_from_a_queue_that_is_paused(database: Database) -> None:
    add(database, "a", 0)
    database.write(lambda session: queue_pauses.pause(session, "other", reason="x"))
    assert peek_next(database, "work") is not None
    database.write(lambda session: queue_pauses.pause(session, "work", reason="SAP is down"))
    assert taken(database) == taken(database, "r") == []
    ended = {"paused_until": datetime(2020, 1, 1, tzinfo=timezone.utc)}
    database.write(lambda session: session.execute(sa.update(QueueSetting).values(ended)))
    assert taken(database) == ["a"]
    add(database, "b", 1)
    database.write(lambda session: queue_pauses.pause(session, "work", reason="SAP is down"))
    database.write(lambda session: queue_pauses.resume(session, "work"))
    assert taken(database) == ["b"]
