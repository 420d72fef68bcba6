"""The page of one trigger, used as an admin uses it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import (
    Job,
    JobOutput,
    Log,
    QueueElement,
    QueueTrigger,
    ScheduledTrigger,
    SingleTrigger,
    Trigger,
)
from OpenOrchestrator.database.statuses import JobStatus, LogLevel, TriggerStatus
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.chart import Chart
from OpenOrchestrator.orchestrator.components.stored_json import pretty
from OpenOrchestrator.orchestrator.jobs.backend.history import RunLength, typical
from OpenOrchestrator.orchestrator.triggers.page_panels import chart_options
from tests.ui.pages import act_on, cell, click, rows_of, until
from tests.ui.sample import NOW, ZONE, add_jobs, add_trigger
from tests.ui.sample import site as site_time


def trigger_of(database: Database, name: str) -> Trigger | None:
    query = sa.select(Trigger).where(Trigger.trigger_name == name)
    return database.read(lambda session: session.scalars(query).one_or_none())


def id_of(database: Database, name: str) -> UUID:
    found = trigger_of(database, name)
    assert found is not None
    return found.id


async def text_of(user: User, marker: str) -> str:
    await user.should_see(marker=marker, retries=30)
    (element,) = user.find(marker=marker).elements
    return str(element.text)  # type: ignore[attr-defined]


async def test_shows_state_schedule_history_and_next_runs(user: User, sample: Database) -> None:
    trigger_id = id_of(sample, "Journalisering af bopælsattester")
    await user.open(f"/triggers/{trigger_id}")
    assert await text_of(user, "schedule") == "Daily 08:30 and 13:30"
    assert await text_of(user, "next-run") == "in 18 min"
    assert (await text_of(user, "last-run")).startswith("Lost, ")
    assert await text_of(user, "schedulers") == "RPA-VM-07"
    await user.should_see("Mon 23 Nov, 08:30")
    await user.should_see("Tue 24 Nov, 13:30")
    await user.should_see("Europe/Copenhagen, CET (UTC+1)")
    rows = list((await rows_of(user, "jobs")).values())
    assert len(rows) == 14
    assert cell(rows[0], "status")["p"]["w"] == "Lost"
    assert cell(rows[0], "started")["h"] == f"/jobs/{rows[0]['id']}"
    (chart,) = user.find(kind=Chart).elements
    assert len(chart.options["series"][0]["data"]) == 14


async def test_a_failed_trigger_shows_why_and_leads_to_the_job(user: User, sample: Database) -> None:
    trigger_id = id_of(sample, "Debitoropfølgning")
    query = sa.select(Job.id).where(Job.trigger_id == trigger_id).order_by(Job.start_time.desc()).limit(1)
    job_id = sample.read(lambda session: session.scalars(query).one())

    def work(session: Any) -> None:
        session.execute(sa.delete(JobOutput).where(JobOutput.job_id == job_id))
        session.add(JobOutput(job_id=job_id, sequence=1, stream="stderr", written_at=NOW, text="KeyError: 'saldo'\n"))

    sample.write(work)
    await user.open(f"/triggers/{trigger_id}")
    assert await text_of(user, "reason") == "KeyError: 'saldo'"
    assert await text_of(user, "next-run") == "Will not run"
    (run,) = user.find(marker="run").elements
    assert not run.enabled  # type: ignore[attr-defined]
    await click(user, "open-job")
    await user.should_see("Last success", retries=30)
    assert user.back_history[-1] == f"/jobs/{job_id}"


async def test_the_actions_of_a_trigger(user: User, sample: Database) -> None:
    trigger_id = id_of(sample, "ERP password rotation")
    await user.open(f"/triggers/{trigger_id}")
    await click(user, "pause")
    await user.should_see("ERP password rotation was paused", retries=30)
    await user.should_see("Not enabled", retries=30)
    await click(user, "enable")
    await user.should_see("ERP password rotation was enabled", retries=30)
    (run,) = user.find(marker="run").elements
    await until(lambda: run.enabled)  # type: ignore[attr-defined]
    await click(user, "run")
    await user.should_see("A run of ERP password rotation was requested", retries=30)
    await user.should_see("Run requested", retries=30)
    add_jobs(sample, trigger_id, "ERP password rotation", "r", last=NOW + timedelta(seconds=2))
    await user.should_see("ERP password rotation was started", retries=50)


async def test_delete_is_confirmed_and_leads_to_the_list(user: User, sample: Database) -> None:
    await user.open(f"/triggers/{id_of(sample, 'ERP password rotation')}")
    await click(user, "menu-delete")
    await click(user, "confirm")
    await user.should_see("ERP password rotation was deleted", retries=30)
    assert trigger_of(sample, "ERP password rotation") is None
    await until(lambda: user.back_history[-1] == "/triggers")


async def test_a_trigger_that_somebody_else_deleted_stays_on_the_screen(user: User, sample: Database) -> None:
    trigger_id = id_of(sample, "ERP password rotation")
    await user.open(f"/triggers/{trigger_id}")
    await user.should_see("Next runs", retries=30)

    def work(session: Any) -> None:
        session.execute(sa.delete(ScheduledTrigger.__table__).where(ScheduledTrigger.__table__.c.id == trigger_id))
        session.execute(sa.delete(Trigger.__table__).where(Trigger.__table__.c.id == trigger_id))

    sample.write(work)
    await user.should_see("Somebody deleted this trigger.", retries=30)
    (run,) = user.find(marker="run").elements
    assert not run.enabled  # type: ignore[attr-defined]


async def test_settings_of_a_queue_trigger_and_what_waits(user: User, site: Database) -> None:
    trigger_id = add_trigger(
        site,
        QueueTrigger,
        trigger_name="Q",
        queue_name="in box",
        min_batch_size=5,
        is_git_repo=True,
        git_branch="main",
        process_path="https://bot:to/ken7@git.example/robot.git?token=se/cret7",
        keep_files=True,
        process_args='{"b": 1, "a": "<i>"}',
        timeout_seconds=5400,
        priority=7,
    )
    site.write(lambda session: session.add_all([QueueElement(queue_name="in box") for _ in range(3)]))
    await user.open(f"/triggers/{trigger_id}")
    await user.should_see("Runs while 5 or more New elements wait.", retries=30)
    await user.should_see("3 New")
    await user.should_see("https://***@git.example/robot.git?token=***")
    await user.should_not_see("ken7")
    await user.should_not_see("cret7")
    await user.should_see("Kept between runs")
    await user.should_see("main")
    await user.should_see("1 h 30 min")
    assert await text_of(user, "arguments") == '{\n  "b": 1,\n  "a": "<i>"\n}'
    await user.should_see("No jobs yet")
    site.write(lambda session: session.add(QueueElement(queue_name="in box")))
    await user.should_see("4 New", retries=30)


async def test_a_single_trigger_shows_its_date(user: User, site: Database) -> None:
    trigger_id = add_trigger(
        site, SingleTrigger, trigger_name="S", next_run=site_time(NOW + timedelta(hours=30)), process_args="not {json"
    )
    await user.open(f"/triggers/{trigger_id}")
    await user.should_see("Tue 24 Nov 2026, 14:12:00", retries=30)
    assert await text_of(user, "arguments") == "not {json"


async def test_settings_follow_a_change_by_somebody_else(user: User, sample: Database) -> None:
    trigger_id = id_of(sample, "ERP password rotation")
    await user.open(f"/triggers/{trigger_id}")
    await user.should_see("Settings", retries=30)
    table = Trigger.__table__
    sample.write(
        lambda session: session.execute(
            sa.update(table).where(table.c.id == trigger_id).values(process_path="/robots/elsewhere.py")
        )
    )
    await user.should_see("/robots/elsewhere.py", retries=30)


async def test_logs_are_those_of_its_jobs(user: User, sample: Database) -> None:
    trigger_id = id_of(sample, "Lønkontrol")
    jobs = sample.read(lambda session: session.scalars(sa.select(Job.id).where(Job.trigger_id == trigger_id)).all())

    def work(session: Any) -> None:
        session.execute(sa.delete(Log))
        for number, job_id in enumerate((jobs[0], jobs[1], uuid4())):
            session.add(
                Log(
                    log_time=site_time(NOW) + timedelta(seconds=number),
                    log_level=LogLevel.INFO,
                    process_name="p",
                    job_id=job_id,
                    log_message=f"message {number}",
                )
            )

    sample.write(work)
    await user.open(f"/triggers/{trigger_id}?tab=logs")
    rows = list((await rows_of(user, "logs")).values())
    assert [cell(row, "message")["t"] for row in rows] == ["message 1", "message 0"]
    user.find(marker="logs").trigger("open", rows[0]["id"])
    assert await text_of(user, "log-text") == "message 1"


async def test_a_running_job_is_killed_from_the_list_of_its_trigger(user: User, sample: Database) -> None:
    trigger_id = id_of(sample, "Bankafstemning")
    await user.open(f"/triggers/{trigger_id}")
    name = next(iter(await rows_of(user, "jobs")))
    await act_on(user, "jobs", "kill", name)
    await click(user, "confirm")
    await user.should_see("Kill of Bankafstemning was requested", retries=30)
    found = trigger_of(sample, "Bankafstemning")
    assert found is not None
    assert found.process_status is TriggerStatus.KILLING


@pytest.mark.parametrize("address", ["/triggers/nonsense", f"/triggers/{UUID(int=7)}"])
async def test_an_unknown_trigger_is_not_found(user: User, address: str) -> None:
    await user.open(address)
    await user.should_see("Not found", retries=30)


def run(status: JobStatus, seconds: float | None) -> RunLength:
    return RunLength(uuid4(), status, site_time(NOW), seconds)


def test_the_chart_takes_the_unit_that_fits_and_the_colour_of_the_state() -> None:
    chart = chart_options((run(JobStatus.DONE, 30), run(JobStatus.FAILED, 90), run(JobStatus.RUNNING, None)), ZONE)
    assert chart["yAxis"]["name"] == "s"
    data = chart["series"][0]["data"]
    assert [each["value"] for each in data] == [30, 90, 0]
    assert [each["itemStyle"]["color"] for each in data] == [
        "var(--done-mark)",
        "var(--failed-mark)",
        "var(--running-mark)",
    ]
    assert data[1]["name"] == "Failed, 1 min 30 s, Mon 23 Nov 2026, 08:12:00"
    assert chart_options((run(JobStatus.DONE, 600),), ZONE)["yAxis"]["name"] == "min"
    assert chart_options((run(JobStatus.DONE, 9000),), ZONE)["series"][0]["data"][0]["value"] == 2.5


def test_what_is_typical_is_the_middle_of_what_succeeded() -> None:
    assert typical([run(JobStatus.FAILED, 1), *(run(JobStatus.DONE, n) for n in (5, 900, 7))]) == 7
    assert typical([run(JobStatus.FAILED, 1)]) is None


@pytest.mark.parametrize(("seconds", "words"), [(45, "45 s"), (3600, "1 h"), (5400, "1 h 30 min"), (61, "1 min 1 s")])
def test_limits_in_words(seconds: int, words: str) -> None:
    assert times.limit(seconds) == words


@pytest.mark.parametrize("text", ["", "42", "plain text", '"quoted"'])
def test_arguments_that_are_no_object_stay_as_they_are(text: str) -> None:
    assert pretty(text) == text
