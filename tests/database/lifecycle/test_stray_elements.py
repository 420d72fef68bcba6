"""Elements that are In Progress for a job that has ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle.element_claims import claim_next
from OpenOrchestrator.database.lifecycle.stray_elements import abandon_stray, find_strays
from OpenOrchestrator.database.models import Job, QueueElement
from OpenOrchestrator.database.statuses import JobStatus, QueueStatus

SITE_NOW = datetime(2026, 1, 1, 1)  # what the clock of the tests shows at the site


def take(database: Database, queue_name: str, status: JobStatus, **ended: Any) -> tuple[UUID, UUID]:
    """Have an element taken by a job that ended without abandoning it; return the ids of both."""
    job = Job(id=uuid4(), process_name="p", scheduler_name="s", status=JobStatus.RUNNING, start_time=SITE_NOW)
    database.write(lambda session: session.add(job))
    make.add_elements(database, queue_name, 1)
    element = claim_next(database, queue_name, job_id=job.id)
    assert element is not None
    values = {"status": status, "reason": "why", "end_time": SITE_NOW, **ended}
    database.write(lambda session: session.execute(sa.update(Job).where(Job.id == job.id).values(values)))
    return element.id, job.id


def change(database: Database, element_id: UUID, **values: Any) -> None:
    update = sa.update(QueueElement).where(QueueElement.id == element_id)
    database.write(lambda session: session.execute(update.values(values)))


def stored(database: Database, element_id: UUID) -> QueueElement:
    return database.read(lambda session: session.get_one(QueueElement, element_id))


@pytest.mark.parametrize("ended", [{}, {"end_time": None}, {"end_time": SITE_NOW - timedelta(seconds=10)}])
def test_elements_of_jobs_that_have_ended_are_abandoned(database: Database, ended: dict[str, Any]) -> None:
    made = [take(database, f"queue {number}", JobStatus.LOST, **ended) for number in range(3)]
    strays = find_strays(database)
    assert {(stray.element_id, stray.job_id) for stray in strays} == set(made)
    assert all(abandon_stray(database, stray) for stray in strays)
    for element_id, job_id in made:
        element = stored(database, element_id)
        assert (element.status, element.job_id, element.claim_token) == (QueueStatus.ABANDONED, job_id, None)
        assert element.end_date == SITE_NOW
        assert element.message == "Its job ended (Lost) while the element was In Progress. why"
    assert find_strays(database) == ()
    assert not abandon_stray(database, strays[0]), "another scheduler was faster"


@pytest.mark.parametrize("status", [JobStatus.STARTING, JobStatus.RUNNING])
def test_elements_of_jobs_that_run_are_left_alone(database: Database, status: JobStatus) -> None:
    take(database, "queue", status, end_time=None)
    assert find_strays(database) == ()


@pytest.mark.parametrize(
    "since",
    [
        {"status": QueueStatus.DONE},
        {"status": QueueStatus.NEW},
        {"job_id": None},
        {"start_date": SITE_NOW + timedelta(minutes=10)},  # by an older robot, or by a person
        {"end_date": SITE_NOW + timedelta(seconds=1)},  # finished, and set In Progress without being handed out
    ],
)
def test_what_became_something_else_since_is_left_alone(database: Database, since: dict[str, Any]) -> None:
    element_id, _ = take(database, "queue", JobStatus.DONE)
    change(database, element_id, **since)
    assert find_strays(database) == ()


def test_what_is_handed_out_anew_meanwhile_is_left_to_its_new_holder(database: Database) -> None:
    element_id, _ = take(database, "queue", JobStatus.DONE)
    (stray,) = find_strays(database)
    change(database, element_id, status=QueueStatus.NEW)
    element = claim_next(database, "queue")
    assert element is not None
    assert not abandon_stray(database, stray)
    assert stored(database, element_id).claim_token == element.claim_token
