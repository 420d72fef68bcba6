"""Coming runs and their strip on the dashboard, used as an admin uses them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import sqlalchemy as sa
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.schedules import Schedule
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, QueueTrigger, ScheduledTrigger, Scheduler, SingleTrigger
from OpenOrchestrator.database.site import SITE_PAUSE, SiteSetting
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import site_pause
from OpenOrchestrator.database.stores.site_pause import SitePause
from OpenOrchestrator.orchestrator.coming.backend.collisions import Kind
from OpenOrchestrator.orchestrator.coming.backend.coming import (
    ComingBackend,
    Forecast,
    Horizon,
    KnownScheduler,
    Read,
    forecast_of,
)
from OpenOrchestrator.orchestrator.coming.backend.occurrences import Planned
from OpenOrchestrator.orchestrator.coming.hour_strip import HourStrip
from OpenOrchestrator.orchestrator.coming.lanes import ComingLanes
from OpenOrchestrator.orchestrator.coming.words import notes
from tests.ui.pages import cell, click, rows_of, table, until
from tests.ui.sample import NOW, add_trigger
from tests.ui.sample import site as site_time

HOUR = timedelta(hours=1)


def scheduled(database: Database, name: str, first: datetime, cron: str = "0 9 * * *", **values: Any) -> Any:
    given = {"trigger_name": name, "cron_expr": cron, "next_run": site_time(first), "is_blocking": False, **values}
    return add_trigger(database, ScheduledTrigger, **given)


def scheduler(database: Database, name: str, *, slots: int | None = 2, silent: bool = False) -> None:
    seen = NOW - (2 * HOUR if silent else timedelta(seconds=3))
    row = Scheduler(machine_name=name, last_update=site_time(seen), heartbeat_at=seen, slots=slots)
    database.write(lambda session: session.add(row))


def runs(database: Database, trigger: Any, *lengths: int, status: JobStatus = JobStatus.DONE) -> None:
    """Store runs of so many minutes each, the last one an hour ago."""
    jobs = [
        Job(
            id=uuid4(),
            process_name="p",
            scheduler_name="A",
            status=status,
            trigger_id=trigger,
            start_time=site_time(NOW - (number + 2) * HOUR),
            end_time=site_time(NOW - (number + 2) * HOUR + timedelta(minutes=length)),
        )
        for number, length in enumerate(lengths)
    ]
    database.write(lambda session: session.add_all(jobs))


async def forecast(database: Database, horizon: Horizon = Horizon.DAY) -> Forecast:
    return await ComingBackend(database, database.clock).forecast(horizon)


async def test_runs_are_listed_with_the_mean_of_the_last_that_were_done(user: User, site: Database) -> None:
    scheduler(site, "A")
    invoices = scheduled(site, "Invoices", NOW + timedelta(minutes=48))
    runs(site, invoices, 10, 20, 60)
    runs(site, invoices, 500, status=JobStatus.FAILED)
    scheduled(site, "Never run", NOW + 2 * HOUR, "0 10 24 12 *")
    await user.open("/coming")
    rows = await rows_of(user, "coming")
    assert cell(rows["Invoices"], "when")["t"] == "09:00"
    assert cell(rows["Invoices"], "length") == {"t": "30 m", "tip": "The mean of its last 3 runs that were done."}
    assert cell(rows["Never run"], "length")["t"] == "Not known"
    assert cell(rows["Invoices"], "name")["h"] == f"/triggers/{invoices}"
    await user.should_see("2 runs")


async def test_the_span_the_text_and_the_scheduler_are_in_the_address(user: User, site: Database) -> None:
    for name in ("A", "B"):
        scheduler(site, name)
        scheduled(site, f"On {name}", NOW + timedelta(minutes=48), scheduler_whitelist=[name])
    await user.open("/coming?segment=week")
    await user.should_see("14 runs", retries=30)
    await user.open(f"/coming?{urlencode({'segment': 'week', 'q': 'on a'})}")
    await user.should_see("7 of 14 runs", retries=30)
    await user.open("/coming?scheduler=B")
    assert list(await rows_of(user, "coming")) == ["On B"]
    hour = int(datetime(2026, 11, 23, 8, tzinfo=timezone.utc).timestamp()) // 60
    await user.open(f"/coming?hour={hour}")
    await user.should_see("Only runs that start on Mon 23 Nov, 09:00 to 10:00.", retries=30)
    assert len(await rows_of(user, "coming")) == 2
    await user.open(f"/coming?hour={hour + 60}")
    await user.should_see("Nothing matches", retries=30)
    await click(user, "all-hours")
    await until(lambda: len(next(iter(user.find(marker="coming").elements)).rows) == 2)  # type: ignore[attr-defined]


async def test_what_will_not_fit_is_said_with_who_takes_part(user: User, site: Database) -> None:
    scheduler(site, "A", slots=2)
    payroll = scheduled(site, "Payroll", NOW + HOUR, is_blocking=True)
    letters = scheduled(site, "Letters", NOW + HOUR + timedelta(minutes=5))
    for trigger in (payroll, letters):
        runs(site, trigger, 10)
    await user.open("/coming")
    (trouble,) = (await rows_of(user, "troubles")).values()
    assert cell(trouble, "kind")["p"]["w"] == "Collision"
    assert cell(trouble, "who")["t"] == "Blocking Payroll meets Letters"
    assert cell(trouble, "when")["t"] == "09:17 to 09:22"
    rows = await rows_of(user, "coming")
    assert cell(rows["Letters"], "fits")["p"]["w"] == "Collision"
    await user.should_see("1 collision")


async def test_more_runs_than_slots(site: Database) -> None:
    scheduler(site, "A", slots=2)
    for number in range(3):
        runs(site, scheduled(site, f"T{number}", NOW + HOUR, "0 9 1 1 *"), 30)
    found = await forecast(site)
    assert [(each.kind, each.needed, each.slots) for each in found.troubles] == [(Kind.SHORTAGE, 3, 2)]
    scheduler(site, "B", slots=None)
    assert (await forecast(site)).troubles == ()


async def test_a_run_under_way_takes_its_slot_until_its_usual_end(site: Database) -> None:
    scheduler(site, "A", slots=1)
    busy = scheduled(site, "Busy", NOW + 20 * HOUR, process_status=TriggerStatus.RUNNING)
    runs(site, busy, 60)
    started = NOW - timedelta(minutes=20)
    job = Job(id=uuid4(), process_name="p", scheduler_name="A", status=JobStatus.RUNNING, trigger_id=busy)
    job.start_time = site_time(started)
    site.write(lambda session: session.add(job))
    soon = scheduled(site, "Soon", NOW + timedelta(minutes=30), "0 9 1 1 *")
    runs(site, soon, 5)
    (trouble,) = (await forecast(site)).troubles
    assert (trouble.start, trouble.end) == (NOW + timedelta(minutes=30), NOW + timedelta(minutes=35))


async def test_a_retry_that_waits_takes_the_place_of_the_schedule_and_the_queue(user: User, site: Database) -> None:
    scheduler(site, "A")
    ran = site_time(NOW - HOUR)
    at = NOW + 2 * HOUR
    waits: dict[str, Any] = {"last_run": ran, "retry_last_run": ran, "retry_at": at, "retry_number": 2}
    yearly = scheduled(site, "Yearly", NOW + 400 * HOUR, "0 0 1 1 *", **waits)
    scheduled(site, "Minutes", NOW + timedelta(minutes=1), "* * * * *", **waits)
    paused = {**waits, "process_status": TriggerStatus.PAUSED}
    scheduled(site, "Paused one", NOW + 400 * HOUR, "0 0 1 1 *", **paused)
    void = {**waits, "retry_last_run": ran - HOUR}
    for name, values in (("Queue", waits), ("Paused queue", paused), ("Void", void)):
        add_trigger(site, QueueTrigger, trigger_name=name, queue_name="q", min_batch_size=1, **values)
    first: dict[str, datetime] = {}
    for expected in (await forecast(site)).runs:
        first.setdefault(expected.run.trigger.name, expected.run.start)
    assert first == {"Yearly": at, "Minutes": at, "Queue": at}
    await user.open("/coming")
    rows = await rows_of(user, "coming")
    assert cell(rows["Yearly"], "when") == {**cell(rows["Queue"], "when"), "s": "Retry 2"}
    assert cell(rows["Yearly"], "name")["h"] == f"/triggers/{yearly}"


async def test_what_is_left_out_is_said(user: User, site: Database) -> None:
    scheduler(site, "A", slots=None)
    scheduled(site, "Paused one", NOW + HOUR, process_status=TriggerStatus.PAUSED)
    scheduled(site, "Odd one", NOW + HOUR, "61 * * * *")
    add_trigger(site, QueueTrigger, trigger_name="Q", queue_name="q", min_batch_size=1)
    add_trigger(
        site, SingleTrigger, trigger_name="Done", next_run=site_time(NOW - HOUR), process_status=TriggerStatus.DONE
    )
    await user.open("/coming")
    await user.should_see("Nothing is scheduled", retries=30)
    await user.should_see("1 queue trigger runs when elements wait, so they have no times and are not counted.")
    await user.should_see("Paused, failed or killed, so left out: Paused one.")
    await user.should_see("Left out, because their schedule cannot be read: Odd one.")
    await user.should_see("How many jobs run at once on A is not known, so it counts as enough.")


async def test_what_nobody_may_take_is_said(user: User, site: Database) -> None:
    scheduler(site, "A")
    scheduler(site, "B", silent=True)
    scheduled(site, "Orphan", NOW + HOUR, scheduler_whitelist=["B", "unknown"])
    await user.open("/coming")
    row = (await rows_of(user, "troubles"))["Nobody may take them"]
    assert cell(row, "who")["t"] == "Orphan"
    assert cell((await rows_of(user, "coming"))["Orphan"], "where")["t"] == "None that takes runs"
    assert (await forecast(site)).troubles == ()


async def test_lanes_are_those_of_schedulers_and_of_choices(user: User, site: Database) -> None:
    for name in ("A", "B", "C"):
        scheduler(site, name)
    scheduled(site, "Any", NOW + HOUR)
    scheduled(site, "Only A", NOW + 2 * HOUR, scheduler_whitelist=["a"])
    scheduled(site, "A or B", NOW + 3 * HOUR, scheduler_whitelist=["A", "B"])
    await user.open("/coming")

    def lanes() -> ComingLanes:
        (element,) = user.find(kind=ComingLanes).elements
        return element

    shown = (await until(lanes)).lanes
    assert [lane["n"] for lane in shown] == ["A", "A or B", "Any"]
    assert shown[0]["b"][0]["t"] == "Only A\nexpected 10:12 to about 10:13"


async def test_a_trigger_of_every_minute_is_a_row_for_each_hour(user: User, site: Database) -> None:
    scheduler(site, "A")
    scheduled(site, "Often", NOW + timedelta(minutes=1), "* * * * *")
    await user.open("/coming")
    await user.should_see("1\u202f440 runs", retries=30)
    rows = (await table(user, "coming")).rows
    assert len(rows) == 25
    assert cell(rows[1], "when")["s"] == "60 runs"


async def test_the_dashboard_shows_the_next_24_hours_as_a_strip(user: User, site: Database) -> None:
    scheduler(site, "A")
    scheduled(site, "Invoices", NOW + timedelta(minutes=48), is_blocking=True)
    scheduled(site, "Letters", NOW + timedelta(minutes=48))
    await user.open("/")
    await user.should_see("2 runs · 1 collision", retries=50)

    def strip() -> HourStrip:
        (element,) = user.find(kind=HourStrip).elements
        return element

    hours = (await until(strip)).hours
    assert [(hour["n"], hour["x"]) for hour in hours[:3]] == [(0, False), (2, True), (0, False)]
    assert hours[1]["t"] == "09:00: 2 runs expected\nNot all of them fit."


async def test_a_forecast_keeps_lengths_for_a_while(site: Database, clock: SettableClock) -> None:
    scheduler(site, "A")
    trigger = scheduled(site, "Invoices", NOW + HOUR)
    seconds = [0.0]
    backend = ComingBackend(site, clock, monotonic=lambda: seconds[0])

    async def measured() -> int:
        return (await backend.forecast(Horizon.DAY)).runs[0].run.trigger.measured

    assert await measured() == 0
    runs(site, trigger, 10)
    assert await measured() == 0
    seconds[0] = 301
    assert await measured() == 1


@pytest.mark.parametrize("horizon", list(Horizon))
async def test_an_empty_site_has_nothing_to_say_but_how_it_counts(site: Database, horizon: Horizon) -> None:
    found = await forecast(site, horizon)
    assert (found.runs, found.troubles, found.nowhere) == ((), (), ())
    assert len(notes(found, site.zone)) == 2


@pytest.mark.parametrize("mark", ["cordoned_at", "drain_at"])
async def test_nothing_is_expected_on_a_scheduler_that_starts_nothing(user: User, site: Database, mark: str) -> None:
    scheduler(site, "A")
    scheduler(site, "B")
    site.write(lambda session: session.execute(sa.update(Scheduler).filter_by(machine_name="A").values({mark: NOW})))
    scheduled(site, "Only A", NOW + HOUR, scheduler_whitelist=["A"])
    scheduled(site, "Any", NOW + HOUR)
    found = await forecast(site)
    assert found.nowhere == ("Only A",)
    assert {each.run.trigger.name: each.places for each in found.runs} == {"Only A": frozenset(), "Any": {"B"}}
    await user.open("/coming")
    await user.should_see("Cordoned or drained, so nothing is expected on A.", retries=30)
    await user.open("/")
    await user.should_see("No scheduler that is heard from and not cordoned may take Only A.", retries=50)


def planned(site: Database, pause: SitePause) -> Forecast:
    first = NOW + timedelta(minutes=48)
    hourly = Planned(uuid4(), "Hourly", "p", False, (), first, Schedule("0 * * * *", site.zone))
    read = Read((hourly,), (), (KnownScheduler("A", 2, False),), (), (), 0, pause)
    return forecast_of(read, NOW, NOW + Horizon.DAY.length, site.zone)


def test_what_is_due_while_the_site_is_paused_starts_when_the_pause_ends(site: Database) -> None:
    end = NOW + 5 * HOUR
    found = planned(site, SitePause(until=end))
    assert [each.run.start for each in found.runs][:2] == [end, NOW + timedelta(hours=5, minutes=48)]
    assert "The whole site is paused until 13:12: what is due before starts then." in notes(found, site.zone)


def test_a_pause_of_the_site_that_outlasts_the_span_leaves_nothing(site: Database) -> None:
    assert planned(site, SitePause(until=NOW + timedelta(days=2))).runs == ()


async def test_it_is_said_that_a_paused_site_is_why_nothing_is_expected(user: User, site: Database) -> None:
    value = json.dumps({"reason": "Move", "by": None, "since": None, "until": "2099-01-01T00:00:00+00:00"})
    site.write(lambda session: session.add(SiteSetting(name=SITE_PAUSE, value=value)))
    scheduled(site, "Hourly", NOW + timedelta(minutes=48), "0 * * * *")
    await user.open("/coming")
    await user.should_see("Nothing is expected while the site is paused", retries=30)


async def test_of_a_pause_without_an_end_it_is_said_what_would_run_if_it_ended_now(user: User, site: Database) -> None:
    scheduler(site, "A")
    scheduled(site, "Hourly", NOW + timedelta(minutes=48), "0 * * * *")
    site.write(lambda session: site_pause.pause(session, reason="Move"))
    assert len((await forecast(site)).runs) == 24
    await user.open("/")
    words = "The whole site is paused, nobody said until when: this is what runs if it is resumed now."
    await user.should_see(words, retries=50)
