"""What of a job its supervisor needs, whoever claimed it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.lifecycle.ownership import OwnedJob


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisedJob:
    """The job of a supervisor.

    Attributes:
        job_id: Its id.
        fence: Goes with every write about it.
        trigger_name: For log lines.
        process_name: Whose Error log gets the reason when it fails.
        is_blocking: Nothing else may run on this machine meanwhile.
        timeout_seconds: How long its robot may run.
        soft_seconds: How long it is asked then to come to an end by itself.
        terminate_seconds: How long it has after that to terminate, before it is killed; None for the usual time.
        needs_screen: It has the screen of this machine.
    """

    job_id: UUID
    fence: int
    trigger_name: str
    process_name: str
    is_blocking: bool
    timeout_seconds: int | None
    soft_seconds: int = 0
    terminate_seconds: int | None = None
    needs_screen: bool = False

    @classmethod
    def of(cls, run: ClaimedRun) -> SupervisedJob:
        """Return the job of a run that was claimed."""
        return cls(
            job_id=run.job_id,
            fence=run.fence,
            trigger_name=run.trigger_name,
            process_name=run.process_name,
            is_blocking=run.is_blocking,
            timeout_seconds=run.timeout_seconds,
            soft_seconds=run.soft_seconds,
            terminate_seconds=run.terminate_seconds,
            needs_screen=run.needs_screen,
        )

    @classmethod
    def of_adopted(cls, job: OwnedJob) -> SupervisedJob:
        """Return the job of a run that an earlier start of this scheduler claimed, with the fence it has now."""
        return cls(
            job_id=job.job_id,
            fence=job.fence,
            trigger_name=job.trigger_name or job.process_name,
            process_name=job.process_name,
            is_blocking=job.is_blocking,
            timeout_seconds=job.timeout_seconds,
            soft_seconds=job.soft_seconds,
            terminate_seconds=job.terminate_seconds,
        )
