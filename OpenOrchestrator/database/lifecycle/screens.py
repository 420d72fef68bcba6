"""The screens of machines: one robot that needs the screen runs at a time on a machine, whichever scheduler starts it.

Owns who has a screen. It is taken by naming a job in the row of the machine, within the transaction that claims that
job, and is free again when that job has ended, however it did: nobody has to give it back, so nobody can fail to. The
row is locked from the question until the end of the transaction: of two schedulers that claim at the same time one
finds it locked, and leaves what needs the screen for its next look.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.engine.row_locks import free_only, unhindered
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.schedulers import Screen
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.database.leases import Identity
    from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
    from OpenOrchestrator.database.stores.trigger_rows import TriggerRow

_SCREENS = cast(sa.Table, Screen.__table__)
_JOBS = cast(sa.Table, Job.__table__)
_LONGEST_MACHINE = 255


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the screen of a machine.

    Attributes:
        name: Of the trigger.
        since: Naive site time.
    """

    job_id: UUID
    name: str
    since: datetime


def machine_key(machine: str | None, scheduler_name: str) -> str:
    """Return what a machine's screen is kept under: its name; where that is not known, that of its scheduler. Pure."""
    return (machine or scheduler_name).strip().casefold()[:_LONGEST_MACHINE]


def holders(session: Session, machine: str | None = None) -> dict[str, Holder]:
    """Return who has which screen, by the key of the machine; screens that are free are left out.

    Args:
        session: An open transaction.
        machine: Key of the only machine that is asked about; None for all.
    """
    columns = (_SCREENS.c.machine, _JOBS.c.id, _JOBS.c.trigger_name, _JOBS.c.process_name, _JOBS.c.start_time)
    query = sa.select(*columns).join_from(_SCREENS, _JOBS, _JOBS.c.id == _SCREENS.c.job_id)
    query = query.where(_JOBS.c.status.in_(ACTIVE_JOB_STATUSES))
    if machine is not None:
        query = query.where(_SCREENS.c.machine == machine)
    rows = session.connection().execute(unhindered(unhindered(query, _SCREENS), _JOBS))
    return {row.machine: Holder(row.id, row.trigger_name or row.process_name, row.start_time) for row in rows}


class OneScreen:
    """The limit that one robot at a time has the screen of a machine, for the length of one claim.

    Args:
        session: The transaction of the claim.
        identity: Who claims.
    """

    def __init__(self, session: Session, identity: Identity) -> None:
        self._session = session
        self._machine = machine_key(identity.machine, identity.name)
        self._is_free: bool | None = None

    def has_room(self, row: TriggerRow) -> bool:
        """Tell whether a trigger needs no screen, or the screen is free; keeps it locked from the first question on."""
        if not row.needs_screen:
            return True
        if self._is_free is None:
            self._is_free = self._lock()
        return self._is_free

    def take(self, row: TriggerRow) -> None:
        """Count the screen as taken if a trigger needs it."""
        if row.needs_screen:
            self._is_free = False

    def _lock(self) -> bool:
        connection = self._session.connection()
        own = sa.select(_SCREENS.c.job_id).where(_SCREENS.c.machine == self._machine)
        row = connection.execute(free_only(own, _SCREENS)).one_or_none()
        if row is None:
            # It is locked by somebody else's claim, or this is the first robot on this machine that needs the screen.
            return self._make()
        if row.job_id is None:
            return True
        # Asked only now that the row is locked: whoever had it before has ended its transaction, and its job is seen.
        active = (_JOBS.c.id == row.job_id, _JOBS.c.status.in_(ACTIVE_JOB_STATUSES))
        return connection.execute(sa.select(_JOBS.c.id).where(*active)).first() is None

    def _make(self) -> bool:
        """Make the row; False if somebody has it, or was faster."""
        there = unhindered(sa.select(_SCREENS.c.machine).where(_SCREENS.c.machine == self._machine), _SCREENS)
        if self._session.connection().execute(there).first() is not None:
            return False
        try:
            with self._session.begin_nested():
                self._session.connection().execute(sa.insert(_SCREENS).values(machine=self._machine))
        except sa.exc.IntegrityError:
            return False
        return True


def note_holder(session: Session, identity: Identity, runs: Iterable[ClaimedRun], *, now: datetime) -> None:
    """Note the job that has the screen from now on, if one of some runs needs it.

    Args:
        session: The transaction that claimed them, with the screen reserved in it.
        identity: Who claimed.
        runs: What was claimed.
        now: Aware.
    """
    own = _SCREENS.c.machine == machine_key(identity.machine, identity.name)
    for run in runs:
        if run.needs_screen:
            taken = sa.update(_SCREENS).where(own).values(job_id=run.job_id, taken_at=now)
            session.connection().execute(taken)
