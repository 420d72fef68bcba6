"""What robots tell about their jobs, on the pages of jobs."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Job, JobAlert, JobResult, QueueTrigger
from OpenOrchestrator.database.statuses import AttachmentOwner, JobStatus
from OpenOrchestrator.database.stores import attachment_files
from OpenOrchestrator.orchestrator.jobs.backend import csv_export
from OpenOrchestrator.orchestrator.jobs.backend.find_jobs import FindJobsBackend
from OpenOrchestrator.orchestrator.jobs.backend.jobs import JobQuery, JobsBackend
from OpenOrchestrator.orchestrator.jobs.job_rows import progress_words
from tests.ui.pages import cell, click, rows_of
from tests.ui.sample import NOW, add_jobs, add_trigger


def told(database: Database, name: str, outcome: str, **values: Any) -> UUID:
    """Make a job of a trigger of its own whose robot told something."""
    trigger = add_trigger(database, QueueTrigger, trigger_name=name, queue_name="q", min_batch_size=1)
    add_jobs(database, trigger, name, outcome, last=NOW - timedelta(minutes=5))
    job_id = database.read(lambda s: s.scalars(sa.select(Job.id).where(Job.trigger_name == name)).one())
    values.setdefault("title", None)
    database.write(lambda s: s.execute(sa.update(Job).where(Job.id == job_id).values(**values)))
    return job_id


async def text_of(user: User, marker: str) -> str:
    await user.should_see(marker=marker, retries=30)
    (element,) = user.find(marker=marker).elements
    return str(element.text)  # type: ignore[attr-defined]


async def test_lists_show_title_progress_and_what_is_left_undone(user: User, site: Database) -> None:
    told(site, "Running", "r", title="Invoices of May", progress=0.406, progress_text="page 41 of 101")
    told(site, "Partial", "d", partial_message="two are left", partial_at=NOW)
    told(site, "Failed", "f", partial_message="two are left", partial_at=NOW, title="Invoices of June")
    told(site, "Done", "d")
    await user.open("/jobs")
    rows = await rows_of(user, "jobs")
    assert cell(rows["Running"], "name")["s"] == "Invoices of May"
    assert cell(rows["Running"], "reason")["t"] == "40 %, page 41 of 101"
    assert (cell(rows["Partial"], "status")["p"]["w"], cell(rows["Partial"], "reason")["t"]) == (
        "Partially done",
        "Two are left",
    )
    assert [cell(rows[name], "status")["p"]["w"] for name in ("Failed", "Done")] == ["Failed", "Done"]
    await user.open("/jobs?segment=partial")
    assert set(await rows_of(user, "jobs")) == {"Partial"}
    await user.open("/jobs?q=of+june")
    assert set(await rows_of(user, "jobs")) == {"Failed"}
    found = await FindJobsBackend(site, site.clock).holding("of may")
    assert [(row.name, row.title) for row in found.rows] == [("Running", "Invoices of May")]


async def test_the_page_of_a_job_shows_what_its_robot_told(user: User, site: Database) -> None:
    job_id = told(
        site, "Running", "r", title="Invoices of May", progress=0.5, progress_text="page 2", partial_message="one left"
    )
    now = {"raised_at": NOW, "job_id": job_id, "process_name": "p"}
    result = JobResult(job_id=job_id, output='{"paid": 3}', is_json=True, changed_at=NOW)
    alert = JobAlert(id=uuid4(), message="The account is empty", **now)
    noticed = JobAlert(id=uuid4(), message="Old", dismissed_at=NOW, dismissed_by="Anna", **now)
    site.write(lambda s: s.add_all([result, alert, noticed]))
    await user.open(f"/jobs/{job_id}")
    assert await text_of(user, "job-title") == "Invoices of May"
    assert await text_of(user, "progress-words") == "50 %, page 2"
    assert await text_of(user, "result") == '{\n  "paid": 3\n}'
    await user.should_see("So far: one left")
    await user.should_see("Alert: The account is empty")
    await user.should_see("dismissed by Anna")


async def test_files_of_a_job_are_downloaded_from_its_page(user: User, site: Database, tmp_path: Path) -> None:
    job_id = told(site, "Failed", "f")
    path = tmp_path / "screenshot.png"
    path.write_bytes(b"picture")
    attachment_files.attach(site, AttachmentOwner.JOB, job_id, path)
    await user.open(f"/jobs/{job_id}")
    await user.should_see("screenshot.png", retries=30)
    await click(user, "download-file")
    with user:
        download = await user.download.next(timeout=5)
    assert download.content == b"picture"


async def test_the_page_of_a_partially_done_job_says_so_and_no_progress_that_is_over(
    user: User, site: Database
) -> None:
    job_id = told(site, "Partial", "d", partial_message="one left", partial_at=NOW, progress=1.0)
    await user.open(f"/jobs/{job_id}")
    assert await text_of(user, "reason") == "One left"
    await user.should_see("Partially done")
    await user.should_not_see(marker="progress")


async def test_the_export_has_title_result_and_what_is_left_undone(user: User, site: Database) -> None:
    job_id = told(site, "Partial", "d", partial_message="one left", partial_at=NOW, title="May")
    text = json.dumps({"paid": 3})
    site.write(lambda s: s.add(JobResult(job_id=job_id, output=text, is_json=True, changed_at=NOW)))
    backend = JobsBackend(site, site.clock)
    query = await backend.pinned(JobQuery(statuses=(JobStatus.DONE,)))
    lines = b"".join(csv_export.jobs(site, backend, query)).decode("utf-8-sig").splitlines()
    assert lines[0].split(";" if ";" in lines[0] else ",")[-3:] == ["Title", "Left undone", "Result"]
    assert lines[1].endswith('"{""paid"": 3}"')
    assert "May" in lines[1]


@pytest.mark.parametrize(
    ("fraction", "text", "words"),
    [(None, "page", ""), (0.0, None, "0 %"), (0.999, "", "99 %"), (1, "done", "100 %, done")],
)
def test_progress_in_words(fraction: float | None, text: str | None, words: str) -> None:
    assert progress_words(fraction, text) == words
