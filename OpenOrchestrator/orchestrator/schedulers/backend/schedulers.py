"""Schedulers for the pages: who they are, when they were last heard from, and what runs on them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from OpenOrchestrator.database.attention import is_silent
from OpenOrchestrator.database.engine.dialects import DatabaseUtcNow
from OpenOrchestrator.database.stores import cordons, schedulers
from OpenOrchestrator.database.stores.cordons import Mark
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.tables import JOBS as _J
from OpenOrchestrator.orchestrator.backend.tables import SCHEDULERS as _S
from OpenOrchestrator.orchestrator.jobs.backend.rows import active_jobs

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class SchedulerRow:
    """A scheduler as lists show it.

    Attributes:
        host: Name of its machine; None from earlier versions.
        seen: Naive site time of its last heartbeat.
        silent: Whether it has not been heard from for too long.
        running: Names of the triggers (or processes) of the jobs that run on it.
        slots: How many jobs it runs at once; None from earlier versions.
        last_trigger: The one it started last.
        last_start: Naive site time of that.
        cordon: Asked to start nothing new.
        drain: Asked to end when its robots have.
        stopping: Since when it was asked on its machine to stop, and waits for its robots, aware.
        labels: What it carries for triggers that require labels, as it last said.
    """

    name: str
    host: str | None
    version: str | None
    seen: datetime
    silent: bool
    running: tuple[str, ...]
    slots: int | None
    last_trigger: str | None
    last_start: datetime | None
    cordon: Mark | None = None
    drain: Mark | None = None
    stopping: datetime | None = None
    labels: tuple[str, ...] = ()

    @property
    def obeys(self) -> bool:
        """Whether it is of a version that knows what a cordon and a drain are."""
        return self.version is not None


class SchedulersBackend(Backend):
    """What is known of schedulers, what they are asked to do, and taking a silent one off the list."""

    async def rows(self) -> tuple[SchedulerRow, ...]:
        """Return all schedulers: those not heard from first, then by name."""
        return await self._read(self._rows)

    async def heard_from(self) -> tuple[str, ...]:
        """Return the names of those that are heard from, by name."""
        return tuple(row.name for row in await self.rows() if not row.silent)

    async def cordon(self, name: str, by: str | None) -> bool:
        """Let a scheduler start nothing new. False if it was cordoned already, or is gone."""
        return await self._write(lambda session: cordons.cordon(session, name, by=by))

    async def uncordon(self, name: str) -> bool:
        """Let a scheduler start robots again, and call a drain off. False if there was nothing to take away."""
        return await self._write(lambda session: cordons.uncordon(session, name))

    async def drain(self, name: str, by: str | None) -> bool:
        """Let a scheduler end when its robots have, and cordon it. False if that was asked already, or it is gone."""
        return (await self._write(lambda session: cordons.drain(session, name, by=by))).is_new

    async def forget(self, row: SchedulerRow) -> bool:
        """Take a scheduler off the list that is not heard from; its jobs and logs stay.

        Returns:
            False if it has been heard from since ``row`` was read, or is gone.
        """

        def work(session: Session) -> bool:
            found = sa.select(_S.c.heartbeat_at, _S.c.last_update).where(_S.c.machine_name == row.name)
            stored = session.execute(found).one_or_none()
            if stored is None or not self._is_silent(stored):
                return False
            # Guarded by what was read, and by the lease on the database's clock: a heartbeat in between wins.
            lapsed = sa.or_(_S.c.lease_until.is_(None), _S.c.lease_until < DatabaseUtcNow())
            beat = _S.c.heartbeat_at
            same = beat.is_(None) if stored.heartbeat_at is None else beat == stored.heartbeat_at
            guards = (_S.c.machine_name == row.name, _S.c.last_update == stored.last_update, same, lapsed)
            return bool(cast("sa.CursorResult[Any]", session.execute(sa.delete(_S).where(*guards))).rowcount)

        return await self._write(work)

    def _rows(self, session: Session) -> tuple[SchedulerRow, ...]:
        running: dict[str, list[str]] = {}
        columns = (_J.c.scheduler_name, _J.c.trigger_name, _J.c.process_name, _J.c.start_time, _J.c.id)
        for job in active_jobs(session, *columns):
            running.setdefault(job.scheduler_name, []).append(job.trigger_name or job.process_name)
        rows = [
            SchedulerRow(
                name=found.machine_name,
                host=found.host_name,
                version=found.version,
                seen=self._seen(found),
                silent=self._is_silent(found),
                running=tuple(running.get(found.machine_name, ())),
                slots=found.slots,
                last_trigger=found.latest_trigger,
                last_start=found.latest_trigger_time,
                cordon=None if found.cordoned_at is None else Mark(found.cordoned_at, found.cordoned_by),
                drain=None if found.drain_at is None else Mark(found.drain_at, found.drain_by),
                stopping=found.stopping_at,
                labels=tuple(found.labels or ()),
            )
            for found in schedulers.find_all(session)
        ]
        return tuple(sorted(rows, key=lambda row: (not row.silent, row.name.casefold(), row.name)))

    def _seen(self, found: Any) -> datetime:
        if found.heartbeat_at is None:
            return cast("datetime", found.last_update)
        beat = cast("datetime", found.heartbeat_at)
        return beat.astimezone(self._database.zone).replace(tzinfo=None)

    def _is_silent(self, found: Any) -> bool:
        site_now = self._database.site_now()
        return is_silent(found.heartbeat_at, found.last_update, now=self._now(), site_now=site_now)
