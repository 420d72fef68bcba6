"""The last runs of triggers, and the jobs of theirs that have not ended. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

LAST_RUNS = 14
_WALKS = 50


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a trigger.

    Attributes:
        started: Naive site time.
    """

    job_id: UUID
    status: JobStatus
    started: datetime


def active(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Return those that have not ended. Pure."""
    return tuple(run for run in runs if run.status in ACTIVE_JOB_STATUSES)


def running(session: Session, ids: Collection[UUID]) -> dict[UUID, tuple[Run, ...]]:
    """Return the jobs that have not ended of triggers, which may be more than their last runs; the longest first."""
    if not ids:
        return {}
    query = sa.select(Job.trigger_id, Job.id, Job.status, Job.start_time).where(Job.status.in_(ACTIVE_JOB_STATUSES))
    found: dict[UUID, list[Run]] = {}
    for trigger, job, status, started in session.execute(query).all():
        if trigger is not None and trigger in ids:
            found.setdefault(trigger, []).append(Run(job, status, started))
    return {key: tuple(sorted(each, key=lambda run: (run.started, run.job_id.bytes))) for key, each in found.items()}


def last_runs(session: Session, ids: Iterable[UUID], count: int = LAST_RUNS) -> dict[UUID, tuple[Run, ...]]:
    """Return the last runs of triggers, oldest first, by trigger."""
    wanted = list(ids)
    runs: dict[UUID, list[Run]] = {}
    for start in range(0, len(wanted), _WALKS):
        some = wanted[start : start + _WALKS]
        for number, *run in session.execute(_walks(len(some), count), _numbered(some)).all():
            runs.setdefault(some[number], []).append(Run(*run))
    return {key: tuple(sorted(each, key=lambda run: (run.started, run.job_id.bytes))) for key, each in runs.items()}


@cache
def _walks(triggers: int, most: int) -> Any:
    """Return the query of the last runs of so many triggers; kept, because to build it takes longer than to run it."""
    # One short walk along the index for each trigger: numbering all their jobs would read the whole history.
    parts: list[Any] = []
    for number in range(triggers):
        newest = sa.select(sa.literal(number).label("number"), Job.id, Job.status, Job.start_time)
        newest = newest.where(Job.trigger_id == sa.bindparam(f"trigger_{number}"))
        newest = newest.order_by(Job.start_time.desc(), Job.id.desc()).limit(most)
        parts.append(sa.select(newest.subquery()))
    return sa.union_all(*parts)


def _numbered(triggers: Sequence[UUID]) -> dict[str, UUID]:
    return {f"trigger_{number}": trigger for number, trigger in enumerate(triggers)}
