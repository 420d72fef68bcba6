"""The life of a claimed run: begin, record, finish, give back.

Owns every write about a run after its claim. Each is guarded by the job's status and fence, so that a late write of a
lost owner changes nothing and is told so. What belongs to leases is in ``ownership`` and ``reaping``.

In every transaction the job comes first, then its trigger, then its elements, so that two never wait for each other in
a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.leases import LEASE_SECONDS
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.lifecycle.failed_runs import settle_trigger
from OpenOrchestrator.database.lifecycle.fenced_run import FencedRun
from OpenOrchestrator.database.lifecycle.overlapping_ends import end
from OpenOrchestrator.database.lifecycle.ownership import repeat, write_guarded
from OpenOrchestrator.database.lifecycle.run_endings import (
    abandon_elements,
    facts_of,
    finish_event,
    for_people,
    log_end,
    return_to_trigger,
)
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, TriggerStatus
from OpenOrchestrator.database.stores.trigger_rows import TRIGGERS, WaitingRetry
from OpenOrchestrator.database.transitions import JobEvent, apply

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_JOBS = cast(sa.Table, Job.__table__)
_ACTIVE = _JOBS.c.status.in_(ACTIVE_JOB_STATUSES)

_JOB_EVENTS = {
    JobStatus.DONE: JobEvent.FINISH,
    JobStatus.FAILED: JobEvent.FAIL,
    JobStatus.KILLED: JobEvent.KILL,
    JobStatus.TIMED_OUT: JobEvent.TIME_OUT,
    JobStatus.LOST: JobEvent.LOSE,
}


def begin_run(database: Database, run: ClaimedRun) -> bool:
    """Say that a robot process is about to be started: the job becomes Running.

    From here on a crash may mean that the robot ran, so the run is never repeated by itself.

    Returns:
        Whether it may be started. False: the run was taken away; do not start it.
    """

    def work(session: Session) -> bool:
        values = {"lease_until": DatabaseUtcNow(LEASE_SECONDS)}
        begun = apply(session, JobEvent.START, run.job_id, _JOBS.c.fence == run.fence, values=values)
        if begun and run.attempt > 1:
            session.connection().execute(
                sa.update(TRIGGERS).where(TRIGGERS.c.id == run.trigger_id).values(failed_starts=0)
            )
        return begun

    return write_guarded(database, work, read_back=_saved(run.job_id, run.fence, JobStatus.RUNNING))


def record_start(
    database: Database,
    run: FencedRun,
    *,
    host_pid: int,
    host_started: float,
    commit_sha: str | None,
    started_at: datetime,
) -> bool:
    """Save which process is the robot host of a run, and what it runs.

    Args:
        database: Where the job is.
        run: The run, begun.
        host_pid: Its process id on this machine.
        host_started: Its create time as psutil tells it.
        commit_sha: Commit of the robot's repository; None for robots from a folder.
        started_at: When the robot process was started, aware.

    Returns:
        Whether it was saved. False: the run belongs to somebody else now, or has ended.
    """
    update = (
        sa.update(_JOBS)
        .where(_JOBS.c.id == run.job_id, _JOBS.c.fence == run.fence, _ACTIVE)
        .values(host_pid=host_pid, host_started=host_started, commit_sha=commit_sha, started_at=started_at)
    )
    return database.write(lambda session: session.connection().execute(update).rowcount == 1, read_back=repeat)


def note_asked(database: Database, job_id: UUID, fence: int, at: datetime) -> bool:
    """Note that the robot of a job is asked to come to an end, because its time is up.

    Args:
        database: Where the job is.
        job_id: The job.
        fence: As its owner knows it.
        at: When it was asked, aware.

    Returns:
        Whether it was noted. False: the job has ended, or belongs to somebody else.
    """
    update = sa.update(_JOBS).where(_JOBS.c.id == job_id, _JOBS.c.fence == fence, _ACTIVE).values(stop_asked_at=at)
    # Twice is no more than once.
    return database.write(
        lambda session: session.connection().execute(update).rowcount == 1, read_back=lambda _session: None
    )


def finish(
    database: Database,
    job_id: UUID,
    fence: int,
    *,
    status: JobStatus,
    exit_code: int | None,
    reason: str | None,
    error_log: str | None = None,
    tell_retry: Callable[[WaitingRetry | None], object] | None = None,
) -> bool:
    """End a run, once: the job, its trigger, the elements it still holds, and its Error log, all in one transaction.

    The trigger becomes Idle (a single one Done), Failed or Killed as the run ended, or Paused if a pause was asked
    for. Where it says that a failed run is tried again, it waits for that; where it takes several failed runs to hold
    it, it goes on. Where this run alone was to be killed, its trigger goes on as after a good end; where it had
    arguments of its own, its trigger is left as it was found, whatever the end. What an admin set it to meanwhile
    stays. Elements still In Progress become Abandoned.

    Args:
        database: Where the job is.
        job_id: The job.
        fence: As its owner knows it.
        status: How it ended: DONE, FAILED, KILLED, TIMED_OUT or LOST.
        exit_code: Of the robot; negative for a signal; None if there was none.
        reason: Why, for people; cut to 1000 characters.
        error_log: Message for the log of its process, with level Error; None for none. It is there if this call ended
            the run, and only then.
        tell_retry: Told the retry that its trigger waits for because of this end, None for none. The last word counts,
            and only if this call ended the run: the transaction may be repeated.

    Returns:
        Whether this call ended it. False: it has ended before, or belongs to somebody else; nothing was changed.
    """
    text = None if reason is None else for_people(reason, database)

    def work(session: Session) -> bool:
        values = {"end_time": database.site_now(), "exit_code": exit_code, "reason": text, "lease_until": None}
        if not apply(session, _JOB_EVENTS[status], job_id, _JOBS.c.fence == fence, values=values):
            return False
        facts = facts_of(session, job_id)
        waiting = settle_trigger(session, database, job_id, facts, status)
        if tell_retry is not None:
            tell_retry(waiting)
        abandon_elements(session, database, job_id, status, text)
        if error_log is not None:
            log_end(session, database, job_id, facts.process_name, error_log)
        return True

    return write_guarded(database, work, read_back=_saved(job_id, fence, status))


def give_back(database: Database, run: FencedRun, reason: str, *, failed_starts: int | None = None) -> bool:
    """Return a claimed run that will not be started here: its trigger is due again, unless the run was to be killed.

    Args:
        database: Where the job is.
        run: The run, not begun.
        reason: Why, for people.
        failed_starts: How many starts for this due time were lost, this one included; None if this one does not count.

    Returns:
        Whether it was given back. False: it was begun, has ended, or belongs to somebody else.
    """
    text = for_people(reason, database)

    def work(session: Session) -> bool:
        values = {"end_time": database.site_now(), "reason": text, "lease_until": None}
        if not apply(session, JobEvent.GIVE_BACK, run.job_id, _JOBS.c.fence == run.fence, values=values):
            return False
        facts = facts_of(session, run.job_id)
        if facts.kill_requested:
            if run.trigger_id is not None:
                end(session, finish_event(facts), run.trigger_id, values={"failed_starts": 0})
            return True
        counted = None if failed_starts is None else {"failed_starts": failed_starts}
        return_to_trigger(session, database, facts, values=counted)
        return True

    return write_guarded(database, work, read_back=_saved(run.job_id, run.fence, JobStatus.KILLED))


def kill_requests(database: Database, job_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return which of these jobs an admin asked to kill: by themselves, or because their trigger is Killing."""
    ids = sorted(set(job_ids))
    if not ids:
        return frozenset()
    query = (
        sa.select(_JOBS.c.id)
        .select_from(_JOBS.outerjoin(TRIGGERS, TRIGGERS.c.id == _JOBS.c.trigger_id))
        .where(
            _JOBS.c.id.in_(ids),
            sa.or_(_JOBS.c.kill_requested_at.is_not(None), TRIGGERS.c.process_status == TriggerStatus.KILLING),
        )
    )
    return frozenset(database.read(lambda session: session.connection().execute(query).scalars().all()))


def _saved(job_id: UUID, fence: int, status: JobStatus) -> Callable[[Session], bool | None]:
    """Return how to read back whether a write that led to a status was saved: only the holder of the fence can."""

    def read_back(session: Session) -> bool | None:
        query = sa.select(_JOBS.c.status, _JOBS.c.fence).where(_JOBS.c.id == job_id)
        row = session.connection().execute(query).one_or_none()
        if row is not None and row.fence == fence:
            return True if row.status is status else None
        return False

    return read_back
