"""What admins asked to kill: looks for it, and has it stopped.

Owns the way from the request in the database to the supervisor. How a robot is stopped is in ``supervisor`` and, in
the robot host, in ``robot_stop``.
"""

from __future__ import annotations

from collections.abc import Sequence

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle import runs
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.runs import endings
from OpenOrchestrator.scheduler.runs.supervisor import Supervisor


def carry_out(database: Database, supervisors: Sequence[Supervisor], events: Events) -> None:
    """Stop those of these runs that an admin asked to kill, each at the first request.

    Raises:
        DatabaseError: The database cannot be used now.
    """
    by_job = {supervisor.job.job_id: supervisor for supervisor in supervisors}
    if not by_job:
        return
    for job_id in runs.kill_requests(database, list(by_job)):
        if by_job[job_id].kill(endings.KILLED_BY_ADMIN):
            events.kill_requested(job_id, by_job[job_id].job.trigger_name)
