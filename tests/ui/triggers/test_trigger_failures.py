"""What a trigger does when its runs fail: set in its form, shown on its page, and decided on by an admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, ScheduledTrigger, Trigger
from OpenOrchestrator.database.statuses import JobStatus, StartedBy, TriggerStatus
from tests.ui.pages import cell, click, rows_of
from tests.ui.sample import NOW, add_trigger
from tests.ui.sample import site as site_time

LAST_RUN = site_time(NOW) - timedelta(minutes=3)
WAITING: dict[str, Any] = {
    "retry_times": 2,
    "retry_pause_seconds": 600,
    "retry_at": NOW + timedelta(minutes=10),
    "retry_number": 1,
    "last_run": LAST_RUN,
    "retry_last_run": LAST_RUN,
}


def new_trigger(database: Database, **values: Any) -> UUID:
    given = {"cron_expr": "0 * * * *", "next_run": site_time(NOW) + timedelta(hours=1)} | values
    return add_trigger(database, ScheduledTrigger, trigger_name="Invoices", **given)


def stored(database: Database) -> Any:
    return database.read(lambda session: session.scalars(sa.select(Trigger)).one())


def enter(user: User, marker: str, value: Any, kind: type[Any] = ui.input) -> None:
    (element,) = user.find(kind=kind, marker=marker).elements
    element.set_value(value)


def attempt(database: Database, trigger_id: UUID, number: int, first: UUID | None, status: JobStatus) -> UUID:
    job_id = uuid4()
    start = LAST_RUN - timedelta(minutes=30 - 10 * number)
    job = Job(
        id=job_id,
        process_name="Invoices",
        scheduler_name="worker-1",
        status=status,
        start_time=start,
        end_time=start + timedelta(minutes=1),
        trigger_id=trigger_id,
        trigger_name="Invoices",
        started_by=(StartedBy.RETRY if number else StartedBy.SCHEDULE).name,
        retry_of=first,
        retry_number=number or None,
    )
    database.write(lambda session: session.add(job))
    return job_id


async def test_the_form_says_what_happens_and_is_folded_until_that_is_changed(user: User, site: Database) -> None:
    await user.open(f"/triggers/{new_trigger(site)}")
    await click(user, "edit")
    await user.should_see("Not tried again. Stops after the first failed run.", retries=30)
    await user.should_not_see(marker="retry-times")
    await click(user, "unfold-failure")
    enter(user, "retry-times", "3")
    enter(user, "retry-pause", "5")
    enter(user, "retry-growth", "2")
    enter(user, "retry-most", "15")
    enter(user, "retry-after", [JobStatus.FAILED], ui.select)
    enter(user, "stop-after", "4")
    await user.should_see("3 retries of runs that failed, after 5 min, 10 min, 15 min.", retries=30)
    await click(user, "save")
    await user.should_see("Invoices was saved", retries=30)
    trigger = stored(site)
    assert (trigger.retry_times, trigger.retry_pause_seconds, trigger.retry_growth) == (3, 300, 2.0)
    assert (trigger.retry_most_seconds, trigger.retry_after) == (900, "FAILED")
    assert (trigger.when_lost, trigger.pause_after_failures) == ("LEAVE", 4)
    await click(user, "edit")
    await user.should_see("Stops after 4 failed runs in a row.", retries=30)


async def test_saving_what_nobody_touched_leaves_a_row_of_an_older_program_as_it_means(
    user: User, site: Database
) -> None:
    await user.open(f"/triggers/{new_trigger(site)}")
    await click(user, "edit")
    await user.should_see(marker="failure-words", retries=30)
    enter(user, "priority", "7")
    await click(user, "save")
    await user.should_see("Invoices was saved", retries=30)
    trigger = stored(site)
    assert (trigger.priority, trigger.retry_times, trigger.pause_after_failures) == (7, 0, 1)


async def test_fields_that_are_wrong_are_not_saved(user: User, site: Database) -> None:
    await user.open(f"/triggers/{new_trigger(site)}")
    await click(user, "edit")
    await click(user, "unfold-failure")
    enter(user, "retry-times", "101")
    enter(user, "retry-growth", "0.5")
    enter(user, "retry-pause", "never")
    await click(user, "save")
    await user.should_see("3 fields to correct: Retries, Pause, Grows by", retries=30)
    assert stored(site).retry_times is None


async def test_the_page_says_when_a_run_is_tried_again_and_the_retry_can_be_given_up(
    user: User, site: Database
) -> None:
    trigger_id = new_trigger(site, **WAITING, pause_after_failures=3, failed_runs=1)
    await user.open(f"/triggers/{trigger_id}")
    await user.should_see("Its run failed: retry 1 of 2 at", retries=30)
    await user.should_see("1 of 3 failed runs in a row")
    await click(user, "give-up")
    await user.should_see("It goes on with its next run.", retries=30)
    await click(user, "confirm")
    await user.should_see("Invoices is not tried again", retries=30)
    trigger = stored(site)
    assert (trigger.process_status, trigger.retry_at, trigger.failed_runs) == (TriggerStatus.IDLE, None, 2)
    await user.should_see("2 of 3 failed runs in a row", retries=30)


async def test_failed_runs_are_reset_by_an_admin(user: User, site: Database) -> None:
    await user.open(f"/triggers/{new_trigger(site, failed_runs=2, pause_after_failures=3)}")
    await user.should_see("2 of 3 failed runs in a row", retries=30)
    await click(user, "reset-failures")
    await user.should_see("The failed runs of Invoices count no more", retries=30)
    assert stored(site).failed_runs == 0
    await user.should_not_see("2 of 3 failed runs in a row", retries=30)


async def test_a_retry_that_an_older_scheduler_made_void_is_not_shown(user: User, site: Database) -> None:
    values = {**WAITING, "last_run": LAST_RUN + timedelta(minutes=1)}
    await user.open(f"/triggers/{new_trigger(site, **values)}")
    await user.should_see("Invoices", retries=30)
    await user.should_not_see("Its run failed")


async def test_attempts_are_one_run_on_the_page_of_the_trigger(user: User, site: Database) -> None:
    trigger_id = new_trigger(site, retry_times=2)
    first = attempt(site, trigger_id, 0, None, JobStatus.FAILED)
    attempt(site, trigger_id, 1, first, JobStatus.FAILED)
    last = attempt(site, trigger_id, 2, first, JobStatus.DONE)
    await user.open(f"/triggers/{trigger_id}")
    (row,) = (await rows_of(user, "jobs")).values()
    assert (row["id"], cell(row, "attempts")["t"]) == (str(last), "3")


async def test_the_page_of_a_job_says_which_attempt_it_is_and_links_to_the_others(user: User, site: Database) -> None:
    trigger_id = new_trigger(site, retry_times=2)
    first = attempt(site, trigger_id, 0, None, JobStatus.FAILED)
    second = attempt(site, trigger_id, 1, first, JobStatus.DONE)
    await user.open(f"/jobs/{second}")
    await user.should_see("2 of 3", retries=30)
    await user.should_see("Retry, because the attempt before failed")
    (link,) = user.find(kind=ui.link, marker="attempt-1").elements
    assert link.props["href"] == f"/jobs/{first}"
    await user.open(f"/jobs/{first}")
    await user.should_see("1 of 3", retries=30)
    (link,) = user.find(kind=ui.link, marker="attempt-2").elements
    assert link.props["href"] == f"/jobs/{second}"


async def test_the_next_runs_of_a_page_begin_with_the_retry_that_waits(user: User, site: Database) -> None:
    trigger = new_trigger(site, cron_expr="*/5 * * * *", next_run=site_time(NOW) + timedelta(minutes=3), **WAITING)
    await user.open(f"/triggers/{trigger}")
    await user.should_see("Next runs", retries=30)
    (retry,) = user.find(marker="next-retry").elements
    shown = [label.text for label in retry.default_slot.children if isinstance(label, ui.label)]
    assert shown == ["Retry 1 of 2, Mon 23 Nov, 08:22", "in 10 min"]
    await user.should_see("Mon 23 Nov, 08:25")
    await user.should_not_see("Mon 23 Nov, 08:20")  # its schedule does not start it before the retry
