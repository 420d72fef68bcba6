"""The list of jobs, used as an admin uses it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle import runs
from OpenOrchestrator.database.models import Job, QueueTrigger, Trigger
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import triggers
from OpenOrchestrator.orchestrator.components.tables.data_table import DataTable
from OpenOrchestrator.orchestrator.jobs.backend.jobs import CAP, JobQuery, JobsBackend
from OpenOrchestrator.orchestrator.jobs.backend.rows import length
from OpenOrchestrator.orchestrator.jobs.job_rows import job_row
from OpenOrchestrator.orchestrator.jobs.list_page import query_of
from tests.ui.pages import act_on, cell, click, rows_of, until
from tests.ui.sample import NOW, ZONE, add_jobs, add_trigger
from tests.ui.sample import site as site_time


def shown(user: User) -> list[dict[str, object]]:
    (table,) = user.find(kind=DataTable, marker="jobs").elements
    return table.rows


def states(user: User) -> set[str]:
    return {row["c"]["status"]["p"]["w"] for row in shown(user)}  # type: ignore[index]


def trigger_of(database: Database, name: str) -> Trigger:
    return database.read(lambda session: session.scalars(sa.select(Trigger).where(Trigger.trigger_name == name)).one())


def last_job(database: Database, name: str) -> Job:
    query = sa.select(Job).where(Job.trigger_name == name).order_by(Job.start_time.desc()).limit(1)
    return database.read(lambda session: session.scalars(query).one())


async def test_shows_the_newest_jobs_first_with_state_duration_and_reason(user: User, sample: Database) -> None:
    await user.open("/jobs")
    await rows_of(user, "jobs")
    first = shown(user)[0]
    assert first["name"] == "Bopælsattester"
    assert cell(first, "started")["t"] == "1 min ago"
    assert cell(first, "started")["tip"] == "Mon 23 Nov 2026, 08:11:00\nEurope/Copenhagen, CET (UTC+1)"
    assert cell(first, "duration") == {"t": "4 m", "tip": "4 min 0 s"}
    failed = next(row for row in shown(user) if row["name"] == "Fakturafordeling")
    running = next(row for row in shown(user) if row["name"] == "Bankafstemning")
    assert cell(failed, "status")["p"]["w"] == "Failed"
    assert cell(failed, "reason")["t"] == "ErpLogonError: Password has expired for user RPA_FIN (code 182)"
    assert cell(failed, "name")["h"] == f"/jobs/{last_job(sample, 'Fakturafordeling').id}"
    assert cell(running, "duration")["t"] == "2 h 41 m"
    await user.should_see("181")


async def test_an_empty_site_says_what_a_job_is(user: User) -> None:
    await user.open("/jobs")
    await user.should_see("No jobs yet", retries=30)
    await user.should_not_see("Nothing matches")


async def test_filters_of_the_address(user: User, sample: Database) -> None:
    await user.open("/jobs?status=timed_out,lost")
    await rows_of(user, "jobs")
    assert states(user) == {"Timed out", "Lost"}
    await user.open("/jobs?segment=failed")
    await rows_of(user, "jobs")
    assert states(user) == {"Failed", "Timed out", "Lost"}
    await user.open("/jobs?segment=running&process=finance/bankafstemning,loen/kontrol")
    assert set(await rows_of(user, "jobs")) == {"Bankafstemning", "Lønkontrol"}
    await user.open("/jobs?scheduler=RPA-VM-06")
    assert set(await rows_of(user, "jobs")) == {"Lønkontrol"}
    await user.open("/jobs?segment=running&scheduler=-RPA-VM-06")
    assert "Lønkontrol" not in await rows_of(user, "jobs")
    await user.open("/jobs?segment=failed&status=done")
    await user.should_see("Nothing matches", retries=30)


async def test_a_trigger_in_the_address_is_shown_by_its_name(user: User, sample: Database) -> None:
    trigger_id = trigger_of(sample, "Debitoropfølgning").id
    await user.open(f"/jobs?status=failed&trigger={trigger_id}")
    assert set(await rows_of(user, "jobs")) == {"Debitoropfølgning"}
    assert len(shown(user)) == 3
    await user.should_see("trigger=Debitoropfølgning")
    await user.open("/jobs?trigger=Debitoropf%C3%B8lgning")
    assert set(await rows_of(user, "jobs")) == {"Debitoropfølgning"}
    await user.open(f"/jobs?segment=failed&trigger=-{trigger_id}")
    assert "Debitoropfølgning" not in await rows_of(user, "jobs")


async def test_jobs_of_a_deleted_trigger_are_found_by_its_name(user: User, site: Database) -> None:
    add_jobs(site, uuid4(), "Gone, long ago", "df", last=NOW)
    await user.open("/jobs?trigger=Gone%252C long ago")
    rows = await rows_of(user, "jobs")
    assert set(rows) == {"Gone, long ago"}
    assert rows["Gone, long ago"]["a"]["trigger"] == "Its trigger was deleted"


async def test_the_filter_by_time(user: User, sample: Database) -> None:
    await user.open("/jobs?from=1h")
    rows = await rows_of(user, "jobs")
    assert "Bankafstemning" not in rows
    assert "Fakturafordeling" in rows
    await user.should_see("from=1h")
    await user.open("/jobs?from=2026-11-23T05:00&to=2026-11-23T05:31")
    assert {cell(row, "started")["t"][:2] for row in (await rows_of(user, "jobs")).values()} == {"05"}
    await user.open("/jobs?from=2020-01-01&to=2020-02-01")
    await user.should_see("Nothing matches", retries=30)
    await click(user, "clear-filters")
    await until(lambda: len(shown(user)) == 25)
    await user.should_not_see("from=2020-01-01")


async def test_search_finds_triggers_processes_and_the_id_of_a_job(user: User, sample: Database) -> None:
    await user.open("/jobs?q=L%C3%98NK")
    assert set(await rows_of(user, "jobs")) == {"Lønkontrol"}
    await user.open("/jobs?q=loen/")
    assert set(await rows_of(user, "jobs")) == {"Lønkontrol", "Sygefravær til refusion"}
    await user.open(f"/jobs?q={last_job(sample, 'Fakturafordeling').id}")
    assert len(await rows_of(user, "jobs")) == 1
    await user.open("/jobs?q=%25")
    await user.should_see("Nothing matches", retries=30)


def test_nonsense_in_an_address_is_ignored() -> None:
    nonsense = {"status": "broken", "page": "²", "size": "9", "segment": "x", "from": "soon", "sort": "password"}
    assert query_of(nonsense) == JobQuery()
    assert query_of({"page": "99999999"}).page < 10_000


async def test_paging_and_order(user: User, sample: Database) -> None:
    await user.open("/jobs")
    first = [row["id"] for row in (await rows_of(user, "jobs")).values()]
    await user.should_see("1-25 of 181")
    await click(user, "next-page")
    await user.should_see("26-50 of 181", retries=30)
    assert not set(first) & {row["id"] for row in shown(user)}
    user.find(marker="jobs").trigger("sort", "started")
    await user.should_see("1-25 of 181", retries=30)
    await until(
        lambda: cell(shown(user)[0], "started")["t"] == "1 Nov" or "Oct" in cell(shown(user)[0], "started")["t"]
    )


async def test_pages_of_several_branches_have_every_job_once(site: Database) -> None:
    trigger = add_trigger(site, QueueTrigger, trigger_name="T", queue_name="q", min_batch_size=1)
    add_jobs(site, trigger, "T", "dftlk" * 30, last=NOW)
    backend = JobsBackend(site, site.clock)
    wanted = (JobStatus.DONE, JobStatus.FAILED, JobStatus.LOST)
    seen: list[UUID] = []
    times: list[datetime] = []
    for page in range(1, 6):
        found = await backend.page(JobQuery(statuses=wanted, page=page))
        assert found.total == 90
        seen += [row.id for row in found.rows]
        times += [row.claimed for row in found.rows]
    assert len(seen) == len(set(seen)) == 90
    assert times == sorted(times, reverse=True)


async def test_how_long_jobs_run_changes_for_all_of_them_at_once(site: Database) -> None:
    trigger = add_trigger(site, QueueTrigger, trigger_name="T", queue_name="q", min_batch_size=1)
    for number in range(6):
        add_jobs(site, trigger, "T", "r", last=NOW - timedelta(minutes=3, seconds=9 * number))
    page = await JobsBackend(site, site.clock).page(JobQuery())

    def durations(seconds: int) -> list[str]:
        now = NOW + timedelta(seconds=seconds)
        return [job_row(row, now, ZONE).cells["duration"]["t"] for row in page.rows]

    assert durations(0) == durations(59) == ["3 m", *["4 m"] * 5]
    assert durations(60) == ["4 m", *["5 m"] * 5]


async def test_counting_stops_and_paging_goes_on(user: User, site: Database) -> None:
    start = site_time(NOW)
    rows = [
        {
            "id": uuid4(),
            "process_name": "p",
            "scheduler_name": "s",
            "status": JobStatus.DONE,
            "start_time": start - timedelta(seconds=number),
        }
        for number in range(CAP + 200)
    ]
    site.write(lambda session: session.execute(sa.insert(Job), rows))
    await user.open("/jobs?page=101&size=100")
    await user.should_see("10\u202f001-10\u202f100 of 10\u202f000+", retries=30)
    await click(user, "next-page")
    await user.should_see("10\u202f101-10\u202f200 of 10\u202f000+", retries=30)


async def see_it_being_killed(user: User, name: str) -> None:
    """Wait until the list says so of a job, and see that it cannot be killed again."""
    row = await until(
        lambda: next(
            (row for row in shown(user) if row["name"] == name and cell(row, "status")["p"]["w"] == "Killing"), None
        )
    )
    assert row["a"]["kill"] == "It is being killed already"


async def test_kill_asks_by_name_and_marks_the_job(user: User, sample: Database) -> None:
    await user.open("/jobs?segment=running")
    await act_on(user, "jobs", "kill", "Bankafstemning")
    await user.should_see("Kill Bankafstemning?", retries=30)
    await click(user, "cancel")
    assert trigger_of(sample, "Bankafstemning").process_status is TriggerStatus.RUNNING
    await act_on(user, "jobs", "kill", "Bankafstemning")
    await click(user, "confirm")
    await user.should_see("Kill of Bankafstemning was requested", retries=30)
    assert trigger_of(sample, "Bankafstemning").process_status is TriggerStatus.KILLING
    await see_it_being_killed(user, "Bankafstemning")


async def test_a_job_whose_trigger_was_deleted_is_killed_from_the_list(user: User, sample: Database) -> None:
    job = last_job(sample, "Bankafstemning")
    assert job.trigger_id is not None
    trigger_id = job.trigger_id
    assert sample.write(lambda s: triggers.delete(s, trigger_id))
    await user.open("/jobs?segment=running")
    await act_on(user, "jobs", "kill", "Bankafstemning")
    await click(user, "confirm")
    await user.should_see("Kill of Bankafstemning was requested", retries=30)
    await see_it_being_killed(user, "Bankafstemning")
    assert runs.kill_requests(sample, [job.id]) == {job.id}


async def test_a_kill_that_came_late_says_so_and_kills_nothing_else(user: User, sample: Database) -> None:
    await user.open("/jobs?segment=running")
    await act_on(user, "jobs", "kill", "Bankafstemning")
    await user.should_see("Kill Bankafstemning?", retries=30)
    job = last_job(sample, "Bankafstemning")
    # The job ends, and the next one of the same trigger begins.
    sample.write(lambda s: s.execute(sa.update(Job).where(Job.id == job.id).values(status=JobStatus.DONE)))
    assert job.trigger_id is not None
    add_jobs(sample, job.trigger_id, "Bankafstemning", "r", last=NOW)
    await click(user, "confirm")
    await user.should_see("Kill Bankafstemning: changed meanwhile", retries=30)
    assert trigger_of(sample, "Bankafstemning").process_status is TriggerStatus.RUNNING


async def test_a_new_job_shows_up_by_itself(user: User, sample: Database) -> None:
    await user.open("/jobs")
    await rows_of(user, "jobs")
    trigger_id = trigger_of(sample, "ERP password rotation").id
    add_jobs(sample, trigger_id, "ERP password rotation", "s", last=NOW)
    await until(lambda: shown(user)[0]["name"] == "ERP password rotation")
    assert cell(shown(user)[0], "status")["p"]["w"] == "Starting"


@pytest.mark.parametrize(
    ("started", "ended", "seconds"),
    [
        # 25 October 2026: from 03:00 summer time back to 02:00.
        ("2026-10-25T00:50+00:00", "2026-10-25T02:55", 300.0),
        ("2026-10-25T00:50+00:00", "2026-10-25T02:10", 1200.0),
        ("2026-10-25T00:50+00:00", "2026-10-25T03:10", 4800.0),
        ("2026-10-25T12:00+00:00", "2026-10-25T12:59", 0.0),
    ],
)
def test_a_duration_over_the_hour_that_comes_twice(started: str, ended: str, seconds: float) -> None:
    took = length(datetime.fromisoformat(started), datetime.fromisoformat(ended), NOW, ZONE)
    assert took == seconds
