"""Queue triggers rest after runs that took nothing, and are woken by new elements: on every kind of database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import trigger_setup as make
from sqlalchemy.dialects.mssql import pyodbc

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import element_claims, runs, trigger_claims
from OpenOrchestrator.database.lifecycle.element_status import StatusWrite, write_status
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.site import QUEUE_POLL, SiteSetting
from OpenOrchestrator.database.statuses import JobStatus, QueueStatus
from OpenOrchestrator.database.stores import queue_backoff

HERE = Identity("here")
ELEMENTS: Any = QueueElement.__table__
Work = Callable[[UUID], object]


def nothing(_job_id: UUID) -> None:
    """A robot that ends without a word to the queue."""


def run_once(
    database: Database, clock: SettableClock, work: Work = nothing, status: JobStatus = JobStatus.DONE
) -> None:
    """Let the one trigger that is due run for a second, as one scheduler and one robot do it."""
    (run,) = make.claim_all(database, HERE)
    assert runs.begin_run(database, run)
    work(run.job_id)
    clock.advance(timedelta(seconds=1))
    assert runs.finish(database, run.job_id, run.fence, status=status, exit_code=0, reason=None)


def rest_of(database: Database) -> float | None:
    """Return for how many seconds the one trigger rests; None if it is due."""
    found = trigger_claims.due_triggers(database, scheduler_name="here")
    if found.due:
        return None
    assert found.next_due is not None
    return (found.next_due - database.utc_now()).total_seconds()


@pytest.fixture
def trigger(database: Database, clock: SettableClock) -> UUID:
    made = make.queue(database, elements=3)
    clock.advance(timedelta(seconds=10))
    return made


@pytest.mark.usefixtures("trigger")
def test_a_trigger_whose_runs_take_nothing_rests_longer_from_run_to_run(
    database: Database, clock: SettableClock
) -> None:
    assert rest_of(database) is None
    for pause in (2, 4, 8, 16, 32, 60, 60):
        run_once(database, clock)
        assert rest_of(database) == pause
        clock.advance(timedelta(seconds=pause - 0.5))
        assert rest_of(database) == 0.5
        clock.advance(timedelta(seconds=0.5))
        assert rest_of(database) is None


@pytest.mark.usefixtures("trigger")
def test_a_new_element_wakes_it_at_once(database: Database, clock: SettableClock) -> None:
    for _ in range(4):
        run_once(database, clock)
        clock.advance(timedelta(seconds=100))
    run_once(database, clock)
    assert rest_of(database) == 32
    clock.advance(timedelta(seconds=1))
    make.add_elements(database, "Q", 1)
    assert rest_of(database) is None
    clock.advance(timedelta(seconds=1))
    run_once(database, clock)  # which leaves the new element, too
    assert rest_of(database) == 60


@pytest.mark.usefixtures("trigger")
def test_an_element_that_came_while_the_robot_ran_wakes_it(database: Database, clock: SettableClock) -> None:
    def work(_job_id: UUID) -> None:
        clock.advance(timedelta(seconds=1))
        make.add_elements(database, "Q", 1)

    run_once(database, clock, work)
    assert rest_of(database) is None


@pytest.mark.usefixtures("trigger")
def test_a_run_that_took_an_element_is_followed_at_once(database: Database, clock: SettableClock) -> None:
    run_once(database, clock)
    clock.advance(timedelta(seconds=2))

    def take(job_id: UUID) -> None:
        element = element_claims.claim_next(database, "Q", job_id=job_id)
        assert element is not None
        token = vars(element)["claim_token"]
        wanted = StatusWrite(element_id=element.id, status=QueueStatus.DONE, message=None, job_id=job_id, token=token)
        write_status(database, wanted)

    run_once(database, clock, take)
    assert rest_of(database) is None
    run_once(database, clock)
    assert rest_of(database) == 2, "the count begins after the run that took something"


def take_as_older_robots_do(database: Database, *, status: QueueStatus, newest: bool = False) -> None:
    """Change an element without a word of the job, as 1.* to 3.* do."""
    order = ELEMENTS.c.created_date.desc() if newest else ELEMENTS.c.created_date
    query = sa.select(ELEMENTS.c.id).where(ELEMENTS.c.status == QueueStatus.NEW).order_by(order).limit(1)
    now = database.site_now()
    values = {"status": status, "start_date": now} if status is QueueStatus.IN_PROGRESS else {"status": status}
    values |= {"end_date": now} if status is not QueueStatus.IN_PROGRESS else {}
    with database.connection(writing=True) as connection:
        element_id = connection.scalar(query)
        connection.execute(sa.update(ELEMENTS).where(ELEMENTS.c.id == element_id).values(values))


@pytest.mark.usefixtures("trigger")
@pytest.mark.parametrize("status", [QueueStatus.IN_PROGRESS, QueueStatus.DONE, QueueStatus.FAILED])
@pytest.mark.parametrize("newest", [False, True], ids=["the oldest", "the newest"])
def test_what_an_older_robot_takes_is_seen(
    database: Database, clock: SettableClock, status: QueueStatus, newest: bool
) -> None:
    make.add_elements(database, "Q", 200, QueueStatus.ABANDONED)
    clock.advance(timedelta(seconds=1))
    run_once(database, clock, lambda _job: take_as_older_robots_do(database, status=status, newest=newest))
    assert rest_of(database) is None
    run_once(database, clock)
    assert rest_of(database) == 2
    clock.advance(timedelta(seconds=2))
    run_once(database, clock)
    assert rest_of(database) == 4


@pytest.mark.usefixtures("trigger")
def test_an_element_that_is_given_back_each_time_counts_as_not_taken(database: Database, clock: SettableClock) -> None:
    def take_and_give_back(job_id: UUID) -> None:
        element = element_claims.claim_next(database, "Q", job_id=job_id)
        assert element is not None
        token = vars(element)["claim_token"]
        wanted = StatusWrite(element_id=element.id, status=QueueStatus.NEW, message=None, job_id=job_id, token=token)
        write_status(database, wanted)

    run_once(database, clock, take_and_give_back)
    assert rest_of(database) == 2


def test_other_queues_and_triggers_are_not_its_own(database: Database, clock: SettableClock) -> None:
    make.queue(database, "idle", elements=1)
    clock.advance(timedelta(seconds=1))
    run_once(database, clock)
    make.queue(database, "other", queue_name="q", elements=1)
    assert make.due_names(database) == ["other"]
    clock.advance(timedelta(seconds=2))
    assert make.due_names(database) == ["idle", "other"]


@pytest.mark.usefixtures("trigger")
@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.KILLED, JobStatus.LOST])
def test_a_trigger_that_was_enabled_after_a_run_that_went_wrong_is_due(
    database: Database, clock: SettableClock, trigger: UUID, status: JobStatus
) -> None:
    run_once(database, clock, status=status)
    assert make.due_names(database) == []
    database.write(lambda session: make.triggers.enable(session, trigger))
    assert rest_of(database) is None


def test_a_run_that_somebody_asks_for_does_not_wait(database: Database, clock: SettableClock, trigger: UUID) -> None:
    run_once(database, clock)
    assert rest_of(database) == 2
    now = database.utc_now()
    database.write(lambda session: make.triggers.request_run(session, trigger, now=now))
    assert make.due_names(database) == ["queue"]


def test_jobs_of_schedulers_that_name_no_trigger_hold_nothing_up(
    database: Database, clock: SettableClock, trigger: UUID
) -> None:
    run_once(database, clock)
    jobs: Any = make.Job.__table__
    database.write(lambda session: session.execute(sa.update(jobs).values(trigger_id=None)))
    assert rest_of(database) is None
    assert trigger


@pytest.mark.usefixtures("trigger")
@pytest.mark.parametrize("hours", [-2, -1, 1, 2], ids=lambda hours: f"{hours:+d} h")
def test_a_clock_that_was_set_holds_nothing_up(database: Database, clock: SettableClock, hours: int) -> None:
    run_once(database, clock)
    assert rest_of(database) == 2
    clock.advance(timedelta(hours=hours))
    assert rest_of(database) is None


def test_there_have_to_be_as_many_elements_as_the_trigger_wants(database: Database, clock: SettableClock) -> None:
    trigger_id = make.queue(database, elements=3, min_batch_size=3)
    clock.advance(timedelta(seconds=1))
    run_once(database, clock)
    now = database.site_now()
    for size, rests in ((3, True), (4, False)):
        asked = [queue_backoff.FullQueue(trigger_id, "Q", size)]
        found = database.read(
            lambda session, asked=asked: queue_backoff.resting(session.connection(), asked, site_now=now)
        )
        assert (trigger_id in found) is rests


def test_many_triggers_are_asked_about_at_once(database: Database, clock: SettableClock) -> None:
    for number in range(45):
        make.queue(database, f"{number:02}", queue_name=f"Q{number}", elements=1)
    clock.advance(timedelta(seconds=1))
    claimed = make.claim_all(database, HERE)
    assert len(claimed) == 45
    for run in claimed:
        assert runs.begin_run(database, run)
        if run.trigger_name != "44":
            element_claims.claim_next(database, f"Q{int(run.trigger_name)}", job_id=run.job_id)
        assert runs.finish(database, run.job_id, run.fence, status=JobStatus.DONE, exit_code=0, reason=None)
    for number in range(44):
        make.add_elements(database, f"Q{number}", 1)
    clock.advance(timedelta(seconds=0.5))
    assert make.due_names(database) == [f"{number:02}" for number in range(44)]


@pytest.mark.usefixtures("trigger")
def test_the_longest_pause_is_a_setting_of_the_site(database: Database, clock: SettableClock) -> None:
    database.write(lambda session: queue_backoff.set_longest_pause(session, 3))
    for pause in (2, 3, 3):
        run_once(database, clock)
        assert rest_of(database) == pause
        clock.advance(timedelta(seconds=pause))
    database.write(lambda session: queue_backoff.set_longest_pause(session, 600))
    assert database.read(lambda session: queue_backoff.longest_pause(session.connection())) == 600


@pytest.mark.parametrize("stored", ["", "soon", "-1", "0", "1e3", "999999999", "٣"])
def test_a_setting_that_is_none_counts_as_the_default(database: Database, stored: str) -> None:
    database.write(lambda session: session.add(SiteSetting(name=QUEUE_POLL, value=stored)))
    longest = database.read(lambda session: queue_backoff.longest_pause(session.connection()))
    assert longest == queue_backoff.DEFAULT_LONGEST_SECONDS


@pytest.mark.parametrize("seconds", [0, -5, 86401])
def test_a_pause_that_cannot_be_is_refused(database: Database, seconds: int) -> None:
    with pytest.raises(InvalidInputError, match="1 to 86400 seconds"):
        database.write(lambda session: queue_backoff.set_longest_pause(session, seconds))


def test_on_sql_server_the_latest_jobs_are_walked_by_their_index() -> None:
    dialect = pyodbc.dialect(paramstyle="qmark")
    compiled = queue_backoff._walks(2, 3).compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    text = " ".join(str(compiled).split())
    held = "(SELECT TOP 1 [Queues].job_id FROM [Queues] WHERE [Queues].job_id = [Jobs].id) IS NOT NULL"
    assert text.count(f"CASE WHEN ({held}) THEN") == 2
    assert text.count("SELECT TOP 3 ") == 2


def test_a_job_without_an_end_is_no_empty_run(database: Database, trigger: UUID) -> None:
    job = make.Job(
        id=uuid4(),
        process_name="p",
        scheduler_name="s",
        status=JobStatus.DONE,
        start_time=database.site_now(),
        trigger_id=trigger,
    )
    database.write(lambda session: session.add(job))
    assert rest_of(database) is None


# --- several jobs of one trigger


def _take(database: Database, job_id: UUID | None) -> None:
    assert element_claims.claim_next(database, "Q", job_id=job_id) is not None


def test_a_job_that_takes_nothing_beside_one_that_works_is_followed_later_and_later(
    database: Database, clock: SettableClock
) -> None:
    make.queue(database, elements=50, max_jobs=3)
    clock.advance(timedelta(seconds=10))
    (working,) = make.claim_all(database, HERE)
    assert runs.begin_run(database, working)
    _take(database, working.job_id)
    clock.advance(timedelta(seconds=1))
    for pause in (2, 4, 8, 16):
        assert rest_of(database) is None
        run_once(database, clock, lambda _job: _take(database, working.job_id))
        _take(database, working.job_id)
        make.add_elements(database, "Q", 1)  # for the one that works
        assert rest_of(database) == pause
        clock.advance(timedelta(seconds=pause))
    run_once(database, clock, lambda job: _take(database, job))
    assert rest_of(database) is None, "it took something"


@pytest.mark.parametrize("by_older_robot", [False, True])
def test_a_job_that_takes_something_beside_others_is_followed_at_once(
    database: Database, clock: SettableClock, *, by_older_robot: bool
) -> None:
    make.queue(database, elements=50, max_jobs=3)
    clock.advance(timedelta(seconds=10))
    (working,) = make.claim_all(database, HERE)
    assert runs.begin_run(database, working)
    clock.advance(timedelta(seconds=1))
    run_once(database, clock, lambda job: _take(database, None if by_older_robot else job))
    assert rest_of(database) is None
