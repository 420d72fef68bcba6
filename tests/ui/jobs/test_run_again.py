"""Running a job again, or a trigger once, as an admin does it; and what a job is said to have run with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, ScheduledTrigger, Scheduler, SingleTrigger, Trigger
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import run_requests, triggers
from OpenOrchestrator.orchestrator.jobs.backend.details import JobDetailsBackend
from OpenOrchestrator.orchestrator.jobs.backend.run_once import RunOnceBackend, RunWish
from tests.ui.pages import cell, click, rows_of, until
from tests.ui.sample import NOW, add_trigger
from tests.ui.sample import site as site_time

RAN_WITH: dict[str, Any] = {
    "process_path": "https://robot:hunter2@git.example/invoices",
    "process_args": '{"customer": 7}',
    "is_git_repo": True,
    "git_branch": "v2",
    "secret_passing": "ENVIRONMENT",
    "timeout_seconds": 1800,
    "keep_files": True,
    "started_by": "SCHEDULE",
}


def new_trigger(database: Database, status: TriggerStatus = TriggerStatus.FAILED, **values: Any) -> UUID:
    return add_trigger(
        database,
        ScheduledTrigger,
        cron_expr="0 * * * *",
        next_run=site_time(NOW + timedelta(hours=1)),
        process_args='{"own": 1}',
        process_status=status,
        **values,
    )


def new_job(database: Database, trigger_id: UUID | None, **values: Any) -> UUID:
    job_id = uuid4()
    job = {
        "id": job_id,
        "process_name": "finance/invoices",
        "scheduler_name": "RPA-VM-01",
        "status": JobStatus.FAILED,
        "start_time": site_time(NOW - timedelta(minutes=9)),
        "end_time": site_time(NOW - timedelta(minutes=5)),
        "trigger_id": trigger_id,
        "trigger_name": "Invoices",
        "reason": "exit code 1",
    }
    database.write(lambda session: session.execute(sa.insert(Job).values(**job | values)))
    return job_id


def trigger_of(database: Database) -> Trigger:
    return database.read(lambda session: session.scalars(sa.select(Trigger)).one())


def wished(database: Database) -> tuple[str | None, str | None, UUID | None, str | None]:
    trigger = trigger_of(database)
    return trigger.run_args, trigger.run_scheduler, trigger.run_again_of, trigger.run_requested_by


# --- what it ran with


async def test_a_job_says_what_it_ran_with(user: User, site: Database) -> None:
    await user.open(f"/jobs/{new_job(site, new_trigger(site), **RAN_WITH)}")
    await user.should_see("Ran with", retries=30)
    await user.should_see("https://***@git.example/invoices")
    for words in ("v2", "Kept between runs", "Environment", "30 min", '{\n  "customer": 7\n}'):
        await user.should_see(words)
    await user.should_not_see("hunter2")


async def test_a_job_of_an_earlier_version_does_not_say_what_it_ran_with(user: User, site: Database) -> None:
    await user.open(f"/jobs/{new_job(site, new_trigger(site))}")
    await user.should_see("Facts", retries=30)
    await user.should_not_see("Ran with")


@pytest.mark.parametrize(
    ("values", "words", "listed"),
    [
        ({"started_by": "REQUEST", "requested_by": "Anna"}, "Request of Anna", "Request"),
        ({"started_by": "AGAIN", "requested_by": "Anna"}, "Run again by Anna", "Run again"),
        ({"started_by": "AGAIN"}, "Run again on somebody's request", "Run again"),
        ({"started_by": "BY_HAND"}, "By hand, from a terminal", "By hand"),
        ({"started_by": "QUEUE"}, "Queue", "Queue"),
        ({"started_by": "SCHEDULE", "due_at": NOW}, "Schedule, due 08:12", "Schedule"),
    ],
)
async def test_page_and_list_say_what_started_a_job_that_has_ended(
    user: User, site: Database, values: dict[str, Any], words: str, listed: str
) -> None:
    job_id = new_job(site, new_trigger(site), **values)
    await user.open(f"/jobs/{job_id}")
    await user.should_see(words, retries=30)
    await user.open("/jobs")
    (row,) = (await rows_of(user, "jobs")).values()
    assert cell(row, "by")["t"] == listed


async def test_repeated_jobs_are_linked_to_the_first_and_back(user: User, site: Database) -> None:
    trigger_id = new_trigger(site)
    first = new_job(site, trigger_id)
    again = new_job(site, trigger_id, again_of=first, started_by="AGAIN", start_time=site_time(NOW))
    await user.open(f"/jobs/{again}")
    await user.should_see(marker="first-run", retries=30)
    (link,) = user.find(marker="first-run").elements
    assert link.props["href"] == f"/jobs/{first}"
    await user.open(f"/jobs/{first}")
    await user.should_see("Mon 23 Nov 2026, 08:12:00", retries=30)


# --- run again


async def test_a_failed_job_is_run_again_with_what_it_ran_with_and_its_trigger_enabled(
    user: User, site: Database
) -> None:
    job_id = new_job(site, new_trigger(site), **RAN_WITH)
    await user.open(f"/jobs/{job_id}")
    await click(user, "run-again")
    await user.should_see("Run Invoices again?", retries=30)
    (arguments,) = user.find(kind=ui.textarea, marker="run-arguments").elements
    assert arguments.value == '{"customer": 7}'
    user.find(marker="your-name").type("Anna")
    await click(user, "confirm-run")
    await user.should_see("Invoices was enabled and a run requested", retries=30)
    assert wished(site) == ('{"customer": 7}', None, job_id, "Anna")
    trigger = trigger_of(site)
    assert (trigger.process_status, trigger.process_args) == (TriggerStatus.IDLE, '{"own": 1}')


async def test_a_job_is_run_again_with_other_arguments_elsewhere_and_its_trigger_left(
    user: User, site: Database
) -> None:
    site.write(
        lambda session: session.add(
            Scheduler(machine_name="RPA-VM-02", last_update=site_time(NOW), heartbeat_at=NOW, slots=1)
        )
    )
    job_id = new_job(site, new_trigger(site), **RAN_WITH)
    await user.open(f"/jobs/{job_id}")
    await click(user, "run-again")
    await user.should_see(marker="run-arguments", retries=30)
    (arguments,) = user.find(kind=ui.textarea, marker="run-arguments").elements
    arguments.set_value('{"customer": 8}')
    (where,) = user.find(kind=ui.select, marker="run-scheduler").elements
    where.set_value("RPA-VM-02")
    (enable,) = user.find(kind=ui.switch, marker="run-enable").elements
    enable.set_value(False)
    await click(user, "confirm-run")
    await user.should_see("A run of Invoices was requested", retries=30)
    assert wished(site) == ('{"customer": 8}', "RPA-VM-02", job_id, None)
    assert trigger_of(site).process_status is TriggerStatus.FAILED


async def test_what_is_hidden_reaches_the_robot_and_never_the_browser(
    user: User, site: Database, clock: SettableClock
) -> None:
    secret = '{"password": "hunter2", "x": 1}'
    job_id = new_job(site, new_trigger(site), **RAN_WITH | {"process_args": secret})
    backend = RunOnceBackend(site, clock)
    plan = await backend.of_job(job_id)
    assert (plan.arguments, plan.hides) == ('{"password": "***", "x": 1}', True)
    with pytest.raises(InvalidInputError, match="not shown"):
        await backend.ask(plan, RunWish(arguments='{"password": "***", "x": 2}'))
    await user.open(f"/jobs/{job_id}")
    await user.should_see('"password": "***"', retries=30)
    await click(user, "run-again")
    await user.should_see(marker="run-arguments", retries=30)
    await user.should_not_see("hunter2")
    await click(user, "confirm-run")
    await user.should_see("a run requested", retries=30)
    assert wished(site)[0] == secret
    details = await JobDetailsBackend(site, clock).get(job_id)
    assert details.ran_with is not None
    assert "hunter2" not in repr(details)


async def test_who_cancels_asks_for_nothing(user: User, site: Database) -> None:
    await user.open(f"/jobs/{new_job(site, new_trigger(site))}")
    await click(user, "run-again")
    await click(user, "cancel")
    assert trigger_of(site).run_requested_at is None


async def test_a_run_that_is_not_possible_any_more_changes_nothing(user: User, site: Database) -> None:
    job_id = new_job(site, new_trigger(site))
    await user.open(f"/jobs/{job_id}")
    await click(user, "run-again")
    await user.should_see(marker="confirm-run", retries=30)
    site.write(lambda session: session.execute(sa.update(Trigger.__table__).values(process_status="PAUSING")))
    await click(user, "confirm-run")
    await user.should_see("Run Invoices: changed meanwhile", retries=30)
    assert (trigger_of(site).process_status, wished(site)[0]) == (TriggerStatus.PAUSING, None)
    (button,) = user.find(marker="run-again").elements
    await until(lambda: not button.enabled)  # type: ignore[attr-defined]


async def test_a_refused_run_does_not_enable_the_trigger(site: Database, clock: SettableClock) -> None:
    trigger_id = new_trigger(site)
    plan = await RunOnceBackend(site, clock).of_job(new_job(site, trigger_id))
    first = run_requests.RunOnce(arguments="first")
    site.write(lambda session: run_requests.request_once(session, trigger_id, first, now=NOW))
    assert not await RunOnceBackend(site, clock).ask(plan, RunWish(arguments="second", enable=True))
    assert (trigger_of(site).process_status, wished(site)[0]) == (TriggerStatus.FAILED, "first")


@pytest.mark.parametrize(("minutes", "status"), [(-9, TriggerStatus.FAILED), (9, TriggerStatus.IDLE)])
async def test_a_single_trigger_whose_time_has_passed_runs_once_more_and_not_twice(
    site: Database, clock: SettableClock, minutes: int, status: TriggerStatus
) -> None:
    when = site_time(NOW + timedelta(minutes=minutes))
    trigger_id = add_trigger(site, SingleTrigger, next_run=when, process_status=TriggerStatus.FAILED)
    backend = RunOnceBackend(site, clock)
    plan = await backend.of_job(new_job(site, trigger_id))
    assert plan.has_next is (minutes > 0)
    assert await backend.ask(plan, RunWish(arguments="again", enable=True))
    assert (trigger_of(site).process_status, wished(site)[0]) == (status, "again")


async def test_a_job_that_repeats_another_is_repeated_as_the_first(site: Database, clock: SettableClock) -> None:
    trigger_id = new_trigger(site)
    first = uuid4()
    again = new_job(site, trigger_id, **RAN_WITH, again_of=first)
    backend = RunOnceBackend(site, clock)
    assert await backend.ask(await backend.of_job(again), RunWish(arguments=None))
    assert wished(site)[:3] == ('{"customer": 7}', None, first)


async def test_of_a_job_of_an_earlier_version_the_arguments_of_its_trigger_are_taken(
    site: Database, clock: SettableClock
) -> None:
    backend = RunOnceBackend(site, clock)
    plan = await backend.of_job(new_job(site, new_trigger(site)))
    assert (plan.arguments, plan.job_arguments) == ('{"own": 1}', False)
    assert await backend.ask(plan, RunWish(arguments=None))
    assert wished(site)[0] == '{"own": 1}'


@pytest.mark.parametrize("known", [True, False])
async def test_what_has_no_trigger_is_not_run_again(site: Database, clock: SettableClock, known: bool) -> None:
    trigger_id = new_trigger(site)
    job_id = new_job(site, trigger_id if known else None)
    site.write(lambda session: triggers.delete(session, trigger_id))
    with pytest.raises(NotFoundError):
        await RunOnceBackend(site, clock).of_job(job_id)


async def test_arguments_that_are_too_long_are_refused(site: Database, clock: SettableClock) -> None:
    backend = RunOnceBackend(site, clock)
    plan = await backend.of_trigger(new_trigger(site))
    with pytest.raises(InvalidInputError, match="1000"):
        await backend.ask(plan, RunWish(arguments="x" * 1001))
    assert trigger_of(site).run_requested_at is None
