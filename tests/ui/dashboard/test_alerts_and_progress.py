"""What robots tell about their jobs, on the dashboard: alerts, what is left undone, progress."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, JobAlert, Log
from OpenOrchestrator.database.statuses import JobStatus, LogLevel
from OpenOrchestrator.orchestrator.dashboard.attention import Attention, AttentionRow
from OpenOrchestrator.orchestrator.dashboard.backend.overview import DashboardBackend
from OpenOrchestrator.orchestrator.dashboard.side_list import SideList, SideRow
from tests.ui.pages import until
from tests.ui.sample import NOW
from tests.ui.sample import site as site_time


def add_job(database: Database, status: JobStatus, minutes: float, **values: Any) -> UUID:
    job_id = uuid4()
    given = {"process_name": "p", "scheduler_name": "VM-1", **values}
    stored = Job(id=job_id, status=status, start_time=site_time(NOW - timedelta(minutes=minutes)), **given)
    database.write(lambda session: session.add(stored))
    return job_id


async def attention(user: User) -> Attention:
    def find() -> Attention:
        (element,) = user.find(kind=Attention, marker="attention").elements
        return element

    return await until(find)  # type: ignore[no-any-return]


async def test_an_alert_stands_first_until_it_is_dismissed(user: User, site: Database) -> None:
    job_id = add_job(site, JobStatus.FAILED, 5, reason="It broke", started_at=NOW)
    alert_id = uuid4()
    long_ago = NOW - timedelta(days=90)
    alert = JobAlert(id=alert_id, job_id=job_id, process_name="p", message="Empty\nsecond", raised_at=long_ago)
    site.write(lambda session: session.add(alert))
    await user.open("/")
    element = await attention(user)
    row: AttentionRow = element.rows[0]
    assert (row.title, row.who, row.action, row.href) == ("Empty second", "Alert of p", "Dismiss", f"/jobs/{job_id}")
    assert [each.title for each in element.rows[1:]] == ["It broke"]
    with user:
        await element._acted(type("Event", (), {"args": row.id})())
    await until(lambda: [each.title for each in element.rows] == ["It broke"])
    dismissed = site.read(lambda session: session.get_one(JobAlert, alert_id))
    assert dismissed.dismissed_at is not None
    logged = site.read(lambda session: session.scalars(sa.select(Log)).all())
    assert [(log.log_level, log.log_message, log.job_id) for log in logged] == [
        (LogLevel.INFO, "Alert dismissed by an admin: Empty\nsecond", job_id)
    ]
    assert not await DashboardBackend(site, site.clock).dismiss(alert_id, by="Bo")


async def test_what_runs_left_undone_needs_attention_by_trigger(user: User, site: Database) -> None:
    trigger_id = uuid4()
    mine = {"trigger_id": trigger_id, "trigger_name": "Invoices"}
    add_job(site, JobStatus.DONE, 50, partial_message="older", partial_at=NOW - timedelta(minutes=50), **mine)
    newest = add_job(site, JobStatus.DONE, 40, partial_message="two left", partial_at=NOW, **mine)
    add_job(site, JobStatus.FAILED, 30, partial_message="failed all the same", partial_at=NOW, reason="It broke")
    add_job(site, JobStatus.DONE, 60 * 24 * 30, partial_message="long ago", partial_at=NOW - timedelta(days=30))
    await user.open("/")
    rows = {row.title: row for row in (await attention(user)).rows}
    assert set(rows) == {"two left", "It broke"}
    row = rows["two left"]
    assert (row.who, row.count, row.href) == ("Partially done: Invoices", "2", f"/jobs/{newest}")
    assert row.countHref == f"/jobs?trigger={trigger_id}&segment=partial&from=2026-11-20T16%3A00"


async def test_running_jobs_show_how_far_they_are(user: User, site: Database) -> None:
    add_job(site, JobStatus.RUNNING, 5, trigger_name="A", title="May", progress=0.42, progress_text="page 3")
    add_job(site, JobStatus.RUNNING, 4, trigger_name="B")
    await user.open("/")

    def find() -> SideList:
        (element,) = user.find(kind=SideList, marker="running").elements
        return element

    rows: dict[str, SideRow] = {row.name: row for row in (await until(find)).rows}
    assert (rows["A"].sub, rows["A"].note, rows["A"].share, rows["A"].noteTip) == ("May · VM-1", "42 %", 42, "page 3")
    assert (rows["B"].sub, rows["B"].note, rows["B"].share) == ("VM-1", "", None)
