"""Jobs for the pages: lists, and killing one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.attention import ended_badly
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, BAD_JOB_STATUSES, JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import job_reports, jobs
from OpenOrchestrator.database.transitions import TriggerEvent, apply
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.causes import cause_key, title_of
from OpenOrchestrator.orchestrator.backend.ids import as_uuid
from OpenOrchestrator.orchestrator.backend.periods import ALWAYS, Period
from OpenOrchestrator.orchestrator.backend.search import contains
from OpenOrchestrator.orchestrator.backend.tables import JOBS
from OpenOrchestrator.orchestrator.backend.tables import TRIGGERS as _T
from OpenOrchestrator.orchestrator.jobs.backend.reasons import ReasonReader
from OpenOrchestrator.orchestrator.jobs.backend.rows import JobRow, active_jobs, counted, newest, read_rows

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.common.clock import Clock
    from OpenOrchestrator.database.engine.database import Database

CAP = 10_000
"""Where counting stops."""

MOST_CAUSED = 1_000
"""Of so many of the newest jobs that ended badly causes are found: those that the dashboard shows."""

MOST_OFFERED = 30

SEGMENTS: dict[str, tuple[JobStatus, ...]] = {
    "running": tuple(sorted(ACTIVE_JOB_STATUSES, key=lambda status: status.name)),
    "failed": BAD_JOB_STATUSES,
    "partial": (JobStatus.DONE,),
}
STOPPED_STATUSES = (TriggerStatus.FAILED, TriggerStatus.KILLED, TriggerStatus.PAUSED, TriggerStatus.DONE)
"""A trigger in one of these runs no more until it is enabled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs a list shows. Hashable, so that tabs with the same query share it.

    Attributes:
        text: Found in the name of process or trigger or in the title of a job, or its id.
        statuses: Only (or, with ``not_statuses``, all but) these; the others likewise.
        triggers: By id or by name.
        causes: Keys of causes, of jobs that ended badly or were killed.
        segment: Key of SEGMENTS, or empty for all.
        period: Claimed within it.
        descending: The newest first.
        page: From 1.
    """

    text: str = ""
    statuses: tuple[JobStatus, ...] = ()
    not_statuses: bool = False
    processes: tuple[str, ...] = ()
    not_processes: bool = False
    schedulers: tuple[str, ...] = ()
    not_schedulers: bool = False
    triggers: tuple[str, ...] = ()
    not_triggers: bool = False
    causes: tuple[str, ...] = ()
    not_causes: bool = False
    segment: str = ""
    period: Period = ALWAYS
    descending: bool = True
    page: int = 1
    size: int = 25


@dataclass(frozen=True, slots=True)
class FoundJobs:
    """A page of jobs.

    Attributes:
        total: That match, counted no further than one beyond CAP.
        any: Whether there is any job at all.
    """

    rows: tuple[JobRow, ...]
    total: int
    any: bool


class JobsBackend(Backend):
    """Jobs for lists; actions are guarded and return whether they happened."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, clock)
        self._reasons = ReasonReader()

    async def page(self, query: JobQuery) -> FoundJobs:
        """Return one page of jobs, the newest first."""

        def work(session: Session) -> FoundJobs:
            conditions, branches = self._conditions(session, query)
            offset = (query.page - 1) * query.size
            walk = newest(conditions, branches, limit=query.size, offset=offset, descending=query.descending)
            ids = [row.id for row in session.execute(walk)]
            rows = self._reasons.explained(session, read_rows(session, ids))
            if len(ids) < query.size and (ids or query.page == 1):
                total = offset + len(ids)  # this is the last page: looking for more would read all jobs again
            else:
                total = session.execute(counted(conditions, branches, cap=CAP)).scalar_one()
            some = bool(rows) or session.execute(sa.select(JOBS.c.id).limit(1)).first() is not None
            return FoundJobs(rows, min(total, CAP + 1), some)

        return await self._read(work)

    async def causes(self) -> dict[str, str]:
        """Return the causes of what ended badly lately, the newest first: key -> the newest reason in one line."""

        def work(session: Session) -> dict[str, str]:
            found: dict[str, str] = {}
            for reason in self._bad_reasons(session, []).values():
                found.setdefault(cause_key(reason), title_of(reason))
            return dict(list(found.items())[:MOST_OFFERED])

        return await self._read(work)

    async def pinned(self, query: JobQuery) -> JobQuery:
        """Return a query for all that match now, for an export: its period no longer moves with the clock."""

        def work(session: Session) -> JobQuery:
            start, end = query.period.bounds(self._database.site_now())
            session.execute(sa.select(JOBS.c.id).limit(1))  # says at once when the database is not there
            period = Period(start.isoformat(timespec="seconds") if start else "", query.period.end)
            return replace(query, period=period if start or end else ALWAYS)

        return await self._read(work)

    def next_rows(self, session: Session, query: JobQuery, after: JobRow | None, most: int) -> tuple[JobRow, ...]:
        """Return the next jobs in the order of the list, for exports.

        Args:
            session: Within a transaction.
            query: Its page does not count; its period has to be pinned.
            after: The last one that was read; None for the first ones.
            most: At most so many.
        """
        conditions, branches = self._conditions(session, query)
        if after is not None:
            time, key = JOBS.c.start_time, JOBS.c.id
            if query.descending:
                conditions += [time <= after.claimed, sa.or_(time < after.claimed, key < after.id)]
            else:
                conditions += [time >= after.claimed, sa.or_(time > after.claimed, key > after.id)]
        walk = newest(conditions, branches, limit=most, descending=query.descending)
        return read_rows(session, [row.id for row in session.execute(walk)])

    async def trigger_names(self) -> tuple[str, ...]:
        """Return the names of all triggers, in order."""

        def work(session: Session) -> tuple[str, ...]:
            return tuple(sorted(set(session.scalars(sa.select(_T.c.trigger_name))), key=str.casefold))

        return await self._read(work)

    async def name_of_trigger(self, trigger_id: UUID) -> str | None:
        """Return the name of a trigger; of one that was deleted, the one its last job remembers."""

        def work(session: Session) -> str | None:
            name = session.execute(sa.select(_T.c.trigger_name).where(_T.c.id == trigger_id)).scalar_one_or_none()
            if name is None:
                last = sa.select(JOBS.c.trigger_name).where(JOBS.c.trigger_id == trigger_id)
                name = session.execute(last.order_by(JOBS.c.start_time.desc()).limit(1)).scalar_one_or_none()
            return name

        return await self._read(work)

    async def running_of(self, trigger_id: UUID) -> tuple[JobRow, ...]:
        """Return the jobs of a trigger that have not ended, the longest running first."""

        def work(session: Session) -> tuple[JobRow, ...]:
            found = active_jobs(session, JOBS.c.id, JOBS.c.trigger_id, JOBS.c.start_time)
            return read_rows(session, [row.id for row in found if row.trigger_id == trigger_id])

        return await self._read(work)

    async def kill(self, job_id: UUID, *, with_others: bool = False) -> bool:
        """Ask the scheduler to stop the robot of a job; its trigger, if there is one, becomes Killed with it.

        Args:
            job_id: Which one.
            with_others: Whether all other jobs of its trigger are meant as well; else nothing is done if there are any.

        Returns:
            False if the job has ended, or is being killed already, or others run beside it that are not meant.
        """

        def work(session: Session) -> bool:
            trigger_id = session.execute(sa.select(JOBS.c.trigger_id).where(JOBS.c.id == job_id)).scalar_one_or_none()
            if trigger_id is not None and not with_others:
                # Who starts or ends a job of it waits, and the next statement sees what those did that came before.
                session.execute(sa.update(_T).where(_T.c.id == trigger_id).values(status_after=_T.c.status_after))
                others = sa.select(sa.func.count()).select_from(JOBS)
                others = others.where(JOBS.c.trigger_id == trigger_id, JOBS.c.status.in_(ACTIVE_JOB_STATUSES))
                if session.scalar(others.where(JOBS.c.id != job_id)):
                    return False
            active = sa.select(sa.literal(1)).where(JOBS.c.id == job_id, JOBS.c.status.in_(ACTIVE_JOB_STATUSES))
            if trigger_id is not None and apply(session, TriggerEvent.REQUEST_KILL, trigger_id, active.exists()):
                return True
            # Its trigger was deleted, or set to a state meanwhile in which it says nothing about this run.
            return jobs.request_kill(session, job_id, now=self._now())

        return await self._write(work)

    async def stop_run(self, job_id: UUID) -> bool:
        """Ask the scheduler to stop the robot of a job; its trigger goes on when it is due.

        Returns:
            False if the job has ended, or is being killed already.
        """
        return await self._write(lambda session: jobs.request_kill(session, job_id, now=self._now()))

    def _conditions(self, session: Session, query: JobQuery) -> tuple[list[Any], Sequence[Any]]:
        """Return what has to hold for all jobs, and of what one has to: a walk along an index for each."""
        ids, unknown = _trigger_ids(session, query.triggers)
        statuses = _statuses(query)
        conditions = [*self._plain_conditions(query), *self._by_cause(session, query)]
        choices: list[tuple[Any, tuple[Any, ...]]] = []
        if statuses is not None:
            choices.append((JOBS.c.status, statuses))
        if ids and not unknown and not query.not_triggers:
            choices.append((JOBS.c.trigger_id, ids))
        elif query.triggers:
            conditions.append(_by_trigger(ids, unknown, exclude=query.not_triggers))
        for column, values, exclude in (
            (JOBS.c.process_name, query.processes, query.not_processes),
            (JOBS.c.scheduler_name, query.schedulers, query.not_schedulers),
        ):
            if values and exclude:
                conditions.append(column.not_in(values))
            elif values:
                choices.append((column, values))
        # Active jobs are few whatever else is asked for; the others say more than a status does.
        if statuses is not None and len(choices) > 1 and not ACTIVE_JOB_STATUSES.issuperset(statuses):
            choices.append(choices.pop(0))
        branches = [choices[0][0] == value for value in choices[0][1]] if choices else []
        conditions += [column.in_(values) for column, values in choices[1:]]
        if choices and not branches:
            conditions.append(sa.false())
        return conditions, branches

    def _bad_reasons(self, session: Session, conditions: Sequence[Any]) -> dict[UUID, str]:
        """Return why the newest jobs ended badly that meet conditions, the newest first."""
        newest_first = (JOBS.c.start_time.desc(), JOBS.c.id.desc())
        query = sa.select(JOBS.c.id, JOBS.c.status, JOBS.c.reason).where(ended_badly(), *conditions)
        ended = [tuple(row) for row in session.execute(query.order_by(*newest_first).limit(MOST_CAUSED))]
        self._reasons.explain(session, ended, most=len(ended))
        return {job[0]: self._reasons.reason(job) for job in ended}

    def _by_cause(self, session: Session, query: JobQuery) -> list[Any]:
        """Return the condition that jobs have one of the wanted causes; none where any will do."""
        if not query.causes:
            return []
        reasons = self._bad_reasons(session, self._in_period(query))
        ids = [job_id for job_id, reason in reasons.items() if cause_key(reason) in query.causes]
        return [JOBS.c.id.not_in(ids) if query.not_causes else JOBS.c.id.in_(ids)]

    def _plain_conditions(self, query: JobQuery) -> list[Any]:
        conditions: list[Any] = []
        if query.text:
            found = [contains(JOBS.c.process_name, query.text), contains(JOBS.c.trigger_name, query.text)]
            found.append(contains(JOBS.c.title, query.text))
            job_id = as_uuid(query.text)
            conditions.append(sa.or_(*found) if job_id is None else JOBS.c.id == job_id)
        if query.segment == "partial":
            conditions.append(job_reports.partially_done())
        return [*conditions, *self._in_period(query)]

    def _in_period(self, query: JobQuery) -> list[Any]:
        since, until = query.period.bounds(self._database.site_now())
        conditions = [JOBS.c.start_time >= since] if since is not None else []
        return [*conditions, JOBS.c.start_time <= until] if until is not None else conditions


