"""Failures grouped by what caused them, rather than job by job. Pure.

Two failures have one cause when they ended the same way and their reasons say the same but for numbers, ids, times,
paths and quoted names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.orchestrator.backend.causes import cause_key, normalised, title_of


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that ended badly.

    Attributes:
        name: Of its trigger, or its process.
        reason: Why it ended, as far as is known.
        ended: Naive site time.
    """

    job_id: UUID
    status: JobStatus
    name: str
    trigger_id: UUID | None
    scheduler: str
    reason: str
    ended: datetime


@dataclass(frozen=True, slots=True)
class Cause:
    """Why several jobs failed.

    Attributes:
        key: Tells causes apart, the same at every look.
        title: The newest reason, in one line.
        names: Of triggers or processes, the newest first.
        triggers: Their ids.
        schedulers: Where they ran.
        first: Naive site time of the first of them.
        last: Naive site time of the last.
        newest: The last job.
        filter: What stands for it in the address of a list.
    """

    key: str
    status: JobStatus
    title: str
    names: tuple[str, ...]
    triggers: tuple[UUID, ...]
    schedulers: tuple[str, ...]
    count: int
    first: datetime
    last: datetime
    newest: UUID
    filter: str


def group(jobs: Iterable[FailedJob]) -> tuple[Cause, ...]:
    """Return the causes of failed jobs, the one seen last first."""
    groups: dict[tuple[JobStatus, str], list[FailedJob]] = {}
    for job in jobs:
        groups.setdefault((job.status, normalised(job.reason)), []).append(job)
    causes = [_cause(key, members) for key, members in groups.items()]
    return tuple(sorted(causes, key=lambda cause: (cause.last, cause.key), reverse=True))


def _cause(key: tuple[JobStatus, str], jobs: list[FailedJob]) -> Cause:
    jobs = sorted(jobs, key=lambda job: (job.ended, job.job_id.bytes), reverse=True)
    status, text = key
    return Cause(
        key=f"{status.name} {text}",
        status=status,
        title=title_of(jobs[0].reason),
        names=tuple(dict.fromkeys(job.name for job in jobs)),
        triggers=tuple(dict.fromkeys(job.trigger_id for job in jobs if job.trigger_id is not None)),
        schedulers=tuple(dict.fromkeys(job.scheduler for job in jobs)),
        count=len(jobs),
        first=jobs[-1].ended,
        last=jobs[0].ended,
        newest=jobs[0].job_id,
        filter=cause_key(jobs[0].reason),
    )
