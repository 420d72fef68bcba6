"""The dashboard, used as an admin uses it, and what it is computed from."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from nicegui.testing import User

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.models import (
    Job,
    Log,
    QueueElement,
    QueueTrigger,
    ScheduledTrigger,
    Scheduler,
    SingleTrigger,
    Trigger,
)
from OpenOrchestrator.database.statuses import JobStatus, LogLevel, QueueStatus, TriggerStatus
from OpenOrchestrator.database.stores import cordons, site_pause
from OpenOrchestrator.orchestrator.backend.causes import normalised, says_nothing, title_of
from OpenOrchestrator.orchestrator.dashboard.attention import Attention, AttentionRow
from OpenOrchestrator.orchestrator.dashboard.backend import timeline as dashboard_timeline
from OpenOrchestrator.orchestrator.dashboard.backend.causes import FailedJob, group
from OpenOrchestrator.orchestrator.dashboard.backend.overview import DashboardBackend, in_buckets
from OpenOrchestrator.orchestrator.dashboard.backend.queues import QueueDepthBackend
from OpenOrchestrator.orchestrator.dashboard.backend.spans import Span, start_of
from OpenOrchestrator.orchestrator.dashboard.backend.timeline import Bar, TimelineBackend, merged
from OpenOrchestrator.orchestrator.dashboard.run_timeline import RunTimeline
from OpenOrchestrator.orchestrator.dashboard.side_list import SideList, SideRow
from OpenOrchestrator.orchestrator.schedulers.backend.schedulers import SchedulersBackend
from OpenOrchestrator.orchestrator.values.backend.constants import ConstantsBackend
from OpenOrchestrator.orchestrator.values.backend.credentials import CredentialsBackend
from OpenOrchestrator.orchestrator.values.backend.named_values import NamedQuery
from tests.ui.conftest import App
from tests.ui.pages import click, until
from tests.ui.sample import NOW, add_jobs, add_trigger, fill
from tests.ui.sample import site as site_time

SITE_NOW = datetime(2026, 11, 23, 8, 12)


async def causes(user: User) -> dict[str, AttentionRow]:
    """Return what needs attention, by title."""

    def find() -> Attention:
        (element,) = user.find(kind=Attention, marker="attention").elements
        return element

    return {row.title: row for row in (await until(find)).rows}


async def side(user: User, marker: str) -> dict[str, SideRow]:
    def find() -> SideList:
        (element,) = user.find(kind=SideList, marker=marker).elements
        return element

    return {row.name: row for row in (await until(find)).rows}


def text_of(user: User, marker: str) -> str:
    (element,) = user.find(marker=marker).elements
    return str(element.text)  # type: ignore[attr-defined]


def link_of(user: User, marker: str) -> str:
    (element,) = user.find(marker=marker).elements
    return str(element.props["href"])


def job(database: Database, status: JobStatus, start: datetime, **values: Any) -> UUID:
    """Store a job that ended a minute after its start."""
    job_id = uuid4()
    given = {"process_name": "p", "scheduler_name": "VM-1", "end_time": site_time(start + timedelta(minutes=1))}
    stored = Job(id=job_id, status=status, start_time=site_time(start), **{**given, **values})
    database.write(lambda session: session.add(stored))
    return job_id


def scheduler(database: Database, name: str, ago: timedelta = timedelta(seconds=3)) -> None:
    stored = Scheduler(machine_name=name, last_update=site_time(NOW - ago), heartbeat_at=NOW - ago)
    database.write(lambda session: session.add(stored))


async def test_figures_count_and_link_to_what_they_count(user: User, sample: Database) -> None:
    await user.open("/")
    await causes(user)
    bad = sample.read(
        lambda session: session.scalar(
            sa.select(sa.func.count())
            .select_from(Job)
            .where(Job.start_time >= datetime(2026, 11, 20, 16), Job.status.in_(("FAILED", "TIMED_OUT", "LOST")))
        )
    )
    assert text_of(user, "failed-figure-value") == str(bad)
    assert link_of(user, "failed-figure") == "/jobs?status=failed%2Ctimed_out%2Clost&from=2026-11-20T16%3A00"
    assert text_of(user, "running-figure-value") == "5"
    assert text_of(user, "running-figure-detail") == "on 5 of 8 schedulers"
    assert link_of(user, "running-figure") == "/jobs?status=starting%2Crunning"
    assert text_of(user, "late-figure-value") == "2"
    assert text_of(user, "late-figure-detail") == "1 late · 1 stuck in Pausing"
    assert link_of(user, "late-figure") == "/triggers?trouble=late%2Cstuck"
    assert text_of(user, "silent-figure-value") == "1"
    assert text_of(user, "silent-figure-detail") == "RPA-VM-07 · 9 h 12 m ago"
    assert link_of(user, "silent-figure") == "/schedulers?segment=silent"
    await user.should_see("Monday 23 November")
    await user.should_see("Since Friday 16:00")


async def test_failures_come_first_and_are_grouped_by_cause(user: User, sample: Database) -> None:
    await user.open("/")
    rows = await causes(user)
    titles = list(rows)
    logon = rows["ErpLogonError: Password has expired for user RPA_FIN (code 182)"]
    assert titles[0] == logon.title
    assert (logon.who, logon.tone, logon.action) == ("Fakturafordeling", "failed", "Enable")
    assert logon.last == "8 min ago"
    assert rows["Ran longer than its time limit"].who == "Timed out: Aktindsigt dispatcher"
    assert rows["What its robot did is not known"].who == "Lost: Journalisering af bopælsattester, on RPA-VM-07"
    silent = rows["RPA-VM-07 is not heard from"]
    assert silent.who == "Only there: Journalisering af bopælsattester"
    late = rows["Late: no scheduler named økonomi-gui is heard from"]
    assert (late.who, late.last) == ("Månedsafslutning kontrol", "42 min late")
    stuck = rows["Stuck in Pausing, but no job of it runs"]
    assert (stuck.who, stuck.action) == ("Skolefravær ugebreve", "Set paused")
    assert titles.index(logon.title) < titles.index(silent.title) < titles.index(late.title)

    def failed_elements() -> list[AttentionRow]:
        (element,) = user.find(kind=Attention, marker="attention").elements
        return [row for row in element.rows if row.id.startswith("element ")]

    elements = await until(failed_elements)
    assert elements[0].title == "CVR-nummer 00000000 findes ikke i stamdata"
    assert {row.who.removeprefix("Elements of queue ") for row in elements} == {
        "fakturaer-indgående",
        "aktindsigt-bilag",
        "bopælsattester",
    }
    assert sum(int(row.count) for row in elements) == 13
    assert "&cause=" in elements[0].href


async def test_more_causes_than_fit_can_be_unfolded(user: User, site: Database) -> None:
    scheduler(site, "VM-1")
    for number in range(15):
        job(site, JobStatus.FAILED, NOW - timedelta(minutes=5 + number), reason=f"Trouble {'x' * number}")
    await user.open("/")
    assert len(await causes(user)) == 12
    await user.should_see("15 causes")
    await user.should_see("3 more")
    await click(user, "all-causes")
    assert len(await causes(user)) == 15
    await click(user, "all-causes")
    assert len(await causes(user)) == 12


async def test_many_silent_schedulers_are_one_line(user: User, site: Database) -> None:
    for number in range(5):
        scheduler(site, f"VM-{number}", timedelta(hours=1 + number))
    await user.open("/")
    row = (await causes(user))["5 schedulers are not heard from"]
    assert row.who == "VM-0, VM-1, VM-2, VM-3 and 1 more"
    assert row.href == "/schedulers?segment=silent"


async def test_enable_enables_the_triggers_of_that_cause(user: User, sample: Database) -> None:
    await user.open("/")
    row = (await causes(user))["ErpLogonError: Password has expired for user RPA_FIN (code 182)"]
    user.find(kind=Attention, marker="attention").trigger("act", row.id)
    await user.should_see("Fakturafordeling was enabled", retries=50)
    assert status(sample, "Fakturafordeling") is TriggerStatus.IDLE
    assert status(sample, "Debitoropfølgning") is TriggerStatus.FAILED
    for _ in range(100):
        row = (await causes(user))[row.title]
        if not row.action:
            break
        await asyncio.sleep(0.02)
    assert row.action == ""


async def test_an_action_that_a_row_does_not_offer_is_not_done(user: User, sample: Database) -> None:
    await user.open("/")
    row = (await causes(user))["Late: no scheduler named økonomi-gui is heard from"]
    assert row.action == ""
    for row_id in (row.id, "nonsense", None, {"id": 1}):
        user.find(kind=Attention, marker="attention").trigger("act", row_id)
    await user.should_not_see("was enabled", retries=3)
    assert status(sample, "Månedsafslutning kontrol") is TriggerStatus.IDLE


async def test_a_stuck_trigger_gets_the_state_its_job_would_have_left(user: User, sample: Database) -> None:
    await user.open("/")
    row = (await causes(user))["Stuck in Pausing, but no job of it runs"]
    user.find(kind=Attention, marker="attention").trigger("act", row.id)
    await user.should_see("Skolefravær ugebreve was settled", retries=50)
    assert status(sample, "Skolefravær ugebreve") is TriggerStatus.PAUSED


async def test_a_trigger_whose_job_runs_is_not_settled(site: Database, clock: SettableClock) -> None:
    backend = DashboardBackend(site, clock)
    pausing = add_trigger(site, QueueTrigger, queue_name="q", min_batch_size=1, process_status=TriggerStatus.PAUSING)
    add_jobs(site, pausing, "Invoices", "r", last=NOW)
    idle = add_trigger(site, QueueTrigger, trigger_name="Idle", queue_name="q", min_batch_size=1)
    assert await backend.settle(pausing) is False
    assert await backend.settle(idle) is False
    assert await backend.settle(uuid4()) is False
    assert status(site, "Invoices") is TriggerStatus.PAUSING
    killing = add_trigger(
        site, QueueTrigger, trigger_name="K", queue_name="q", min_batch_size=1, process_status=TriggerStatus.KILLING
    )
    assert await backend.settle(killing) is True
    assert status(site, "K") is TriggerStatus.KILLED


async def test_triggers_that_failed_before_the_span_are_not_forgotten(user: User, site: Database) -> None:
    scheduler(site, "VM-1")
    add_trigger(
        site,
        ScheduledTrigger,
        trigger_name="Old",
        cron_expr="0 8 * * *",
        next_run=site_time(NOW + timedelta(hours=2)),
        process_status=TriggerStatus.FAILED,
        last_run=site_time(NOW - timedelta(days=20)),
    )
    await user.open("/")
    row = (await causes(user))["Failed earlier, and will not run before it is enabled"]
    assert (row.who, row.action) == ("Old", "Enable")
    user.find(kind=Attention, marker="attention").trigger("act", row.id)
    await user.should_see("Old was enabled", retries=50)
    await user.should_see("Nothing needs attention", retries=100)


async def test_killed_jobs_and_triggers_need_attention(user: User, site: Database) -> None:
    scheduler(site, "VM-1")
    killed, older = [
        add_trigger(
            site,
            QueueTrigger,
            trigger_name=name,
            queue_name="q",
            min_batch_size=1,
            process_status=TriggerStatus.KILLED,
            last_run=site_time(NOW - timedelta(days=days)),
        )
        for name, days in (("New", 0), ("Old", 20))
    ]
    start = NOW - timedelta(minutes=9)
    values = {"trigger_id": killed, "trigger_name": "New", "reason": "killed on request"}
    newest = job(site, JobStatus.KILLED, start, started_at=start, **values)
    job(site, JobStatus.KILLED, start, trigger_name="Given back", reason="its scheduler was stopped")
    await user.open("/")
    rows = await causes(user)
    assert set(rows) == {"Killed on request", "Killed earlier, and will not run before it is enabled"}
    row = rows["Killed on request"]
    assert (row.who, row.count, row.href, row.action) == ("Killed: New", "1", f"/jobs/{newest}", "Enable")
    row = rows["Killed earlier, and will not run before it is enabled"]
    assert (row.who, row.href, row.action) == ("Old", f"/triggers/{older}", "Enable")
    assert text_of(user, "failed-figure-value") == "0"
    user.find(kind=Attention, marker="attention").trigger("act", row.id)
    await user.should_see("Old was enabled", retries=50)
    user.find(kind=Attention, marker="attention").trigger("act", rows["Killed on request"].id)
    await user.should_see("New was enabled", retries=50)


async def test_running_jobs_say_how_long_they_usually_take(user: User, site: Database) -> None:
    scheduler(site, "RPA-VM-01")
    trigger = add_trigger(site, QueueTrigger, queue_name="q", min_batch_size=1, process_status=TriggerStatus.RUNNING)
    add_jobs(site, trigger, "Invoices", "dddr", last=NOW - timedelta(minutes=30))
    fresh = add_trigger(site, QueueTrigger, trigger_name="Fresh", queue_name="q", min_batch_size=1)
    add_jobs(site, fresh, "Fresh", "r", last=NOW - timedelta(minutes=3))
    await user.open("/")
    rows = await side(user, "running")
    assert (rows["Invoices"].value, rows["Invoices"].note, rows["Invoices"].noteTone) == (
        "30 m",
        "usually 4 m",
        "timeout",
    )
    assert rows["Invoices"].href.startswith("/jobs/")
    assert (rows["Fresh"].value, rows["Fresh"].note, rows["Fresh"].share) == ("3 m", "", None)


async def test_the_span_is_in_the_address_and_changes_what_counts(user: User, site: Database) -> None:
    scheduler(site, "VM-1")
    job(site, JobStatus.FAILED, NOW - timedelta(hours=3), reason="Recent trouble")
    job(site, JobStatus.FAILED, NOW - timedelta(days=2), reason="Weekend trouble")
    job(site, JobStatus.FAILED, NOW - timedelta(days=6), reason="Old trouble")
    await user.open("/?span=24h")
    assert set(await causes(user)) == {"Recent trouble"}
    await user.open("/?span=7d")
    assert set(await causes(user)) == {"Recent trouble", "Weekend trouble", "Old trouble"}
    await user.open("/?span=nonsense")
    assert set(await causes(user)) == {"Recent trouble", "Weekend trouble"}
    with user:
        (toggle,) = user.find(marker="span").elements
        toggle.value = Span.WEEK  # type: ignore[attr-defined]
    for _ in range(200):
        if len(await causes(user)) == 3:
            break
        await asyncio.sleep(0.02)
    assert len(await causes(user)) == 3
    assert text_of(user, "failed-figure-value") == "3"


async def test_changes_of_others_appear(user: User, app: App, site: Database) -> None:
    scheduler(site, "VM-1")
    job(site, JobStatus.DONE, NOW - timedelta(hours=3))
    await user.open("/")
    await user.should_see("Nothing needs attention", retries=50)
    await user.should_see("1 job since Friday 16:00, none failed.")
    job(site, JobStatus.FAILED, NOW - timedelta(minutes=5), reason="Disk is full")
    await user.should_not_see("Nothing needs attention", retries=100)
    assert set(await causes(user)) == {"Disk is full"}


async def test_a_refresh_that_finds_nothing_new_sends_nothing(user: User, app: App, sample: Database) -> None:
    await user.open("/")
    await causes(user)
    (lanes,) = user.find(kind=RunTimeline).elements
    (depths,) = user.find(kind=SideList, marker="queue-depth").elements
    await until(lambda: depths.rows)
    sent: list[str] = []
    for element in (*user.find(kind=Attention).elements, *user.find(kind=SideList).elements, lanes):
        element.update = lambda: sent.append("update")  # type: ignore[method-assign]
    for _ in range(3):
        app.live.forget_results()
        await app.live.tick()
    assert sent == []


async def test_an_empty_site_says_the_first_step(user: User) -> None:
    await user.open("/")
    await user.should_see("Nothing has run yet", retries=50)
    await user.should_see("No queue has New elements.")
    await user.should_see("Nothing runs at the moment.")
    await click(user, "failed-figure")


async def test_the_timeline_has_a_lane_for_each_scheduler(user: User, sample: Database) -> None:
    await user.open("/")

    def find() -> RunTimeline:
        (element,) = user.find(kind=RunTimeline).elements
        assert element.lanes
        return element

    lanes = {lane["n"]: lane for lane in (await until(find)).lanes}
    assert [f"RPA-VM-0{number}" for number in range(1, 9)] == [name for name in lanes if name.startswith("RPA")]
    assert lanes["RPA-VM-07"]["words"] == "Not heard from since Sun 23:00"
    assert lanes["RPA-VM-01"]["h"] == "/jobs?scheduler=RPA-VM-01"
    running = next(bar for bar in lanes["RPA-VM-02"]["b"] if bar["c"] == "running")
    assert (running["n"], running["e"]) == ("Bankafstemning", None)
    assert running["t"] == "Bankafstemning: Running\n05:31 CET, running"


async def test_depth_over_time_follows_from_when_elements_were_made_and_handed_out(
    site: Database, clock: SettableClock
) -> None:
    def element(created_hours: float, started_hours: float | None, **values: Any) -> QueueElement:
        started = None if started_hours is None else site_time(NOW - timedelta(hours=started_hours))
        status = QueueStatus.NEW if started is None else QueueStatus.DONE
        created = site_time(NOW - timedelta(hours=created_hours))
        return QueueElement(queue_name="q", created_date=created, start_date=started, **{"status": status, **values})

    elements = [
        element(100, None),  # waits since long ago
        element(10.5, 7.5),  # waited from 10 to 8 hours ago
        element(2.5, None),  # waits since two hours ago
        element(30, 11.5),  # waited 12 hours ago
        QueueElement(queue_name="empty", status=QueueStatus.DONE, created_date=site_time(NOW)),
    ]
    site.write(lambda session: session.add_all(elements))
    found = await QueueDepthBackend(site, clock).queues(Span.WORK)
    (depth,) = found.depths
    assert depth.queue == "q"
    assert depth.new == 2
    assert depth.oldest == site_time(NOW - timedelta(hours=100))
    #                        12 11 10  9  8  7  6  5  4  3  2  1 now
    assert depth.history == (2, 1, 2, 2, 2, 1, 1, 1, 1, 1, 2, 2, 2)


async def test_depths_are_asked_once_a_minute(
    site: Database, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = QueueDepthBackend(site, clock)
    asked: list[Span] = []
    look = backend._look
    monkeypatch.setattr(backend, "_look", lambda session, span: asked.append(span) or look(session, span))
    for _ in range(3):
        await asyncio.gather(*(backend.queues(Span.WORK) for _ in range(3)))
    assert asked == [Span.WORK]
    backend.forget()
    await backend.queues(Span.WORK)
    assert asked == [Span.WORK, Span.WORK]


async def test_elements_that_failed_in_the_span_are_grouped_by_message(site: Database, clock: SettableClock) -> None:
    def failed(hours: float, message: str | None) -> QueueElement:
        ended = site_time(NOW - timedelta(hours=hours))
        return QueueElement(
            queue_name="q",
            status=QueueStatus.FAILED,
            created_date=ended,
            end_date=ended,
            message=message,
        )

    elements = [failed(1, "Invoice 4711 is unknown"), failed(2, "Invoice 12 is unknown"), failed(3, None)]
    site.write(lambda session: session.add_all([*elements, failed(300, "Invoice 9 is unknown")]))
    found = await QueueDepthBackend(site, clock).queues(Span.WORK)
    assert [(cause.title, cause.count, cause.queue) for cause in found.causes] == [
        ("Invoice 4711 is unknown", 2, "q"),
        ("Without a message", 1, "q"),
    ]
    assert found.depths == ()


async def test_an_exit_code_is_explained_by_the_log_of_the_job(site: Database, clock: SettableClock) -> None:
    explained = job(site, JobStatus.FAILED, NOW - timedelta(hours=1), reason="exit code 1")
    job(site, JobStatus.FAILED, NOW - timedelta(hours=2), reason="exit code 3")
    message = 'exit code 1\n\nEnd of its error output:\nTraceback (most recent call last):\n  File "a.py"\nKeyError: 4'
    log = Log(log_time=SITE_NOW, log_level=LogLevel.ERROR, process_name="p", job_id=explained, log_message=message)
    site.write(lambda session: session.add(log))
    glance = await DashboardBackend(site, clock).glance(Span.WORK)
    assert [(cause.title, cause.newest == explained) for cause in glance.causes] == [
        ("KeyError: 4", True),
        ("The robot failed without saying why", False),
    ]


async def test_why_a_trigger_is_late(user: User, site: Database) -> None:
    scheduler(site, "Live")
    scheduler(site, "Silent", timedelta(hours=1))
    for name, where in (("A", []), ("B", ["Silent"]), ("C", ["Live"]), ("D", ["Nobody"])):
        add_trigger(
            site,
            SingleTrigger,
            trigger_name=name,
            next_run=site_time(NOW - timedelta(minutes=20)),
            scheduler_whitelist=where,
        )
    await user.open("/")
    rows = await causes(user)
    assert rows["Late: no free scheduler has started it"].who == "A, C"
    assert rows["Late: Silent is not heard from"].who == "B"
    assert rows["Late: no scheduler named Nobody is heard from"].who == "D"


async def test_schedulers_that_are_cordoned_or_drained_need_attention_and_say_why_work_waits(
    user: User, site: Database
) -> None:
    for name in ("Cordoned", "Drained", "Free"):
        scheduler(site, name)
    lease = {"lease_until": DatabaseUtcNow(300), "instance": uuid4()}
    drained = sa.update(Scheduler).where(Scheduler.machine_name == "Drained").values(**lease)
    site.write(lambda session: session.execute(drained))
    site.write(lambda session: cordons.cordon(session, "Cordoned", by="Ann"))
    assert site.write(lambda session: cordons.drain(session, "Drained", by="Bo")).ends
    for name, where in (("A", ["Cordoned", "drained"]), ("B", [])):
        overdue = site_time(NOW - timedelta(minutes=20))
        add_trigger(site, SingleTrigger, trigger_name=name, next_run=overdue, scheduler_whitelist=where)
    await user.open("/")
    rows = await causes(user)
    assert rows["Cordoned is cordoned by Ann, and starts nothing"].href == "/schedulers?name=Cordoned"
    assert rows["Drained is drained by Bo, and starts nothing"].who == "It ends when its robots have"
    assert rows["Late: every scheduler that may is cordoned"].who == "A"
    assert rows["Late: no free scheduler has started it"].who == "B"

    site.write(lambda session: site_pause.pause(session, reason="SAP is closed"))
    await user.open("/")
    assert (await causes(user))["Late: the site is paused"].who == "A, B"


async def test_a_timeline_reads_only_its_day(site: Database, clock: SettableClock) -> None:
    job(site, JobStatus.DONE, NOW - timedelta(hours=30))
    long = job(
        site, JobStatus.DONE, NOW - timedelta(hours=26), end_time=site_time(NOW - timedelta(hours=1)), trigger_name="L"
    )
    old = job(site, JobStatus.RUNNING, NOW - timedelta(days=3), end_time=None)
    recent = job(site, JobStatus.FAILED, NOW - timedelta(hours=2))
    timeline = await TimelineBackend(site, clock).timeline()
    (lane,) = timeline.lanes
    assert [bar.job_id for bar in lane.bars] == [old, long, recent]
    assert timeline.complete_since is None


async def test_what_runs_longest_comes_first(site: Database, clock: SettableClock) -> None:
    minutes = [7, 50, 3, 90, 12, 30]
    jobs = {
        ago: job(site, JobStatus.STARTING if ago == 12 else JobStatus.RUNNING, NOW - timedelta(minutes=ago))
        for ago in minutes
    }
    glance = await DashboardBackend(site, clock).glance(Span.DAY)
    assert [each.job_id for each in glance.running] == [jobs[ago] for ago in sorted(minutes, reverse=True)]


async def test_a_timeline_changes_with_its_runs_and_not_with_the_time(site: Database, clock: SettableClock) -> None:
    job(site, JobStatus.DONE, NOW - timedelta(hours=23, minutes=59))
    running = job(site, JobStatus.RUNNING, NOW - timedelta(hours=1), end_time=None)
    backend = TimelineBackend(site, clock)
    first = await backend.timeline()
    clock.advance(timedelta(minutes=30))
    assert await backend.timeline() == first
    ended = sa.update(Job).where(Job.id == running).values(status=JobStatus.FAILED, end_time=site_time(NOW))
    site.write(lambda session: session.execute(ended))
    (lane,) = (await backend.timeline()).lanes
    assert [(bar.status, bar.end) for bar in lane.bars][1:] == [(JobStatus.FAILED, site_time(NOW))]
    job(site, JobStatus.DONE, NOW)
    (lane,) = (await backend.timeline()).lanes
    assert len(lane.bars) == 3


async def test_a_timeline_of_very_many_runs_has_few_bars(
    site: Database, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minutes in range(0, 600, 5):
        job(site, JobStatus.FAILED if minutes == 300 else JobStatus.DONE, NOW - timedelta(minutes=minutes))
    backend = TimelineBackend(site, clock)
    (lane,) = (await backend.timeline()).lanes
    assert len(lane.bars) == 120
    monkeypatch.setattr(dashboard_timeline, "MOST_BARS", 60)
    (lane,) = (await TimelineBackend(site, clock).timeline()).lanes
    assert len(lane.bars) <= 60
    assert sum(bar.count for bar in lane.bars) == 120
    assert [bar.count for bar in lane.bars if bar.status is JobStatus.FAILED] == [1]
    assert max(bar.end - bar.start for bar in lane.bars if bar.end) <= timedelta(minutes=30)


async def test_every_kind_of_database_answers_alike(database: Database, clock: SettableClock) -> None:
    fill(database, NOW)
    backend = DashboardBackend(database, clock)
    glance = await backend.glance(Span.WORK)
    assert (glance.failed, glance.running_total, len(glance.silent), len(glance.troubled)) == (24, 5, 1, 4)
    assert [cause.title for cause in glance.causes] == [
        "ErpLogonError: Password has expired for user RPA_FIN (code 182)",
        "Ran longer than its time limit",
        "The robot failed without saying why",
        "What its robot did is not known",
        "Killed",
    ]
    queues = await QueueDepthBackend(database, clock).queues(Span.WORK)
    assert queues.depths[0].history == (0, 0, 0, 0, 0, 0, 0, 0, 3, 6, 9, 14, 18)
    timeline = await TimelineBackend(database, clock).timeline()
    assert [lane.scheduler for lane in timeline.lanes if lane.silent_since] == ["RPA-VM-07"]
    schedulers = SchedulersBackend(database, clock)
    silent = (await schedulers.rows())[0]
    assert (silent.name, await schedulers.forget(silent), await schedulers.forget(silent)) == ("RPA-VM-07", True, False)
    stuck = next(trigger for trigger in glance.troubled if trigger.stuck)
    assert (await backend.settle(stuck.id), await backend.settle(stuck.id)) == (True, False)
    constants = ConstantsBackend(database, clock)
    await constants.create("Å 100%", "x")
    (row,) = (await constants.page(NamedQuery(text="å 100%"))).rows
    assert (await constants.update(row, "y"), await constants.update(row, "z")) == (True, False)
    credentials = CredentialsBackend(database, clock)
    await credentials.create("c", "u", "p", key=crypto_util.generate_key().decode())
    found = await credentials.get("c")
    assert (await credentials.delete(found), await credentials.delete(found)) == (True, False)


def test_neighbours_that_were_done_become_one_bar() -> None:
    def bar(minute: float, status: JobStatus = JobStatus.DONE) -> Bar:
        start = SITE_NOW + timedelta(minutes=minute)
        return Bar("a", uuid4(), status, start, start + timedelta(seconds=20))

    bars = merged([bar(0), bar(1), bar(2, JobStatus.FAILED), bar(3), bar(10)])
    assert [(each.status.name, each.count) for each in bars] == [("DONE", 2), ("FAILED", 1), ("DONE", 1), ("DONE", 1)]
    assert bars[0].end == SITE_NOW + timedelta(minutes=1, seconds=20)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Invoice 4711 is unknown", "Invoice 12 is unknown"),
        ('File "/home/a/x.py" is missing', 'File "/srv/other/y.py" is missing'),
        ("Cannot open C:\\robots\\a\\b.xlsx", "Cannot open D:\\other\\c\\d.xlsx"),
        ("Job 0b1d6c1e-3a52-4c7e-9a51-0b1d6c1e3a52 was lost", "Job 3a52aaaa-3a52-4c7e-9a51-0b1d6c1e3a52 was lost"),
        ("Timeout  after 12.5 s.", "timeout after 3 s"),
        ("https://a.example/x?y=1 refused", "https://b.example/z refused"),
    ],
)
def test_reasons_that_differ_in_what_varies_are_one_cause(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(("one", "other"), [("Disk is full", "Disk is gone"), ("KeyError", "ValueError"), ("", "x")])
def test_other_reasons_are_other_causes(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


def test_titles_are_one_line_and_not_too_long() -> None:
    assert title_of("\n  disk  is full\nmore") == "Disk is full"
    assert title_of("pyodbc.Error: no") == "pyodbc.Error: no"
    assert len(title_of("x" * 5000)) == 160
    assert title_of("") == ""


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("exit code 1", True),
        ("exit code 3221225477 (0xC0000005)", True),
        ("", True),
        (None, True),
        ("Disk full", False),
    ],
)
def test_a_bare_exit_code_says_nothing(reason: str | None, expected: bool) -> None:
    assert says_nothing(reason) is expected


def test_a_cause_counts_and_names_the_newest_first() -> None:
    trigger = uuid4()

    def failed(hour: int, name: str, trigger_id: UUID | None = trigger) -> FailedJob:
        ended = SITE_NOW - timedelta(hours=hour)
        return FailedJob(uuid4(), JobStatus.FAILED, name, trigger_id, "VM", f"Invoice {hour} is unknown", ended)

    (cause,) = group([failed(3, "A"), failed(1, "B"), failed(2, "A", None)])
    assert (cause.count, cause.names, cause.triggers) == (3, ("B", "A"), (trigger,))
    assert cause.title == "Invoice 1 is unknown"
    assert cause.last - cause.first == timedelta(hours=2)


@pytest.mark.parametrize(
    ("now", "start"),
    [
        (datetime(2026, 11, 23, 8, 12), datetime(2026, 11, 20, 16)),  # Monday
        (datetime(2026, 11, 24, 8, 12), datetime(2026, 11, 23, 16)),  # Tuesday
        (datetime(2026, 11, 20, 17), datetime(2026, 11, 19, 16)),  # Friday evening
        (datetime(2026, 11, 21, 2), datetime(2026, 11, 20, 16)),  # Saturday
        (datetime(2026, 11, 22, 23), datetime(2026, 11, 20, 16)),  # Sunday
    ],
)
def test_the_span_begins_at_the_end_of_the_last_working_day(now: datetime, start: datetime) -> None:
    assert start_of(Span.WORK, now) == start


def test_buckets_are_equally_long_and_leave_out_what_is_outside() -> None:
    since = SITE_NOW - timedelta(hours=4)
    moments = [since, since + timedelta(minutes=59), since + timedelta(hours=1), SITE_NOW, since - timedelta(days=1)]
    assert in_buckets(moments, since, SITE_NOW, 4) == (2, 1, 0, 1)


def status(database: Database, name: str) -> TriggerStatus:
    found = database.read(lambda session: session.scalars(sa.select(Trigger).where(Trigger.trigger_name == name)).one())
    return found.process_status
