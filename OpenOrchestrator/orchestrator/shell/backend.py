"""The counts beside the navigation: what needs attention, and what runs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from OpenOrchestrator.database import attention
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.schedulers import Scheduler
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, QueueStatus
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.triggers.backend.rows import joined

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.common.clock import Clock
    from OpenOrchestrator.database.engine.database import Database

QUEUES_SECONDS = 30.0
"""Counting failed elements reads a whole index, so it is done less often."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the navigation shows.

    Attributes:
        triggers: That need attention: failed, late or stuck.
        jobs: Active ones.
        queues: Failed elements.
        schedulers: Not heard from.
    """

    triggers: int
    jobs: int
    queues: int
    schedulers: int

    def of(self, badge: str) -> tuple[int, int]:
        """Return how many need attention, and otherwise how many there are, for a badge of the navigation."""
        if badge == "jobs":
            return 0, self.jobs
        return int(getattr(self, badge, 0)), 0


class CountsBackend(Backend):
    """Counts for the navigation. One transaction per call."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock)
        self._failed = 0
        self._failed_due = 0.0

    async def counts(self) -> Counts:
        """Return the counts of now; failed elements at most 30 s old."""
        return await self._read(self._count)

    def _count(self, session: Session) -> Counts:
        site_now = self._database.site_now()
        triggers = session.execute(
            sa.select(sa.func.count()).select_from(joined()).where(attention.troubled(site_now))
        ).scalar_one()
        jobs = session.execute(
            sa.select(sa.func.count()).select_from(Job).where(Job.status.in_(ACTIVE_JOB_STATUSES))
        ).scalar_one()
        unheard = attention.silent(now=self._now(), site_now=site_now)
        silent = session.execute(sa.select(sa.func.count()).select_from(Scheduler).where(unheard)).scalar_one()
        return Counts(triggers=triggers, jobs=jobs, queues=self._failed_elements(session), schedulers=silent)

    def _failed_elements(self, session: Session) -> int:
        if time.monotonic() >= self._failed_due:
            self._failed = session.execute(
                sa.select(sa.func.count()).select_from(QueueElement).where(QueueElement.status == QueueStatus.FAILED)
            ).scalar_one()
            self._failed_due = time.monotonic() + QUEUES_SECONDS
        return self._failed
