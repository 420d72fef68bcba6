"""What a scheduler finds when it starts again: its robots that went on, their recorded ends, and what is left over.

Owns the decision what becomes of each. Must never lead to a second robot for a job: what may still run is followed
or ended, never started again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psutil

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import runs
from OpenOrchestrator.database.lifecycle.runs import MOST_FAILED_STARTS, OwnedJob
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus
from OpenOrchestrator.database.stores import jobs
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.runs import endings
from OpenOrchestrator.scheduler.runs.endings import Ending
from OpenOrchestrator.scheduler.runs.error_log import log_error
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory, find_runs, run_root
from OpenOrchestrator.scheduler.runs.run_record import SupervisedJob

_SAME_START_SECONDS = 2.0
_KEEP_UNKNOWN_RUNS = timedelta(days=7)
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


def is_dead_here(pid: int, pid_started: float) -> bool:
    """Tell whether a daemon that ran on this machine is certainly gone.

    Args:
        pid: Its process id.
        pid_started: Its create time as psutil tells it.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        # Create times of the same process differ a little when the machine's clock was set meanwhile.
        return abs(process.create_time() - pid_started) > _SAME_START_SECONDS
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


def recover(database: Database, identity: Identity, *, workspace: Path, events: Events) -> Iterator[Adopted]:
    """Settle or hand over every active job under this scheduler's name, and end what is left of jobs that are over.

    Args:
        database: Where the jobs are.
        identity: This scheduler, enrolled.
        workspace: Where the run directories are.
        events: Told about everything found.

    Yields:
        The runs to follow on, as soon as each is known.

    Raises:
        DatabaseError: If the database cannot be used.
    """
    directories = {directory.job_id: directory for directory in find_runs(workspace)}
    for job in runs.jobs_of(database, identity.name):
        directory = directories.pop(job.job_id, RunDirectory(run_root(workspace) / str(job.job_id)))
        adopted = _recover_job(database, identity, job, directory, events)
        if adopted is not None:
            yield adopted
    for directory in directories.values():
        _clear_up(database, directory, events)


def _recover_job(
    database: Database, identity: Identity, job: OwnedJob, directory: RunDirectory, events: Events
) -> Adopted | None:
    fence = runs.adopt(database, identity, job.job_id, job.fence)
    if fence is None:
        _clear_up(database, directory, events)
        return None
    job = replace(job, fence=fence)
    name = job.trigger_name or job.process_name
    if job.status is JobStatus.STARTING:
        _return_unstarted(database, job, events)
        return None
    if directory.read_exit() is None and directory.read_host() is None:
        # Nothing was handed to a host, so no robot can have been started; or the workspace is another one now.
        _end_processes(directory, events)
        _settle(database, job, endings.never_found(), events)
        directory.remove()
        return None
    host = directory.read_host()
    if host is not None and job.host_pid is None:
        runs.record_start(
            database,
            job,
            host_pid=host.host_pid,
            host_started=host.host_started,
            commit_sha=job.commit_sha,
            started_at=host.started_at or database.utc_now(),
        )
    events.adopted(job.job_id, name, pid=None if host is None else host.robot_pid)
    return Adopted(
        SupervisedJob(
            job_id=job.job_id,
            fence=job.fence,
            trigger_name=name,
            process_name=job.process_name,
            is_blocking=job.is_blocking,
            timeout_seconds=job.timeout_seconds,
        ),
        directory,
    )


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
    if not runs.finish(
        database, job.job_id, job.fence, status=ending.status, exit_code=ending.exit_code, reason=ending.reason
    ):
        events.late_finish(job.job_id, name, status=ending.status.value, reason=reason)
        return
    events.failed(job.job_id, name, status=ending.status.value, reason=reason, exit_code=ending.exit_code, seconds=None)
    log_error(database, process_name=job.process_name, job_id=job.job_id, message=reason)


def _clear_up(database: Database, directory: RunDirectory, events: Events) -> None:
    """End and delete what is left of a run, if its job is known to be over."""
    job_id = directory.job_id
    job = database.read(lambda session: jobs.get(session, job_id))
    exit_info = directory.read_exit()
    if job is None:
        # Perhaps a run of another database whose scheduler shares this workspace: not ours to end.
        if exit_info is not None and database.utc_now() - exit_info.ended_at > _KEEP_UNKNOWN_RUNS:
            directory.remove()
        return
    if job.status in ACTIVE_JOB_STATUSES:
        return  # another scheduler's, or of a run at a terminal
    if exit_info is None:
        _end_processes(directory, events)
    elif job.status is JobStatus.LOST:
        ending = endings.ending_of(exit_info, timeout_seconds=None)
        words = f"{ending.status.value}{': ' + ending.reason if ending.reason else ''}"
        name = job.trigger_name or job.process_name
        events.late_finish(job_id, name, status=ending.status.value, reason=ending.reason or "")
        log_error(
            database,
            process_name=job.process_name,
            job_id=job_id,
            message=f"The robot went on and ended ({words}) after its job had been settled without it.",
        )
    directory.remove()


def _end_processes(directory: RunDirectory, events: Events) -> None:
    found = len(directory.leftovers())
    if found:
        directory.kill_leftovers()
        events.leftover_killed(UUID(directory.path.name), found)
