"""The line on the page of a queue that says who reads and fills it."""

from __future__ import annotations

import pytest
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.statuses import Access, UsedKind
from OpenOrchestrator.orchestrator.uses import parts
from tests.ui.noted_uses import add_trigger, note
from tests.ui.pages import until

READ, WRITE = Access


def line(user: User) -> str:
    (place,) = user.find(marker="uses").elements
    return " ".join(each.text for each in place.descendants() if isinstance(each, (ui.label, ui.link)))


async def test_who_reads_and_fills_a_queue_is_said_and_kept_up_to_date(
    user: User, site: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "REFRESH_SECONDS", 0.0)
    trigger = add_trigger(site, "Invoices")
    note(site, UsedKind.QUEUE, "orders", "Invoices", READ, days_ago=0)
    note(site, UsedKind.QUEUE, "orders", "Audit", READ, days_ago=2)
    note(site, UsedKind.QUEUE, "orders", "Import", WRITE, days_ago=1)
    note(site, UsedKind.QUEUE, "Orders", "Other", READ, days_ago=0)
    await user.open("/queues/orders")
    await user.should_see("Last read today by", retries=30)
    assert line(user) == "Last read today by Invoices Audit (2 days ago) Last filled yesterday by Import"
    hrefs = {each.text: each.props["href"] for each in user.find(kind=ui.link).elements if isinstance(each, ui.link)}
    assert hrefs["Invoices"] == f"/triggers/{trigger}"
    assert "Audit" not in hrefs
    for number in range(6):
        note(site, UsedKind.QUEUE, "orders", f"New {number}", WRITE, days_ago=0)
    await until(lambda: line(user).endswith("Last filled today by New 0 New 1 New 2 New 3 New 4 and 2 more"))


async def test_nothing_is_said_of_a_queue_that_nobody_noted(user: User, site: Database) -> None:
    await user.open("/queues/orders")
    await user.should_see(marker="new-element", retries=30)
    await user.should_not_see("Last read")
