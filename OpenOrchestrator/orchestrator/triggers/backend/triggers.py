"""Triggers for the pages: lists, what is done with them, and their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.attention import NEXT_RUN, late, stuck, troubled
from OpenOrchestrator.database.lifecycle import failed_runs
from OpenOrchestrator.database.lifecycle.waiting_facts import explain_some
from OpenOrchestrator.database.statuses import BUSY_TRIGGER_STATUSES, TriggerStatus, TriggerType
from OpenOrchestrator.database.stores import jobs, notes, pauses, run_requests, skipping, triggers, validation
from OpenOrchestrator.database.stores.due_triggers import is_allowed_on
from OpenOrchestrator.database.stores.notes import Noted
from OpenOrchestrator.database.stores.pauses import PauseNote
from OpenOrchestrator.database.stores.validation import find_identifier
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.search import contains
from OpenOrchestrator.orchestrator.backend.tables import TRIGGERS as _T
from OpenOrchestrator.orchestrator.triggers.backend import rows as trigger_rows
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.backend.waits import Reason, Wait, read_waits

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


SORTS: dict[str, tuple[Any, ...]] = {
    "name": (sa.func.lower(_T.c.trigger_name),),
    "status": (
        sa.case(
            {
                status.name: rank
                for rank, status in enumerate(
                    (
                        TriggerStatus.FAILED,
                        TriggerStatus.KILLING,
                        TriggerStatus.PAUSING,
                        TriggerStatus.PAUSED,
                        TriggerStatus.KILLED,
                        TriggerStatus.RUNNING,
                        TriggerStatus.IDLE,
                        TriggerStatus.DONE,
                    )
                )
            },
            value=sa.cast(_T.c.process_status, sa.String(20)),
            else_=99,
        ),
    ),
    "last": (_T.c.last_run,),
    "next": (sa.case((NEXT_RUN.is_(None), 1), else_=0), NEXT_RUN),
    "priority": (_T.c.priority,),
    "type": (sa.cast(_T.c.type, sa.String(20)),),
}
"""What lists can be sorted by; anything else that an address asks for is not obeyed."""

LONGEST_NAME = 100
LONGEST_REASON = pauses.LONGEST_REASON

TROUBLES = {"late": "Late", "stuck": "Stuck"}

SEGMENTS = ("attention", "running", "paused")


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerQuery:
    """Which triggers a list shows. Hashable, so that tabs with the same query share it.

    Attributes:
        text: Found in name or process.
        statuses: Only (or, with ``not_statuses``, all but) these.
        types: Only (or all but) these.
        processes: Only (or all but) these.
        schedulers: Only (or all but) those that may run on one of these; triggers for any scheduler count.
        troubles: Only (or all but) those in one of these: keys of TROUBLES.
        ids: Only these; none means any.
        also: Comes first on the first page whatever the rest says: somebody has just made it.
        tags: Only those with one of these tags, or with ``not_tags`` only those with none of them.
        segment: One of SEGMENTS, or empty for all.
        sort: Key of SORTS.
        page: From 1.
    """

    text: str = ""
    statuses: tuple[TriggerStatus, ...] = ()
    not_statuses: bool = False
    types: tuple[TriggerType, ...] = ()
    not_types: bool = False
    processes: tuple[str, ...] = ()
    not_processes: bool = False
    schedulers: tuple[str, ...] = ()
    not_schedulers: bool = False
    troubles: tuple[str, ...] = ()
    not_troubles: bool = False
    ids: tuple[UUID, ...] = ()
    also: UUID | None = None
    tags: tuple[str, ...] = ()
    not_tags: bool = False
    segment: str = ""
    sort: str = "status"
    descending: bool = False
    page: int = 1
    size: int = 25


@dataclass(frozen=True, slots=True)
class FoundTriggers:
    """A page of triggers.

    Attributes:
        total: That match.
        everything: Triggers there are.
        attention: That match all but the segment and need attention.
        noted: What is noted about any trigger, by its id as text.
        waits: Those of the page that are due and do not start, and why.
    """

    rows: tuple[ListedTrigger, ...]
    total: int
    everything: int
    attention: int
    noted: Mapping[str, Noted] = field(default_factory=dict)
    waits: Mapping[UUID, Wait] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseWish:
    """What is to be known of a pause.

    Attributes:
        by: Who pauses, as they call themselves.
        reason: Why.
        until: When it ends by itself, aware; None if somebody has to enable the trigger.
    """

    by: str | None = None
    reason: str | None = None
    until: datetime | None = None


class TriggersBackend(Backend):
    """Triggers for lists; actions are guarded and return whether they happened."""

    async def page(self, query: TriggerQuery) -> FoundTriggers:
        """Return one page of triggers."""

        def work(session: Session) -> FoundTriggers:
            site_now = self._database.site_now()
            noted = _noted(session)
            conditions = _conditions(session, query, noted, site_now)
            segment = _segment(query.segment, site_now)
            base = trigger_rows.joined()
            counting = sa.select(
                sa.func.count(),
                sa.func.sum(sa.case((sa.and_(*conditions, *segment, sa.true()), 1), else_=0)),
                sa.func.sum(sa.case((sa.and_(*conditions, troubled(site_now)), 1), else_=0)),
            ).select_from(base)
            everything, total, attention = session.execute(counting).one()
            order = SORTS.get(query.sort, SORTS["status"])
            ordered = [part.desc() if query.descending else part.asc() for part in order]
            rows = (
                trigger_rows.select_rows(site_now)
                .where(*conditions, *segment)
                .order_by(*ordered, sa.func.lower(_T.c.trigger_name), _T.c.id)
                .limit(query.size)
                .offset((query.page - 1) * query.size)
            )
            found = trigger_rows.read_rows(session, rows, site_now)
            if query.also is not None and query.page == 1:
                made = trigger_rows.select_rows(site_now).where(_T.c.id == query.also)
                first = trigger_rows.read_rows(session, made, site_now)
                found = (*first, *(row for row in found if row.id != query.also))
            waits = read_waits(session, found, now=self._now(), zone=self._database.zone)
            return FoundTriggers(found, int(total or 0), int(everything), int(attention or 0), noted, waits)

        return await self._read(work)

    async def ids(self, query: TriggerQuery) -> tuple[UUID, ...]:
        """Return the ids of all triggers that match, whatever the page, by name."""

        def work(session: Session) -> tuple[UUID, ...]:
            site_now = self._database.site_now()
            noted = _noted(session) if query.tags else {}
            conditions = (*_conditions(session, query, noted, site_now), *_segment(query.segment, site_now))
            found = sa.select(_T.c.id).select_from(trigger_rows.joined()).where(*conditions)
            return tuple(session.scalars(found.order_by(sa.func.lower(_T.c.trigger_name), _T.c.id)))

        return await self._read(work)

    async def rows(self, ids: Sequence[UUID]) -> tuple[ListedTrigger, ...]:
        """Return the given triggers, those that are still there, by name."""

        def work(session: Session) -> tuple[ListedTrigger, ...]:
            found: list[ListedTrigger] = []
            for start in range(0, len(ids), 200):
                site_now = self._database.site_now()
                query = trigger_rows.select_rows(site_now)
                query = query.where(_T.c.id.in_(ids[start : start + 200]))
                found += trigger_rows.read_rows(session, query, site_now)
            return tuple(sorted(found, key=lambda row: row.name.casefold()))

        return await self._read(work)

    async def row_and_wait(self, trigger_id: UUID) -> tuple[ListedTrigger, Wait | None] | None:
        """Return a trigger, and why it does not start if it is due; None if it is not there (any more)."""

        def work(session: Session) -> tuple[ListedTrigger, Wait | None] | None:
            site_now = self._database.site_now()
            query = trigger_rows.select_rows(site_now).where(_T.c.id == trigger_id)
            found = trigger_rows.read_rows(session, query, site_now)
            if not found:
                return None
            waits = read_waits(session, found, now=self._now(), zone=self._database.zone)
            return found[0], waits.get(trigger_id)

        return await self._read(work)

    async def why(self, trigger_id: UUID) -> tuple[Reason, ...]:
        """Return why a trigger is not running now, whatever its state.

        Raises:
            NotFoundError: If it is not there any more.
        """

        def work(session: Session) -> tuple[Reason, ...]:
            found = explain_some(session, [trigger_id], now=self._now(), zone=self._database.zone)
            if trigger_id not in found:
                raise NotFoundError("This trigger is not there any more: somebody deleted it.")
            return found[trigger_id].reasons

        return await self._read(work)

    async def enable(self, trigger_id: UUID) -> bool:
        """Let a trigger run again; False if its state does not allow it (any more)."""
        return await self._write(lambda session: triggers.enable(session, trigger_id))

    async def enable_from_next(self, trigger_id: UUID) -> bool:
        """Let a trigger run again, a scheduled one not for what it missed; False if its state does not allow it."""
        return await self._write(
            lambda session: triggers.enable_from_next(session, trigger_id, now=self._now(), zone=self._database.zone)
        )

    async def pause(self, trigger_id: UUID, wish: PauseWish) -> bool:
        """Let a trigger run no more before its pause ends; one that runs is Pausing until its job ends.

        Raises:
            InvalidInputError: If the reason or the name cannot be stored.
        """
        note = self._note(wish)
        return await self._write(lambda session: pauses.pause(session, trigger_id, note, now=self._now()))

    async def change_pause(self, trigger_id: UUID, wish: PauseWish) -> bool:
        """Give the pause of a trigger another reason and end; False if it is not paused (any more).

        Raises:
            InvalidInputError: If the reason or the name cannot be stored.
        """
        note = self._note(wish)
        return await self._write(lambda session: pauses.change(session, trigger_id, note, now=self._now()))

    async def skip_next(self, trigger_id: UUID, seen: datetime, by: str | None) -> bool:
        """Pass over the next run of a scheduled trigger.

        Args:
            trigger_id: Which one.
            seen: Its next run as it was shown, naive site time.
            by: Who asks, as they call themselves.

        Returns:
            False if it is another time by now, or is being started.
        """
        return await self._write(
            lambda session: skipping.skip_next(
                session, trigger_id, seen, by=by, now=self._now(), zone=self._database.zone
            )
        )

    async def take_back_skip(self, trigger_id: UUID, due: datetime) -> bool:
        """Let a trigger run at a time (aware) that was skipped after all; False if that has passed."""
        return await self._write(
            lambda session: skipping.take_back(session, trigger_id, due, now=self._now(), zone=self._database.zone)
        )

    async def kill(self, trigger_id: UUID) -> bool:
        """Ask the scheduler to stop the robot of a trigger."""
        return await self._write(lambda session: triggers.request_kill(session, trigger_id))

    async def stop_run(self, trigger_id: UUID) -> bool:
        """Ask the scheduler to stop the robot of a trigger, which goes on when it is due."""
        return await self._write(lambda session: jobs.request_kill_of(session, trigger_id, now=self._now()))

    async def run_now(self, trigger_id: UUID, by: str | None = None) -> bool:
        """Ask for a run now; the next free scheduler starts it."""
        return await self._write(
            lambda session: run_requests.request(session, trigger_id, now=self._now(), requested_by=by)
        )

    async def cancel_run(self, trigger_id: UUID) -> bool:
        """Take back a run that was asked for and has not started; False if there is none any more."""
        return await self._write(lambda session: run_requests.cancel(session, trigger_id))

    async def give_up_retry(self, trigger_id: UUID) -> bool:
        """Let the retry that a trigger waits for not take place; False if it waits for none (any more)."""
        return await self._write(lambda session: failed_runs.give_up_retry(session, trigger_id))

    async def reset_failed_runs(self, trigger_id: UUID) -> bool:
        """Let the failed runs of a trigger count no more; False if it is gone."""
        return await self._write(lambda session: triggers.reset_failed_runs(session, trigger_id))

    async def delete(self, trigger_id: UUID) -> bool:
        """Delete a trigger; its jobs and logs stay, and a robot that runs goes on."""
        return await self._write(lambda session: triggers.delete(session, trigger_id))

    def _note(self, wish: PauseWish) -> PauseNote:
        dialect = self._database.dialect_name

        def checked(text: str | None, what: str, limit: int) -> str | None:
            text = (text or "").strip()
            return validation.text(text, what, limit, dialect) if text else None

        by, reason = checked(wish.by, "name", LONGEST_NAME), checked(wish.reason, "reason", LONGEST_REASON)
        return PauseNote(by=by, reason=reason, until=wish.until)


def _segment(segment: str, site_now: datetime) -> list[sa.ColumnElement[bool]]:
    status = _T.c.process_status
    if segment == "attention":
        return [troubled(site_now)]
    if segment == "running":
        return [status.in_(BUSY_TRIGGER_STATUSES)]
    if segment == "paused":
        return [status.in_((TriggerStatus.PAUSED, TriggerStatus.PAUSING))]
    return []


def _noted(session: Session) -> Mapping[str, Noted]:
    return notes.overview(session, AnnotatedKind.TRIGGER)[AnnotatedKind.TRIGGER]


def _conditions(
    session: Session, query: TriggerQuery, noted: Mapping[str, Noted], site_now: datetime
) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = [sa.true()]
    if query.text:
        conditions.append(sa.or_(contains(_T.c.trigger_name, query.text), contains(_T.c.process_name, query.text)))
    for column, values, exclude in (
        (_T.c.process_status, query.statuses, query.not_statuses),
        (_T.c.type, query.types, query.not_types),
        (_T.c.process_name, query.processes, query.not_processes),
    ):
        if values:
            conditions.append(column.not_in(values) if exclude else column.in_(values))
    if query.ids:
        conditions.append(_T.c.id.in_(query.ids))
    if query.troubles:
        meant = {"late": late(site_now), "stuck": stuck()}
        some = sa.or_(*(sa.func.coalesce(sa.case((meant[name], 1), else_=0), 0) == 1 for name in query.troubles))
        conditions.append(sa.not_(some) if query.not_troubles else some)
    if query.schedulers:
        # The whitelist is a JSON text: which triggers match is decided here, on all of them, as schedulers do.
        def matches(whitelist: Sequence[str] | None) -> bool:
            return any(is_allowed_on(whitelist or (), name) for name in query.schedulers)

        matching = [
            row.id
            for row in session.execute(sa.select(_T.c.id, _T.c.scheduler_whitelist))
            if matches(row.scheduler_whitelist) != query.not_schedulers
        ]
        conditions.append(_T.c.id.in_(matching))
    if query.tags:
        ids = [found for each in notes.tagged(noted, query.tags) if (found := find_identifier(each)) is not None]
        conditions.append(_T.c.id.not_in(ids) if query.not_tags else _T.c.id.in_(ids))
    return conditions
