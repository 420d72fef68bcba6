"""What decides when an element is handed out: shown in list and page, and set for several at once."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import QueueElement
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.database.stores import element_order
from OpenOrchestrator.orchestrator.queues.backend import matching_elements
from tests.ui.pages import cell, click, rows_of, select, until
from tests.ui.queues.test_queues_pages import add, change, set_value, stored
from tests.ui.sample import NOW

MORE = "/queues/q?columns=reference,attempt,priority,deadline,progress,error"


def priorities(database: Database) -> dict[str | None, int]:
    return database.read(
        lambda session: {
            row.reference: row.priority
            for row in session.execute(sa.select(QueueElement.reference, QueueElement.priority))
        }
    )


async def test_a_list_shows_what_decides_about_an_element(user: User, site: Database) -> None:
    add(site, "a")
    change(site, "a", attempt=2, priority=7, deadline=NOW - timedelta(minutes=30), progress=0.4, progress_text="Page 2")
    change(site, "a", error_type="TimeoutError", error_code="E7")
    await user.open(MORE)
    row = (await rows_of(user, "elements"))["a"]
    assert [cell(row, name)["t"] for name in ("attempt", "priority", "deadline", "progress", "error")] == [
        "2",
        "7",
        "30 min ago",
        "40%",
        "TimeoutError · E7",
    ]
    assert cell(row, "deadline")["f"] == "failed"
    change(site, "a", status=QueueStatus.DONE)
    await user.open(MORE)
    assert cell((await rows_of(user, "elements"))["a"], "deadline")["f"] == "t3"


async def test_several_get_a_priority_and_those_that_have_ended_keep_theirs(user: User, site: Database) -> None:
    add(site, "a", "b", "c")
    add(site, "done", status=QueueStatus.DONE)
    await user.open("/queues/q")
    await select(user, "elements", "a", "b", "done")
    await click(user, "bulk-set-priority")
    await user.should_see("Set the priority of 2 elements?", retries=30)
    set_value(user, "new-priority", "1.5")
    await click(user, "confirm-priority")
    await user.should_see("Enter the priority as a whole number.", retries=30)
    set_value(user, "new-priority", "9")
    await click(user, "confirm-priority")
    await until(lambda: priorities(site) == {"a": 9, "b": 9, "c": 0, "done": 0})
    found = stored(site, "a")
    assert found is not None
    assert found.hand_out_order == element_order.hand_out_order(9, None)


async def test_all_that_match_get_a_priority_in_steps(
    user: User, site: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching_elements, "CHUNK", 7)
    names = [f"n{number:02}" for number in range(30)]
    add(site, *names)
    add(site, "done", status=QueueStatus.DONE)
    await user.open("/queues/q?size=25")
    await select(user, "elements", *(await rows_of(user, "elements")))
    await click(user, "select-all")
    await click(user, "bulk-set-priority")
    await user.should_see("Set the priority of 30 elements?", retries=30)
    set_value(user, "new-priority", "-4")
    await click(user, "confirm-priority")
    await until(lambda: priorities(site) == {**dict.fromkeys(names, -4), "done": 0})


async def test_the_page_of_an_element_says_its_priority_deadline_and_parent(user: User, site: Database) -> None:
    add(site, "order")
    add(site, "line")
    order, line = stored(site, "order"), stored(site, "line")
    assert order is not None
    assert line is not None
    change(site, "line", parent_id=order.id, priority=5, deadline=NOW + timedelta(days=1))
    await user.open(f"/queues/q/{line.id}")
    await user.should_see(marker="deadline", retries=30)
    await user.should_see("Priority")
    (link,) = user.find(marker="parent").elements
    assert link.text == "order"  # type: ignore[attr-defined]
    change(site, "line", parent_id=uuid4())
    await user.open(f"/queues/q/{line.id}")
    await user.should_see("an element that was deleted", retries=30)
