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
    """

    job_id: UUID
    fence: int
    trigger_name: str
    process_name: str
    is_blocking: bool
    timeout_seconds: int | None

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
        )
