"""What becomes of the jobs that an earlier start of this scheduler left: followed on, settled, or due again.

Owns the decision what becomes of each. Must never lead to a second robot for a job: what may still run is followed
or ended, never started again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from OpenOrchestrator.common.errors import DatabaseError, TransientDatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import ownership, runs
from OpenOrchestrator.database.lifecycle.ownership import MOST_FAILED_STARTS, OwnedJob
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.database.stores.trigger_rows import WaitingRetry
from OpenOrchestrator.scheduler import failpoints
from OpenOrchestrator.scheduler.contact import is_outage
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.recovery.leftovers import clear_up, end_processes
from OpenOrchestrator.scheduler.runs import endings
from OpenOrchestrator.scheduler.runs.endings import Ending
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory, find_runs, run_root
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob

_RESTARTED = "its scheduler ended before the robot was started"


@dataclass(frozen=True, slots=True)
class Adopted:
    """A run to be followed on.

    Attributes:
        job: The run, with its new fence.
        directory: Where its host writes.
    """

    job: SupervisedJob
    directory: RunDirectory


def recover(
    database: Database,
    identity: Identity,
    *,
    workspace: Path,
    events: Events,
    followed: Callable[[], Collection[UUID]] = tuple,
) -> Iterator[Adopted]:
    """Settle or hand over every active job under this scheduler's name, and end what is left of jobs that are over.

    May be called again after it failed half way: what was handed over is followed by then, and left alone. A job whose
    rows cannot be written now, because somebody holds them locked, holds up none of the others.

    Args:
        database: Where the jobs are.
        identity: This scheduler, enrolled.
        workspace: Where the run directories are.
        events: Told about everything found.
        followed: Returns the jobs that are followed already.

    Yields:
        The runs to follow on, as soon as each is known.

    Raises:
        DatabaseError: If the database cannot be used.
        TransientDatabaseError: At the end, if jobs were passed over that way.
    """
    passed_over: list[TransientDatabaseError] = []
    directories = {directory.job_id: directory for directory in find_runs(workspace)}
    for job in ownership.jobs_of(database, identity.name):
        if job.job_id in followed():
            continue
        directory = directories.pop(job.job_id, RunDirectory(run_root(workspace) / str(job.job_id)))
        try:
            adopted = _recover_job(database, identity, job, directory, events)
        except TransientDatabaseError as error:
            passed_over.append(error)
            continue
        if adopted is not None:
            yield adopted
    for directory in directories.values():
        if directory.job_id in followed():
            continue
        try:
            clear_up(database, directory, events)
        except TransientDatabaseError as error:
            passed_over.append(error)
    if passed_over:
        raise passed_over[0]


def _recover_job(
    database: Database, identity: Identity, job: OwnedJob, directory: RunDirectory, events: Events
) -> Adopted | None:
    fence = ownership.adopt(database, identity, job.job_id, job.fence)
    if fence is None:
        clear_up(database, directory, events)
        return None
    job = replace(job, fence=fence)
    name = job.trigger_name or job.process_name
    if job.status is JobStatus.STARTING:
        _return_unstarted(database, job, events)
        return None
    try:
        if directory.read_exit() is None and directory.read_host() is None:
            # Nothing was handed to a host, so no robot can have been started; or the workspace is another one now.
            end_processes(directory, events)
            _settle(database, job, endings.never_found(), events)
            directory.remove()
            return None
        pid = _record_host(database, job, directory)
    except Exception as error:
        if isinstance(error, DatabaseError) and is_outage(error):
            raise
        # A robot may run: it is followed, and whoever follows it tries to read its files until that succeeds.
        events.following_trouble(job.job_id, name, error)
        pid = None
    events.adopted(job.job_id, name, pid=pid)
    return Adopted(SupervisedJob.of_adopted(job), directory)


def _record_host(database: Database, job: OwnedJob, directory: RunDirectory) -> int | None:
    """Store which processes a run has, if that is not known yet, and return the id of its robot's."""
    host = directory.read_host()
    if host is None:
        return None
    if job.host_pid is None:
        runs.record_start(
            database,
            job,
            host_pid=host.host_pid,
            host_started=host.host_started,
            commit_sha=job.commit_sha,
            started_at=host.started_at or database.utc_now(),
        )
    return host.robot_pid


def _return_unstarted(database: Database, job: OwnedJob, events: Events) -> None:
    """Let a run that never had a robot be due again, and count it as a failed start; the third one fails."""
    if job.trigger_id is None or job.attempt >= MOST_FAILED_STARTS:
        reason = f"{_RESTARTED}; this was start {job.attempt} in a row that was lost, so it is not tried again"
        _settle(database, job, Ending(JobStatus.FAILED, None, reason), events)
        return
    if runs.give_back(database, job, _RESTARTED, failed_starts=job.attempt):
        events.given_back(job.job_id, job.trigger_name or job.process_name, _RESTARTED)


def _settle(database: Database, job: OwnedJob, ending: Ending, events: Events) -> None:
    name = job.trigger_name or job.process_name
    reason = ending.reason or ""
    waiting: list[WaitingRetry | None] = [None]
    if not runs.finish(
        database,
        job.job_id,
        job.fence,
        status=ending.status,
        exit_code=ending.exit_code,
        reason=ending.reason,
        error_log=reason,
        tell_retry=waiting.append,
    ):
        events.late_finish(job.job_id, name, status=ending.status.value, reason=reason)
        return
    failpoints.reach(failpoints.AFTER_FINISH)
    events.failed(
        job.job_id,
        name,
        status=ending.status.value,
        reason=reason,
        exit_code=ending.exit_code,
        seconds=None,
        retry=waiting[-1],
    )
