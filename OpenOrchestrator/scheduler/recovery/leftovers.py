"""What is left on this machine of runs whose job is over: processes, run directories, output that is not stored yet.

Owns whether it may be ended and deleted. Must not touch what a job that has not ended may still need.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from OpenOrchestrator.common.errors import DatabaseError, TransientDatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus
from OpenOrchestrator.database.stores import job_output, jobs
from OpenOrchestrator.scheduler.contact import is_passing
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.runs import endings, error_log
from OpenOrchestrator.scheduler.runs.output_pump import OutputPump
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory, find_runs

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_KEEP_UNKNOWN_RUNS = timedelta(days=7)


def clear_up_all(
    database: Database, workspace: Path, events: Events, *, followed: Callable[[], Collection[UUID]]
) -> None:
    """Clear up after all runs of a workspace whose job is over and that nobody follows here.

    One that cannot be stored now, because somebody holds rows locked, holds up none of the others.

    Args:
        database: Where the jobs are.
        workspace: Where the run directories are.
        events: Told about everything found.
        followed: Returns the jobs that are followed.

    Raises:
        DatabaseError: The database cannot be used now.
    """
    passed_over: list[TransientDatabaseError] = []
    for directory in find_runs(workspace):
        if directory.job_id in followed():
            continue
        try:
            clear_up(database, directory, events)
        except TransientDatabaseError as error:
            passed_over.append(error)
    if passed_over:
        raise passed_over[0]


def clear_up(database: Database, directory: RunDirectory, events: Events) -> None:
    """End and delete what is left of a run, if its job is known to be over; what is not stored yet is stored.

    Trouble with the files of the run is told, and leaves them as they are.

    Raises:
        DatabaseError: The database cannot be reached now.
    """
    try:
        _clear_up(database, directory, events)
    except OSError as error:
        events.unexpected(f"clearing up after job {directory.job_id}", error)


def _clear_up(database: Database, directory: RunDirectory, events: Events) -> None:
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
    name = job.trigger_name or job.process_name
    if exit_info is None:
        end_processes(directory, events)
    log = error_log.kept_in(directory)
    if log is not None:
        _complete_log(database, log, directory, job.process_name, events)
    if exit_info is not None and not _complete_output(database, directory, name, job.reason, events):
        return
    if exit_info is not None and job.status is JobStatus.LOST and log is None:
        ending = endings.ending_of(exit_info, timeout_seconds=None)
        words = f"{ending.status.value}{': ' + ending.reason if ending.reason else ''}"
        events.late_finish(job_id, name, status=ending.status.value, reason=ending.reason or "")
        error_log.log_error(
            database,
            process_name=job.process_name,
            job_id=job_id,
            message=f"The robot went on and ended ({words}) after its job had been settled without it.",
        )
    directory.remove()


def _complete_log(
    database: Database, log: error_log.ErrorLog, directory: RunDirectory, process_name: str, events: Events
) -> None:
    """Store what the database had not taken when the run ended; what it refuses for good is given up."""
    try:
        log.store(database, process_name=process_name, job_id=directory.job_id)
    except DatabaseError as error:
        if is_passing(error):
            raise
        events.unexpected(f"logging the end of job {directory.job_id}", error)
    else:
        events.log_completed(directory.job_id, process_name)
    directory.drop_log()


def _complete_output(
    database: Database, directory: RunDirectory, name: str, reason: str | None, events: Events
) -> bool:
    """Store what the database had not taken when the run ended; False if it still does not take all."""
    job_id = directory.job_id
    pump = OutputPump(database, job_id, directory)
    while pump.pump_storable():
        continue
    if pump.missing:
        return False

    complete = None if reason is None else endings.without_output_kept(reason)

    def say_complete(session: Session) -> None:
        job_output.unmark_end(session, job_id)
        if reason is not None and complete != reason:
            jobs.change_reason(session, job_id, reason, complete)

    # Not only if something was added: a scheduler may have died after it had added the last piece.
    database.write(say_complete, read_back=lambda _session: None)
    if pump.added or complete != reason:
        events.output_completed(job_id, name)
    return True


def end_processes(directory: RunDirectory, events: Events) -> None:
    """Kill every process that carries the mark of a run, its host included, and tell if there was one.

    Raises:
        OSError: This process has no file descriptors to look for them.
    """
    found = len(directory.leftovers())
    if found:
        directory.kill_leftovers()
        events.leftover_killed(directory.job_id, found)
