"""Lists filtered by tags on every kind of database, with one statement more and none for each row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Constant, Credential
from OpenOrchestrator.database.stores import notes
from OpenOrchestrator.orchestrator.annotations.backend import (
    NOTHING_NOTED,
    Annotated,
    AnnotatedKind,
    AnnotationsBackend,
    Noted,
    Owner,
    StoredAnnotation,
)
from OpenOrchestrator.orchestrator.queues.backend.queues import QueuesBackend
from OpenOrchestrator.orchestrator.queues.list_rows import matching
from OpenOrchestrator.orchestrator.triggers.backend.triggers import TriggerQuery, TriggersBackend
from OpenOrchestrator.orchestrator.values.backend.constants import ConstantsBackend
from OpenOrchestrator.orchestrator.values.backend.credentials import CredentialsBackend
from OpenOrchestrator.orchestrator.values.backend.named_values import NamedQuery

NAMES = ("Mål", "100%_", 'o\'brien \\ "x"', "🤖", "plain", "rest")
"""Which any collation tells apart, because they are keys."""


def note(database: Database, kind: AnnotatedKind, subject: str, *tags: str, owner: str = "") -> None:
    values = Annotated(owner=Owner(owner), tags=tags)
    saved = database.write(
        lambda session: notes.save(
            session, kind, subject, values, seen=StoredAnnotation(), now=database.clock.utc_now()
        )
    )
    assert saved


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    asked: list[str] = []

    def add(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    sa.event.listen(database.engine, "before_cursor_execute", add)
    try:
        yield asked
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", add)


async def about_notes(database: Database, ask: Callable[[], Awaitable[Any]]) -> int:
    """Return how many statements about annotations a list takes."""
    with counted(database) as asked:
        await ask()
    return sum("Annotations" in statement for statement in asked)


async def test_triggers_are_filtered_by_tags(database: Database, clock: SettableClock) -> None:
    backend = TriggersBackend(database, clock)
    ids = {name: make.single(database, name) for name in ("a", "b", "c", "d")}
    note(database, AnnotatedKind.TRIGGER, str(ids["a"]), "finance", owner="Anna")
    note(database, AnnotatedKind.TRIGGER, str(ids["b"]), "nat", "finance")
    note(database, AnnotatedKind.TRIGGER, str(ids["c"]), owner="Bo")
    note(database, AnnotatedKind.QUEUE, "d", "finance")

    async def names(**query: Any) -> list[str]:
        asked = TriggerQuery(sort="name", **query)
        page = await backend.page(asked)
        assert page.total == len(page.rows)
        assert page.everything == 4
        assert set(await backend.ids(asked)) == {row.id for row in page.rows}
        return [row.name for row in page.rows]

    assert await names() == ["a", "b", "c", "d"]
    assert await names(tags=("finance",)) == ["a", "b"]
    assert await names(tags=("nat", "none")) == ["b"]
    assert await names(tags=("none",)) == []
    assert await names(tags=("finance",), not_tags=True) == ["c", "d"]
    assert await names(tags=("none",), not_tags=True) == ["a", "b", "c", "d"]
    assert await names(tags=("finance",), text="b") == ["b"]
    page = await backend.page(TriggerQuery(sort="name"))
    assert [page.noted.get(str(row.id), NOTHING_NOTED) for row in page.rows] == [
        Noted(Owner("Anna"), ("finance",)),
        Noted(tags=("finance", "nat")),
        Noted(Owner("Bo")),
        NOTHING_NOTED,
    ]
    for query in (TriggerQuery(), TriggerQuery(tags=("finance",))):
        assert await about_notes(database, lambda query=query: backend.page(query)) == 1
    assert await about_notes(database, lambda: backend.ids(TriggerQuery())) == 0


@pytest.mark.parametrize("kind", [AnnotatedKind.CONSTANT, AnnotatedKind.CREDENTIAL])
async def test_constants_and_credentials_are_filtered_by_tags(
    database: Database, clock: SettableClock, kind: AnnotatedKind
) -> None:
    now = database.site_now()
    constant = kind is AnnotatedKind.CONSTANT
    made = [
        Constant(name=name, value="v", changed_at=now)
        if constant
        else Credential(name=name, username="u", password="t", changed_at=now)
        for name in NAMES
    ]
    database.write(lambda session: session.add_all(made))
    backend: Any = (ConstantsBackend if constant else CredentialsBackend)(database, clock)
    for name in NAMES[:-1]:
        note(database, kind, name, "all", "first" if name == NAMES[0] else "others")

    async def names(**query: Any) -> set[str]:
        page = await backend.page(NamedQuery(**query))
        assert page.total == len(page.rows)
        return {row.name for row in page.rows}

    assert await names() == set(NAMES)
    assert await names(tags=("all",)) == set(NAMES[:-1])
    assert await names(tags=("first", "none")) == {NAMES[0]}
    assert await names(tags=("all",), not_tags=True) == {"rest"}
    assert await names(tags=("none",)) == set()
    assert await names(tags=("none",), not_tags=True) == set(NAMES)
    assert await names(tags=("others",), text="%_") == {"100%_"}
    page = await backend.page(NamedQuery())
    assert page.noted["Mål"] == Noted(tags=("all", "first"))
    for query in (NamedQuery(), NamedQuery(tags=("all",)), NamedQuery(size=2)):
        assert await about_notes(database, lambda query=query: backend.page(query)) == 1


async def test_a_tag_of_another_name_that_the_collation_takes_for_the_same_does_not_count(
    database: Database, clock: SettableClock
) -> None:
    backend = ConstantsBackend(database, clock)
    database.write(lambda session: session.add(Constant(name="mal", value="v", changed_at=database.site_now())))
    note(database, AnnotatedKind.CONSTANT, "mal", "mine")
    database.write(lambda session: session.execute(sa.delete(Constant)))  # as a program of an earlier version does
    database.write(lambda session: session.add(Constant(name="Mål", value="v", changed_at=database.site_now())))
    assert (await backend.page(NamedQuery(tags=("mine",)))).rows == ()
    page = await backend.page(NamedQuery(tags=("mine",), not_tags=True))
    assert [row.name for row in page.rows] == ["Mål"]
    assert page.noted.get("Mål") is None


async def test_queues_are_filtered_by_tags(database: Database, clock: SettableClock) -> None:
    backend = QueuesBackend(database, clock)
    for name in ("Ind", "ind", "Ud", "Rest"):
        make.queue(database, f"trigger of {name}", queue_name=name, elements=1)
    note(database, AnnotatedKind.QUEUE, "Ind", "finance", owner="Anna")
    note(database, AnnotatedKind.QUEUE, "Ud", "nat")
    rows = await backend.all()
    noted = {row.name: row.noted for row in rows}
    assert noted == {
        "Ind": Noted(Owner("Anna"), ("finance",)),
        "ind": NOTHING_NOTED,
        "Ud": Noted(tags=("nat",)),
        "Rest": NOTHING_NOTED,
    }

    def names(*tags: str, not_tags: bool = False) -> list[str]:
        return [row.name for row in matching(rows, "", "", tags, not_tags=not_tags)]

    assert sorted(names()) == ["Ind", "Rest", "Ud", "ind"]
    assert names("finance", "x") == ["Ind"]
    assert sorted(names("finance", "nat")) == ["Ind", "Ud"]
    assert sorted(names("finance", "nat", not_tags=True)) == ["Rest", "ind"]
    assert await about_notes(database, backend.all) == 1


async def test_tags_to_choose_from_are_those_of_the_kind(database: Database, clock: SettableClock) -> None:
    backend = AnnotationsBackend(database, clock)
    assert await backend.tags(AnnotatedKind.QUEUE) == ()
    note(database, AnnotatedKind.QUEUE, "Q", "b", "a")
    note(database, AnnotatedKind.QUEUE, "R", "a", "ø")
    assert await backend.tags(AnnotatedKind.QUEUE) == ("a", "b", "ø")
    assert await backend.tags(AnnotatedKind.TRIGGER) == ()
    with counted(database) as asked:
        assert await backend.get(AnnotatedKind.QUEUE, "none") == StoredAnnotation()
    assert sum("Annotations" in statement for statement in asked) == 1


async def test_saving_is_guarded(database: Database, clock: SettableClock) -> None:
    backend = AnnotationsBackend(database, clock)
    seen = await backend.get(AnnotatedKind.QUEUE, "Q")
    assert await backend.save(AnnotatedKind.QUEUE, "Q", Annotated("one"), seen)
    assert not await backend.save(AnnotatedKind.QUEUE, "Q", Annotated("two"), seen)
    assert (await backend.get(AnnotatedKind.QUEUE, "Q")).values == Annotated("one")
