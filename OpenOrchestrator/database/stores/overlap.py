"""How many jobs of one trigger may run at the same time, and when a queue trigger starts another one. Pure.

A trigger has one job at a time unless it says otherwise, and a single trigger never has more. Must not know who starts
a job, nor what runs now: that is read in ``running_triggers``, and counted again by the claim.
"""

from __future__ import annotations

from dataclasses import dataclass

from OpenOrchestrator.database.statuses import TriggerType

DEFAULT_MOST_JOBS = 1
"""One run at a time, as in earlier versions."""

LARGEST_MOST_JOBS = 1000


def most_jobs(kind: TriggerType, stored: int | None) -> int:
    """Return how many jobs of a trigger may run at the same time; NULL and garbage mean one.

    Args:
        kind: Of the trigger; a single one runs once, so never beside itself.
        stored: What is stored.
    """
    if kind is TriggerType.SINGLE or stored is None or stored < DEFAULT_MOST_JOBS:
        return DEFAULT_MOST_JOBS
    return min(stored, LARGEST_MOST_JOBS)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueScaling:
    """What a queue trigger says about how many jobs its queue is worth.

    Attributes:
        most: Jobs at the same time.
        batch: New elements it takes to start a job that has nothing running beside it; at least 1.
        per_job: Elements that one job stands for; at least 1.
    """

    most: int
    batch: int
    per_job: int

    def wanted(self, in_progress: int, running: int) -> int:
        """Return how many New elements it takes to start another job.

        Each running job still has to take what it has not taken of its share. Only what is beyond that is a reason for
        another one, and it has to be a batch as for the first.

        Args:
            in_progress: Elements that the running jobs are working on, no more than ``per_job`` of each counted.
            running: Jobs of the trigger that have not ended.
        """
        return self.batch + max(0, running * self.per_job - in_progress)

    def may_start(self, new: int, in_progress: int, running: int) -> bool:
        """Tell whether another job may start.

        Args:
            new: New elements in the queue.
            in_progress: As in ``wanted``.
            running: As in ``wanted``.
        """
        return running < self.most and new >= self.wanted(in_progress, running)


def scaling_of(max_jobs: int | None, min_batch_size: int | None, elements_per_job: int | None) -> QueueScaling:
    """Return what a queue trigger says, from what is stored; NULL and garbage mean what older versions did.

    Where nothing is said of the elements per job, a job stands for one batch.
    """
    batch = max(min_batch_size or 1, 1)
    per_job = batch if elements_per_job is None or elements_per_job < 1 else elements_per_job
    return QueueScaling(most=most_jobs(TriggerType.QUEUE, max_jobs), batch=batch, per_job=per_job)
