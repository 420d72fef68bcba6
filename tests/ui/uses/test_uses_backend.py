"""Who uses what, on every kind of database: names to the last character, and one statement more for a list."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Constant, Credential, Trigger
from OpenOrchestrator.database.statuses import Access, UsedKind
from OpenOrchestrator.database.stores import uses
from OpenOrchestrator.orchestrator.uses.backend import MOST_PROCESSES, ProcessUse, UsesBackend
from OpenOrchestrator.orchestrator.values.backend.constants import ConstantsBackend
from OpenOrchestrator.orchestrator.values.backend.credentials import CredentialsBackend
from OpenOrchestrator.orchestrator.values.backend.named_values import NamedQuery

TODAY = date(2026, 11, 23)
NAMES = ("Mål", "100%_", 'o\'brien \\ "x"', "🤖", "plain")
"""Which any collation tells apart, because they are keys."""


def note(database: Database, *used: tuple[UsedKind, str, str, Access, int]) -> None:
    days = {uses.Use(*use): TODAY - timedelta(days=ago) for *use, ago in used}  # type: ignore[misc]
    with database.connection(writing=True) as connection:
        uses.note(connection, uses.find_missing(connection, days))


def trigger_of(database: Database, process: str) -> UUID:
    made = make.single(database, f"of {process}")
    change = sa.update(Trigger).where(Trigger.id == made).values(process_name=process)
    database.write(lambda session: session.execute(change))
    return made


async def test_each_process_is_there_once_with_exactly_its_triggers(database: Database, clock: SettableClock) -> None:
    read, write = Access
    kind = UsedKind.QUEUE
    note(
        database,
        (kind, "Mål", "Faktura", read, 3),
        (kind, "Mål", "Faktura", write, 1),
        (kind, "Mål", "fåktura", read, 2),
        (kind, "mal", "Faktura", read, 0),
        (kind, "Mål", "No trigger", write, 1),
        (UsedKind.CONSTANT, "Mål", "Faktura", read, 0),
    )
    both = sorted(trigger_of(database, "Faktura") for _ in range(2))
    other = trigger_of(database, "fåktura")
    for name in ("FAKTURA", "Faktura ", "faktura"):
        trigger_of(database, name)
    found = await UsesBackend(database, clock).get(kind, "Mål")
    day = [TODAY - timedelta(days=ago) for ago in range(4)]
    assert sorted(found[0].triggers, key=str) == sorted(both, key=str)
    assert [(use.process, use.read, use.written, len(use.triggers)) for use in found] == [
        ("Faktura", day[3], day[1], 2),
        ("No trigger", None, day[1], 0),
        ("fåktura", day[2], None, 1),
    ]
    assert found[2].triggers == (other,)
    assert await UsesBackend(database, clock).get(kind, "unknown") == ()


async def test_of_very_many_processes_the_latest_are_returned(database: Database, clock: SettableClock) -> None:
    many = [(UsedKind.QUEUE, "q", f"p{ago:03}", Access.READ, ago) for ago in range(MOST_PROCESSES + 20)]
    note(database, *many)
    found = await UsesBackend(database, clock).get(UsedKind.QUEUE, "q")
    assert found == tuple(
        ProcessUse(f"p{ago:03}", TODAY - timedelta(days=ago), None, ()) for ago in range(MOST_PROCESSES)
    )


@pytest.mark.parametrize("kind", [UsedKind.CONSTANT, UsedKind.CREDENTIAL])
async def test_lists_are_sorted_by_the_last_read_of_exactly_their_names(
    database: Database, clock: SettableClock, kind: UsedKind
) -> None:
    changed = database.site_now()
    rows: list[Constant | Credential] = [
        Constant(name=name, value="v", changed_at=changed)
        if kind is UsedKind.CONSTANT
        else Credential(name=name, username="u", password="p", changed_at=changed)
        for name in NAMES
    ]
    database.write(lambda session: session.add_all(rows))
    note(
        database,
        *((kind, name, "p", Access.READ, 10 + number) for number, name in enumerate(NAMES[:-1])),
        (kind, NAMES[0], "q", Access.READ, 50),
        (kind, NAMES[0].upper(), "p", Access.READ, 0),
        (kind, NAMES[1], "p", Access.WRITE, 0),
        (kind, NAMES[-1], "p", Access.WRITE, 0),
        (UsedKind.QUEUE, NAMES[2], "p", Access.READ, 0),
    )
    backend = (ConstantsBackend if kind is UsedKind.CONSTANT else CredentialsBackend)(database, clock)
    page = await backend.page(NamedQuery(sort="read", descending=True))
    assert [row.name for row in page.rows] == list(NAMES)
    wanted = {name: TODAY - timedelta(days=10 + number) for number, name in enumerate(NAMES[:-1])}
    assert {name: day for name, day in page.last_reads.items() if name in NAMES} == wanted
    asked: list[str] = []
    sa.event.listen(
        database.engine, "before_cursor_execute", lambda _conn, _cursor, statement, *_: asked.append(statement)
    )
    page = await backend.page(NamedQuery(sort="read", size=2))
    assert [row.name for row in page.rows] == [NAMES[-1], NAMES[-2]]
    assert sum("Uses" in statement for statement in asked) == 2  # the list itself, because it is sorted by it


async def test_who_deletes_one_deletes_its_uses(database: Database, clock: SettableClock) -> None:
    kind = UsedKind.CONSTANT
    database.write(
        lambda session: session.add_all(
            [Constant(name=name, value="v", changed_at=database.site_now()) for name in ("a", "b")]
        )
    )
    note(database, *((kind, name, "p", Access.READ, 0) for name in ("a", "b")))
    backend = ConstantsBackend(database, clock)
    stale = await backend.get("a")
    assert await backend.update(stale, "new")
    assert not await backend.delete(stale)
    assert len(await UsesBackend(database, clock).get(kind, "a")) == 1
    assert await backend.delete(await backend.get("a"))
    assert await UsesBackend(database, clock).get(kind, "a") == ()
    assert len(await UsesBackend(database, clock).get(kind, "b")) == 1