def _statuses(query: JobQuery) -> tuple[JobStatus, ...] | None:
    """Return the wanted statuses; None for all of them."""
    wanted = set(JobStatus)
    if query.statuses:
        wanted = wanted - set(query.statuses) if query.not_statuses else set(query.statuses)
    if query.segment in SEGMENTS:
        wanted &= set(SEGMENTS[query.segment])
    return None if len(wanted) == len(JobStatus) else tuple(status for status in JobStatus if status in wanted)


def _trigger_ids(session: Session, wanted: Sequence[str]) -> tuple[tuple[UUID, ...], tuple[str, ...]]:
    """Return the ids of triggers given by id or name, and the names of none: of triggers that were deleted."""
    ids = [found for found in map(as_uuid, wanted) if found is not None]
    names = [name for name in wanted if as_uuid(name) is None]
    if names:
        found = session.execute(sa.select(_T.c.id, _T.c.trigger_name).where(_T.c.trigger_name.in_(names))).all()
        ids += [row.id for row in found]
        names = [name for name in names if name not in {row.trigger_name for row in found}]
    return tuple(dict.fromkeys(ids)), tuple(names)


def _by_trigger(ids: Sequence[UUID], names: Sequence[str], *, exclude: bool) -> Any:
    column, name = JOBS.c.trigger_id, JOBS.c.trigger_name
    if exclude:
        return sa.and_(sa.or_(column.is_(None), column.not_in(ids)), sa.or_(name.is_(None), name.not_in(names)))
    return sa.or_(column.in_(ids), name.in_(names))
