"""An element beside its list."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import QueueElement
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.orchestrator.components.tables.data_table import DataTable
from tests.ui.pages import click, rows_of, table, until
from tests.ui.sample import NOW
from tests.ui.sample import site as site_time


def add(database: Database, *references: str) -> list[UUID]:
    """Store elements, the first one the newest."""
    rows = [
        QueueElement(
            id=uuid4(),
            queue_name="q",
            reference=reference,
            status=QueueStatus.FAILED,
            data=f'{{"case": "{reference}"}}',
            created_date=site_time(NOW - timedelta(minutes=number)),
        )
        for number, reference in enumerate(references)
    ]
    ids = [row.id for row in rows]
    database.write(lambda session: session.add_all(rows))
    return ids


async def open_row(user: User, name: str) -> None:
    row = (await rows_of(user, "elements"))[name]
    user.find(kind=DataTable, marker="elements").trigger("open", row["id"])


async def shows(user: User, name: str) -> None:
    await until(lambda: [each.text for each in user.find(marker="inspector-title").elements] == [name])  # type: ignore[attr-defined]


def enabled(user: User, marker: str) -> bool:
    (element,) = user.find(marker=marker).elements
    return bool(element.enabled)  # type: ignore[attr-defined]


async def current(user: User) -> Any:
    return (await table(user, "elements")).props.get("current")


async def test_a_row_opens_beside_the_list_and_stands_in_the_address(user: User, site: Database) -> None:
    first, second = add(site, "r1", "r2")
    await user.open("/queues/q")
    await open_row(user, "r1")
    await shows(user, "r1")
    assert await current(user) == str(first)
    await user.open(f"/queues/q?element={second}")
    await shows(user, "r2")
    assert await current(user) == str(second)
    assert next(iter(user.find(marker="inspector-title").elements)).props["href"] == f"/queues/q/{second}"
    await click(user, "close-inspector")
    await until(lambda: not user.find(marker="elements").elements.copy().pop().props.get("current"))


async def test_previous_and_next_go_along_the_list_and_over_its_pages(user: User, site: Database) -> None:
    names = [f"r{number:02}" for number in range(27)]
    add(site, *names)
    await user.open("/queues/q")
    await open_row(user, "r00")
    await shows(user, "r00")
    assert not enabled(user, "previous-element")
    await click(user, "next-element")
    await shows(user, "r01")
    await click(user, "previous-element")
    await shows(user, "r00")
    await open_row(user, "r24")
    await shows(user, "r24")
    await click(user, "next-element")
    await shows(user, "r25")
    await click(user, "next-element")
    await shows(user, "r26")
    assert not enabled(user, "next-element")
    await click(user, "previous-element")
    await shows(user, "r25")
    await click(user, "previous-element")
    await shows(user, "r24")


async def test_an_element_that_left_the_list_gives_its_place_to_the_next(user: User, site: Database) -> None:
    add(site, "r1", "r2", "r3")
    await user.open("/queues/q?status=failed")
    await open_row(user, "r2")
    await shows(user, "r2")
    await click(user, "inspector-new")
    await user.should_see("r2 is New", retries=30)
    await until(lambda: len(next(iter(user.find(marker="elements").elements)).rows) == 2)  # type: ignore[attr-defined]
    await shows(user, "r2")
    await click(user, "next-element")
    await shows(user, "r3")


async def test_an_element_that_was_deleted_says_so(user: User, site: Database) -> None:
    first, _ = add(site, "r1", "r2")
    await user.open(f"/queues/q?element={first}")
    await shows(user, "r1")
    site.write(lambda session: session.execute(sa.delete(QueueElement).where(QueueElement.id == first)))
    await user.should_see("This element is not there any more: it was deleted.", retries=50)
    assert not enabled(user, "inspector-new")
    await click(user, "next-element")
    await shows(user, "r2")


async def test_nonsense_in_the_address_opens_nothing(user: User, site: Database) -> None:
    add(site, "r1")
    await user.open("/queues/q?element=nonsense")
    await rows_of(user, "elements")
    assert await current(user) is None
    await user.open(f"/queues/q?element={uuid4()}")
    await user.should_see("This element is not there any more: it was deleted.", retries=30)
