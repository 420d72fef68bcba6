"""Jobs as a CSV file."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from uuid import uuid4

import pytest
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job
from OpenOrchestrator.database.statuses import JobStatus, StartedBy
from OpenOrchestrator.orchestrator.backend.periods import Period
from OpenOrchestrator.orchestrator.jobs.backend import csv_export
from OpenOrchestrator.orchestrator.jobs.backend.jobs import JobQuery, JobsBackend
from tests.ui.conftest import App
from tests.ui.pages import click
from tests.ui.sample import NOW
from tests.ui.sample import site as site_time


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=";"))


async def test_the_jobs_that_match_are_exported(user: User, app: App, site: Database) -> None:
    failed = Job(
        id=uuid4(),
        trigger_name="=Invoices",
        process_name="finance",
        scheduler_name="A",
        status=JobStatus.FAILED,
        start_time=site_time(NOW),
        started_at=NOW + timedelta(seconds=2),
        end_time=site_time(NOW + timedelta(seconds=62)),
        exit_code=1,
        reason="@evil\nsecond line",
        started_by=StartedBy.RETRY.name,
        retry_number=2,
        retry_of=uuid4(),
    )
    first = str(failed.retry_of)
    done = Job(id=uuid4(), process_name="p", scheduler_name="A", status=JobStatus.DONE, start_time=site_time(NOW))
    failed_id = failed.id
    site.write(lambda session: session.add_all([failed, done]))
    await user.open("/jobs?status=failed")
    await click(user, "export")
    with user:
        download = await user.download.next(timeout=5)
    assert "jobs-2026-11-23-0812.csv" in download.headers["content-disposition"]
    (row,) = rows(download.content.decode())
    assert row["Trigger"] == "'=Invoices"
    assert (row["Status"], row["Exit code"], row["Seconds"]) == ("Failed", "1", "60")
    assert (row["Claimed"], row["Started"]) == ("2026-11-23 08:12:00", "2026-11-23 08:12:02")
    assert row["Reason"] == "'@evil\nsecond line"
    assert row["Id"] == str(failed_id)
    assert (row["Started by"], row["Retry"], row["Retry of"]) == ("Retry", "2", first)


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("statuses", [(), (JobStatus.DONE, JobStatus.FAILED)])
async def test_an_export_reads_in_parts_and_leaves_nothing_out(
    sample: Database,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
    statuses: tuple[JobStatus, ...],
    descending: bool,
) -> None:
    monkeypatch.setattr(csv_export, "ROWS_AT_ONCE", 7)
    backend = JobsBackend(sample, clock)
    query = await backend.pinned(JobQuery(period=Period("7d"), descending=descending, statuses=statuses))
    clock.advance(timedelta(days=30))
    found = rows(b"".join(csv_export.jobs(sample, backend, query)).decode())
    listed = await backend.page(JobQuery(period=query.period, descending=descending, statuses=statuses, size=1000))
    assert [row["Id"] for row in found] == [str(row.id) for row in listed.rows]
    assert len(found) > 14
