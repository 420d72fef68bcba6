"""Triggers with several jobs in the app: the form, what runs now, which of them is killed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, QueueTrigger, ScheduledTrigger, SingleTrigger, Trigger
from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.orchestrator.jobs.backend.jobs import JobsBackend
from OpenOrchestrator.orchestrator.triggers.backend.bulk_changes import BulkChange, BulkChangesBackend
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettingsBackend
from OpenOrchestrator.orchestrator.triggers.backend.triggers import TriggersBackend
from OpenOrchestrator.orchestrator.triggers.bulk_dialog import effect
from OpenOrchestrator.orchestrator.triggers.overlap_fields import check_per_job, limit_words, scaling_words
from tests.ui.pages import cell, click, rows_of, until
from tests.ui.sample import NOW, add_jobs, add_trigger
from tests.ui.sample import site as site_time


def queue_trigger(database: Database, running: int = 0, **values: Any) -> UUID:
    given = {"queue_name": "Orders", "min_batch_size": 10, "max_jobs": 3, "elements_per_job": 50}
    status = TriggerStatus.RUNNING if running else TriggerStatus.IDLE
    name = "Orders"
    trigger_id = add_trigger(database, QueueTrigger, trigger_name=name, process_status=status, **given | values)
    if running:
        add_jobs(database, trigger_id, name, "r" * running, last=NOW - timedelta(minutes=5))
    return trigger_id


def stored(database: Database, trigger_id: UUID) -> Any:
    return database.read(lambda session: session.get(Trigger, trigger_id))


def jobs_of(database: Database, trigger_id: UUID) -> list[Job]:
    query = sa.select(Job).where(Job.trigger_id == trigger_id).order_by(Job.start_time)
    return list(database.read(lambda session: session.scalars(query).all()))


def enter(user: User, marker: str, value: Any, kind: type[Any] = ui.input) -> None:
    (element,) = user.find(kind=kind, marker=marker).elements
    element.set_value(value)


async def test_the_form_says_from_how_many_elements_on_each_job_starts(user: User, site: Database) -> None:
    trigger_id = queue_trigger(site, max_jobs=None, elements_per_job=None)
    await user.open(f"/triggers/{trigger_id}")
    await user.should_see("One at a time", retries=30)
    await click(user, "edit")
    await user.should_see(marker="jobs", retries=30)
    await user.should_not_see(marker="elements-per-job")
    enter(user, "jobs", "0")
    await click(user, "save")
    await user.should_see("Must be 1 or more.", retries=30)
    enter(user, "jobs", "3")
    await user.should_see("Jobs start at 10, 20, 30 New elements", retries=30)
    enter(user, "elements-per-job", "50")
    await user.should_see("Jobs start at 10, 60, 110 New elements", retries=30)
    await click(user, "save")
    await user.should_see("Orders was saved", retries=30)
    assert (stored(site, trigger_id).max_jobs, stored(site, trigger_id).elements_per_job) == (3, 50)
    await user.should_see("Up to 3 at the same time", retries=30)


async def test_a_single_trigger_has_no_such_fields(user: User, site: Database) -> None:
    values = {"trigger_name": "Once", "next_run": site_time(NOW) + timedelta(days=1)}
    await user.open(f"/triggers/{add_trigger(site, SingleTrigger, **values)}")
    await click(user, "edit")
    await user.should_see("A single trigger runs once, with one job.", retries=30)
    await user.should_not_see(marker="jobs")


@pytest.mark.parametrize(
    ("kind", "values", "shown"),
    [
        (QueueTrigger, {"queue_name": "Q", "min_batch_size": 1, "max_jobs": 0, "elements_per_job": -2}, (1, None)),
        (QueueTrigger, {"queue_name": "Q", "min_batch_size": 1, "max_jobs": 5000}, (1000, None)),
        (SingleTrigger, {"next_run": site_time(NOW), "max_jobs": 7}, (1, None)),
        (ScheduledTrigger, {"next_run": site_time(NOW), "cron_expr": "0 * * * *"}, (1, None)),
    ],
)
async def test_what_is_stored_can_be_saved_again_as_it_means(
    database: Database, clock: SettableClock, kind: type[Any], values: dict[str, Any], shown: tuple[int, int | None]
) -> None:
    backend = TriggerSettingsBackend(database, clock)
    read = await backend.get(add_trigger(database, kind, **values))
    assert (read.settings.jobs, read.settings.elements_per_job) == shown
    assert await backend.update(read, read.settings)


async def test_the_list_and_the_page_show_all_that_run(user: User, site: Database) -> None:
    trigger_id = queue_trigger(site, running=2)
    await user.open("/triggers")
    rows = await rows_of(user, "triggers")
    shown = cell(rows["Orders"], "next")
    assert (shown["t"], shown["h"]) == ("2 of 3 run", f"/jobs?segment=running&trigger={trigger_id}")
    await user.open(f"/triggers/{trigger_id}")
    await user.should_see(marker="running-count", content="2 of 3 run", retries=30)
    assert len(user.find(marker="running-job").elements) == 2


async def test_one_of_several_is_killed_and_the_trigger_goes_on(user: User, site: Database) -> None:
    trigger_id = queue_trigger(site, running=3)
    second = jobs_of(site, trigger_id)[1]
    await user.open(f"/triggers/{trigger_id}")
    await click(user, "kill")
    await user.should_see("Kill all 3 jobs", retries=30)
    enter(user, "kill-which", str(second.id), ui.radio)
    await user.should_not_see("Kill all 3 jobs")
    await click(user, "confirm stop-run")
    asked = await until(lambda: [job.id for job in jobs_of(site, trigger_id) if job.kill_requested_at is not None])
    assert asked == [second.id]
    assert stored(site, trigger_id).process_status is TriggerStatus.RUNNING


async def test_all_of_several_are_killed_with_their_trigger(user: User, site: Database) -> None:
    trigger_id = queue_trigger(site, running=2)
    await user.open(f"/triggers/{trigger_id}")
    await click(user, "kill")
    await click(user, "confirm kill")
    await until(lambda: stored(site, trigger_id).process_status is TriggerStatus.KILLING)


async def test_on_the_page_of_a_job_the_one_or_all_are_meant(user: User, site: Database) -> None:
    trigger_id = queue_trigger(site, running=2)
    first = jobs_of(site, trigger_id)[0]
    await user.open(f"/jobs/{first.id}")
    await click(user, "kill")
    await user.should_see("Kill all 2 jobs", retries=30)
    await click(user, "confirm stop-run")
    asked = await until(lambda: [job.id for job in jobs_of(site, trigger_id) if job.kill_requested_at is not None])
    assert asked == [first.id]
    assert stored(site, trigger_id).process_status is TriggerStatus.RUNNING


async def test_kill_of_a_job_does_nothing_to_others_that_nobody_meant(database: Database, clock: SettableClock) -> None:
    trigger_id = queue_trigger(database, running=2)
    backend = JobsBackend(database, clock)
    first, second = jobs_of(database, trigger_id)
    assert not await backend.kill(first.id)
    assert stored(database, trigger_id).process_status is TriggerStatus.RUNNING
    assert await backend.kill(second.id, with_others=True)
    assert stored(database, trigger_id).process_status is TriggerStatus.KILLING
    assert [job.id for job in await backend.running_of(trigger_id)] == [first.id, second.id]


async def test_several_triggers_get_a_limit_single_ones_aside(database: Database, clock: SettableClock) -> None:
    queue = queue_trigger(database, max_jobs=None)
    single = add_trigger(database, SingleTrigger, trigger_name="Once", next_run=site_time(NOW))
    backend = BulkChangesBackend(database, clock)
    for each in (queue, single):
        assert await backend.change(each, BulkChange(jobs=4))
    assert (stored(database, queue).max_jobs, stored(database, single).max_jobs) == (4, None)
    assert effect(BulkChange(jobs=4)) == "From now on they have up to 4 jobs at the same time, single ones aside."


def test_words_and_checks() -> None:
    assert limit_words(1) == "One at a time"
    assert scaling_words(9, 10, None).startswith("Jobs start at 10, 20, 30 and so on New elements")
    assert check_per_job("") is None
    assert check_per_job("0") is not None


@pytest.mark.parametrize(("most", "waits"), [(2, "Limit of jobs reached"), (3, "No scheduler"), (1, None)])
async def test_a_due_time_that_waits_beside_jobs_says_why(
    database: Database, clock: SettableClock, most: int, waits: str | None
) -> None:
    now = database.utc_now()
    due = now.astimezone(database.zone).replace(tzinfo=None) - timedelta(minutes=5)
    values = {"cron_expr": "*/5 * * * *", "next_run": due, "max_jobs": most, "process_status": TriggerStatus.RUNNING}
    trigger_id = add_trigger(database, ScheduledTrigger, trigger_name="Letters", **values)
    add_jobs(database, trigger_id, "Letters", "rr", last=now - timedelta(minutes=10))
    found = await TriggersBackend(database, clock).row_and_wait(trigger_id)
    assert found is not None
    row, wait = found
    assert len(row.running) == 2
    assert (None if wait is None else wait.short) == waits
