"""Small things of the shell and of the pages of one thing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, QueueElement, ScheduledTrigger
from OpenOrchestrator.database.statuses import QueueStatus
from tests.ui.conftest import running
from tests.ui.pages import click, until
from tests.ui.sample import NOW, add_jobs, add_trigger
from tests.ui.sample import site as site_time


async def test_there_is_one_main_beside_the_navigation(user: User, site: Database) -> None:
    await user.open("/triggers")
    await user.should_see("No triggers yet", retries=30)
    assert user.client is not None
    elements = list(user.client.elements.values())
    mains = [each for each in elements if each.tag == "main" or each.props.get("role") == "main"]
    assert len(mains) == 1
    assert [each.props.get("role") for each in elements if each.tag == "q-page"] == ["presentation"]
    assert not [each for each in mains[0].descendants() if each.tag == "nav" and "oo-nav" in each.classes]


async def test_the_way_to_settings_stands_beneath_what_is_missing(clock: SettableClock) -> None:
    async with running(None, clock) as app:
        user = app.user()
        await user.open("/triggers")
        await user.should_see("Not connected to a database", retries=30)
        (button,) = user.find(marker="open-settings").elements
        assert any("oo-empty" in each.classes for each in button.ancestors())


def enabled(user: User, marker: str) -> bool:
    (button,) = user.find(marker=marker).elements
    return bool(button.enabled)  # type: ignore[attr-defined]


async def test_previous_and_next_run_of_a_trigger(user: User, site: Database) -> None:
    due = site_time(NOW)
    mine = add_trigger(site, ScheduledTrigger, trigger_name="A", cron_expr="0 6 * * *", next_run=due)
    other = add_trigger(site, ScheduledTrigger, trigger_name="B", cron_expr="0 6 * * *", next_run=due)
    add_jobs(site, mine, "A", "dfd", last=NOW - timedelta(minutes=30))
    add_jobs(site, other, "B", "ddd", last=NOW - timedelta(minutes=45))
    query = sa.select(Job.id).where(Job.trigger_id == mine).order_by(Job.start_time)
    first, second, third = site.read(lambda session: session.scalars(query).all())
    await user.open(f"/jobs/{first}?tab=logs")
    await until(lambda: user.find(marker="next-run").elements)
    await until(lambda: enabled(user, "next-run"))
    assert not enabled(user, "previous-run")
    await click(user, "next-run")
    await until(lambda: path_of(user) == f"/jobs/{second}?tab=logs")
    await until(lambda: enabled(user, "previous-run"))
    await click(user, "next-run")
    await until(lambda: path_of(user) == f"/jobs/{third}?tab=logs")
    await until(lambda: not enabled(user, "next-run"))


async def test_previous_and_next_element_of_a_queue(user: User, site: Database) -> None:
    elements = [
        QueueElement(
            queue_name=queue,
            reference=f"{queue}-{number}",
            status=QueueStatus.NEW,
            created_date=site_time(NOW - timedelta(minutes=number)),
        )
        for number in range(3)
        for queue in ("q", "other")
    ]
    site.write(lambda session: session.add_all(elements))
    query = sa.select(QueueElement.id).where(QueueElement.queue_name == "q").order_by(QueueElement.created_date.desc())
    newest, middle, oldest = site.read(lambda session: session.scalars(query).all())
    await user.open(f"/queues/q/{newest}")
    await until(lambda: enabled(user, "next-element"))
    assert not enabled(user, "previous-element")
    await click(user, "next-element")
    await until(lambda: path_of(user) == f"/queues/q/{middle}")
    await until(lambda: enabled(user, "previous-element"))
    await click(user, "next-element")
    await until(lambda: path_of(user) == f"/queues/q/{oldest}")
    await until(lambda: not enabled(user, "next-element"))


def path_of(user: User) -> str:
    client: Any = user.client
    return str(client.sub_pages_router.current_path)
