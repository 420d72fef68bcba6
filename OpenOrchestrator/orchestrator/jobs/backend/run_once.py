"""Asking for a run of a trigger with arguments of its own, from scratch or as an earlier job ran."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.common.redaction import MASK, secrets_of
from OpenOrchestrator.common.shown_arguments import shown
from OpenOrchestrator.database.attention import is_silent
from OpenOrchestrator.database.statuses import HELD_TRIGGER_STATUSES, TriggerStatus
from OpenOrchestrator.database.stores import run_requests, triggers, validation
from OpenOrchestrator.database.stores.run_requests import RunOnce
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.tables import JOBS, SCHEDULERS
from OpenOrchestrator.orchestrator.backend.tables import TRIGGERS as _T

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

LONGEST_ARGUMENTS = 1000
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class KnownScheduler:
    """A scheduler that a run can be asked of.

    Attributes:
        is_silent: Nobody has heard of it for a while.
    """

    name: str
    is_silent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What a run once begins with, for people to change.

    Attributes:
        job_id: The job it repeats; None if it repeats none.
        job_arguments: Whether the arguments are what that job ran with, and not what its trigger has now, because that
            is not known of jobs of earlier versions.
        arguments: With what must not be seen replaced by ``***``.
        hides: Whether anything in them was replaced.
        has_next: Whether the trigger has a time to run at; a single one has none once its time has passed.
        whitelist: Schedulers that the trigger may run on; empty for any.
        schedulers: Those that are known.
    """

    trigger_id: UUID
    name: str
    status: TriggerStatus
    job_id: UUID | None
    job_arguments: bool
    arguments: str
    hides: bool
    has_next: bool
    whitelist: tuple[str, ...]
    schedulers: tuple[KnownScheduler, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWish:
    """What somebody made of a plan.

    Attributes:
        arguments: None for those of the plan as they are, what is hidden included.
        scheduler: None for any that the trigger may run on.
        by: Who asks, as they call themselves.
        enable: Whether the trigger is to run by its schedule again as well, from its next time on.
    """

    arguments: str | None
    scheduler: str | None = None
    by: str | None = None
    enable: bool = False


class _RefusedError(Exception):
    """Rolls the transaction back: the trigger runs, or a run of it is waiting."""


class RunOnceBackend(Backend):
    """Runs with arguments of their own; asking for one is guarded and leaves the trigger as it is."""

    async def of_trigger(self, trigger_id: UUID) -> RunPlan:
        """Return what a run of a trigger begins with: its own arguments.

        Raises:
            NotFoundError: If there is no such trigger.
        """
        return await self._read(lambda session: self._plan(session, trigger_id, None))

    async def of_job(self, job_id: UUID) -> RunPlan:
        """Return what a run like that of a job begins with: what it ran with.

        Raises:
            NotFoundError: If the job or its trigger is not there.
        """

        def work(session: Session) -> RunPlan:
            trigger_id = session.execute(sa.select(JOBS.c.trigger_id).where(JOBS.c.id == job_id)).scalar_one_or_none()
            if trigger_id is None:
                raise NotFoundError("Nothing can be run again: the job, or what it ran for, is not known.")
            return self._plan(session, trigger_id, job_id)

        return await self._read(work)

    async def ask(self, plan: RunPlan, wish: RunWish) -> bool:
        """Ask for a run; the next free scheduler starts it.

        Returns:
            False if the trigger runs by now, or a run of it is waiting; nothing was changed.

        Raises:
            InvalidInputError: If the arguments cannot be stored, or hold what stands for something hidden.
        """
        given = wish.arguments
        if given is not None:
            given = validation.text(given, "arguments", LONGEST_ARGUMENTS, self._database.dialect_name)
            if MASK in given and plan.hides:
                raise InvalidInputError(
                    f"{MASK} stands for what is not shown here. Enter the whole arguments, or leave them as they are."
                )
        scheduler = self._name(wish.scheduler, "scheduler")
        by = self._name(wish.by, "name")

        def work(session: Session) -> bool:
            arguments, first = self._begins_with(session, plan)
            now = self._now()
            if wish.enable:
                stopped = _T.c.process_status.in_((*HELD_TRIGGER_STATUSES, TriggerStatus.PAUSED))
                zone = self._database.zone
                guards = (stopped, triggers.has_next(now=now, zone=zone))
                triggers.enable_from_next(session, plan.trigger_id, *guards, now=now, zone=zone)
            run = RunOnce(
                arguments=arguments if given is None else given,
                scheduler_name=scheduler,
                again_of=first,
                requested_by=by,
            )
            if not run_requests.request_once(session, plan.trigger_id, run, now=now):
                raise _RefusedError
            return True

        try:
            return await self._write(work)
        except _RefusedError:
            return False

    def _plan(self, session: Session, trigger_id: UUID, job_id: UUID | None) -> RunPlan:
        columns = (_T.c.trigger_name, sa.cast(_T.c.process_status, sa.String(50)).label("status"), _T.c.process_args)
        has_next = sa.case((triggers.has_next(now=self._now(), zone=self._database.zone), 1), else_=0).label("has_next")
        query = sa.select(*columns, _T.c.scheduler_whitelist, has_next).where(_T.c.id == trigger_id)
        row = session.execute(query).one_or_none()
        if row is None:
            raise NotFoundError("Its trigger is not there: somebody deleted it.")
        ran_with = None
        if job_id is not None:
            ran_with = session.execute(sa.select(JOBS.c.process_args).where(JOBS.c.id == job_id)).scalar_one_or_none()
        arguments = (row.process_args or "") if ran_with is None else ran_with
        text = shown(arguments, secrets_of(self._database.connection_string, None))
        return RunPlan(
            trigger_id=trigger_id,
            name=row.trigger_name,
            status=TriggerStatus.__members__.get(row.status, TriggerStatus.FAILED),
            job_id=job_id,
            job_arguments=ran_with is not None,
            arguments=text,
            hides=text != arguments,
            has_next=bool(row.has_next),
            whitelist=tuple(row.scheduler_whitelist or ()),
            schedulers=_schedulers(session, now=self._now(), site_now=self._database.site_now()),
        )

    def _begins_with(self, session: Session, plan: RunPlan) -> tuple[str, UUID | None]:
        """Return the arguments of a plan with what it hides, and the first job of those that are repeated."""
        first, ran_with = None, None
        if plan.job_id is not None:
            query = sa.select(JOBS.c.process_args, JOBS.c.again_of).where(JOBS.c.id == plan.job_id)
            job: Any = session.execute(query).one_or_none()
            first = plan.job_id if job is None or job.again_of is None else job.again_of
            ran_with = None if job is None else job.process_args
        if ran_with is not None:
            return ran_with, first
        own = session.execute(sa.select(_T.c.process_args).where(_T.c.id == plan.trigger_id)).scalar_one_or_none()
        return own or "", first

    def _name(self, text: str | None, what: str) -> str | None:
        text = (text or "").strip()
        return validation.text(text, what, LONGEST_NAME, self._database.dialect_name) if text else None


def _schedulers(session: Session, *, now: datetime, site_now: datetime) -> tuple[KnownScheduler, ...]:
    columns = (SCHEDULERS.c.machine_name, SCHEDULERS.c.heartbeat_at, SCHEDULERS.c.last_update)
    found = [
        KnownScheduler(name, is_silent(heartbeat, update, now=now, site_now=site_now))
        for name, heartbeat, update in session.execute(sa.select(*columns))
    ]
    return tuple(sorted(found, key=lambda each: each.name.casefold()))
