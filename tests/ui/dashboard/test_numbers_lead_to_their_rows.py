"""Every number of the dashboard leads to a list of exactly what it counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, Scheduler, SingleTrigger
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.orchestrator.backend.causes import cause_key, telling_line
from OpenOrchestrator.orchestrator.components.tables.data_table import DataTable
from OpenOrchestrator.orchestrator.dashboard.attention import Attention, AttentionRow
from tests.ui.pages import rows_of, table, until
from tests.ui.sample import NOW, add_trigger
from tests.ui.sample import site as site_time


async def shown(user: User, *, elements: bool = False) -> tuple[AttentionRow, ...]:
    """Return what needs attention, once the causes of elements are there where they are wanted."""

    def find() -> tuple[AttentionRow, ...]:
        (element,) = user.find(kind=Attention, marker="attention").elements
        wanted = [row for row in element.rows if row.id.startswith("element ")] if elements else element.rows
        return element.rows if wanted else ()

    return tuple(await until(find))


def listed(path: str) -> str | None:
    """Return the table that a path leads to; None for a page of one thing."""
    where = path.partition("?")[0]
    tables = {"/jobs": "jobs", "/triggers": "triggers", "/schedulers": "schedulers"}
    if where.startswith("/queues/"):
        return "elements"
    return tables.get(where)


async def count_in(user: User, path: str) -> int:
    marker = listed(path)
    await user.open(path)
    if marker is None:
        await user.should_see("Kind" if path.startswith("/triggers/") else "Duration", retries=30)
        return 1
    joiner = "&" if "?" in path else "?"
    await user.open(f"{path}{joiner}size=100")
    return await rows_in(user, marker)


def find_table(user: User) -> DataTable:
    (element,) = user.find(kind=DataTable, marker="jobs").elements
    return element


async def rows_in(user: User, marker: str) -> int:
    return len((await table(user, marker)).rows)


async def test_each_count_is_that_of_the_list_it_leads_to(user: User, sample: Database) -> None:
    await user.open("/")
    rows = await shown(user, elements=True)
    assert len(rows) > 8
    assert {row.id.split(" ")[0] for row in rows} >= {"job", "element", "scheduler", "late", "stuck"}
    for row in rows:
        assert await count_in(user, row.countHref) == int(row.count), row


@pytest.mark.parametrize("figure", ["failed", "running", "late", "silent"])
async def test_each_figure_is_the_length_of_the_list_it_leads_to(user: User, sample: Database, figure: str) -> None:
    await user.open("/")
    await user.should_see(marker=f"{figure}-figure-value", retries=30)
    (value,) = user.find(marker=f"{figure}-figure-value").elements
    (link,) = user.find(marker=f"{figure}-figure").elements
    assert await count_in(user, str(link.props["href"])) == int(getattr(value, "text"))  # noqa: B009


def add_late(database: Database, name: str, *schedulers: str, **values: Any) -> None:
    add_trigger(
        database,
        SingleTrigger,
        trigger_name=name,
        next_run=site_time(NOW - timedelta(minutes=20)),
        scheduler_whitelist=list(schedulers),
        **values,
    )


async def test_groups_of_triggers_lead_to_exactly_theirs(user: User, site: Database) -> None:
    scheduler = Scheduler(machine_name="Live", heartbeat_at=NOW, last_update=site_time(NOW))
    site.write(lambda session: session.add(scheduler))
    for name, where in (("A", "Live"), ("B", "Live"), ("C", "Nobody"), ("D", "Nobody")):
        add_late(site, name, where)
    add_trigger(site, SingleTrigger, trigger_name="F", process_status=TriggerStatus.FAILED, next_run=site_time(NOW))
    await user.open("/")
    rows = {row.title: row for row in await shown(user)}
    await user.open(rows["Late: no scheduler named Nobody is heard from"].countHref)
    assert set(await rows_of(user, "triggers")) == {"C", "D"}
    await user.should_see("only=2 triggers")
    await user.open(rows["Failed earlier, and will not run before it is enabled"].countHref)
    assert set(await rows_of(user, "triggers")) == {"F"}


async def test_a_cause_is_a_filter_of_jobs(user: User, site: Database) -> None:
    trigger = add_trigger(site, SingleTrigger, trigger_name="A", next_run=site_time(NOW))
    reasons = ["Case 17 is locked", "Case 4 is locked", "Login failed", "Case 9 is locked"]
    jobs = [
        Job(
            trigger_id=trigger,
            trigger_name="A",
            process_name="p",
            scheduler_name="VM",
            status=JobStatus.FAILED,
            reason=reason,
            start_time=site_time(NOW - timedelta(hours=number)),
            end_time=site_time(NOW - timedelta(hours=number)),
        )
        for number, reason in enumerate(reasons, 1)
    ]
    site.write(lambda session: session.add_all(jobs))
    await user.open("/jobs?status=failed")
    newest = (await table(user, "jobs")).rows[0]
    user.find(kind=DataTable, marker="jobs").trigger("action", {"action": "cause", "id": newest["id"]})
    await user.should_see("cause=Case 17 is locked", retries=30)
    await until(lambda: len(find_table(user).rows) == 3)
    await user.open(f"/jobs?cause={cause_key('Case 1 is locked')}")
    assert await rows_in(user, "jobs") == 3
    await user.should_see("cause=Case 17 is locked")
    await user.open(f"/jobs?cause=-{cause_key('Case 1 is locked')}")
    assert await rows_in(user, "jobs") == 1
    await user.open(f"/jobs?cause={cause_key('Case 1 is locked')}&from=2026-11-23T05:30")
    assert await rows_in(user, "jobs") == 2


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("one\ntwo", "one"),
        ("exit code 1", "exit code 1"),
        ('exit code 1\n\nEnd:\nTraceback (most recent call last):\n  File "a.py"\nKeyError: 4', "KeyError: 4"),
        ('Traceback (most recent call last):\n  File "a.py", line 1, in <module>\nKeyError: 4', "KeyError: 4"),
        ("The robot ended with exit code 2.\nno such file", "no such file"),
    ],
)
def test_the_line_of_a_message_that_says_what_happened(message: str, line: str) -> None:
    assert telling_line(message) == line
