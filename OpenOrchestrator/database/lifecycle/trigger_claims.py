"""Claiming triggers: an idle, due trigger becomes Running and its job is there, both or neither.

A trigger that may have several jobs stays Running, and another job is there.

Owns the claim of triggers. What a claimed run carries to the scheduler is in ``claimed_runs``, which policies limit a
claim in ``claim_limits``. What happens to the run afterwards is in
``runs``; which triggers are due in ``stores.due_triggers``, which can run though they are not in ``runnable_triggers``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.errors import DatabaseError, InvalidInputError
from OpenOrchestrator.common.missed_runs import Passed
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.row_locks import free_only
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.labels import missing
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import admission, claim_limits, due_times, screens
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun, Won, insert_jobs, run_of
from OpenOrchestrator.database.lifecycle.due_times import SkippedRuns
from OpenOrchestrator.database.lifecycle.runnable_triggers import require_here, require_runnable
from OpenOrchestrator.database.schedulers import Scheduler
from OpenOrchestrator.database.statuses import (
    TriggerStatus,
    TriggerType,
)
from OpenOrchestrator.database.stores import due_triggers as _due
from OpenOrchestrator.database.stores import run_requests, site_pause, waiting_retries
from OpenOrchestrator.database.stores.due_triggers import DueTrigger, DueTriggers
from OpenOrchestrator.database.stores.trigger_places import required_labels
from OpenOrchestrator.database.stores.trigger_rows import (
    TRIGGERS,
    PoisonedRowError,
    TriggerRow,
)
from OpenOrchestrator.database.stores.trigger_schedules import Schedules
from OpenOrchestrator.database.transitions import TriggerEvent, apply_where

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_JOBS = cast(sa.Table, Job.__table__)
_SCHEDULERS = cast(sa.Table, Scheduler.__table__)


def due_triggers(
    database: Database, *, scheduler_name: str | None, labels: Collection[str] = (), machine: str = ""
) -> DueTriggers:
    """Find the idle triggers that are due now and may run on a scheduler.

    Triggers whose rows hold garbage are reported and do not hinder the others. Nothing is claimed.

    Args:
        database: Where to look.
        scheduler_name: Leaves out triggers whose whitelist does not name it, and with ``labels`` those that require
            others; None to find them all.
        labels: What the scheduler carries.
        machine: Name of its machine, whose screen is asked about where something that is due needs it.
    """
    now, zone = database.utc_now(), database.zone

    def look(session: Session) -> DueTriggers:
        carried = None if scheduler_name is None else labels
        found = _due.find(session.connection(), now=now, zone=zone, scheduler_name=scheduler_name, labels=carried)
        if scheduler_name is None or not any(trigger.needs_screen for trigger in found.due):
            return found
        key = screens.machine_key(machine, scheduler_name)
        return replace(found, screen_taken=bool(screens.holders(session, key)))

    return database.read(look)


def claim(database: Database, identity: Identity, due: Sequence[DueTrigger]) -> tuple[ClaimedRun, ...]:
    """Claim triggers: each becomes Running, and its job Starting, owned by ``identity`` for the length of a lease.

    All in one transaction. Of several schedulers that try at the same time exactly one gets each trigger; none waits
    for another. A scheduled trigger's next run is set to its first due time after now, or to the next one that it has
    missed where each is run, and what it skips is stored as jobs that never ran. A request to run is cleared. A
    request for a run with arguments of its own is answered by a claim for that run alone, which leaves the next run as
    it is; the job keeps the arguments, and the state in which its end will leave the trigger. While a trigger waits for
    a retry, its next ordinary run is that retry, whoever starts it.

    Args:
        database: Where the triggers are.
        identity: Who claims.
        due: As ``due_triggers`` found them.

    Returns:
        The runs that were won, in the order given. A trigger is missing if another scheduler was faster, if it is not
        idle any more, has as many jobs as it may have at the same time, or was changed since it was found due. None is
        won while the site is paused, or the scheduler cordoned or drained.
    """
    return _claim(database, identity, due, by_hand=False)


def skip_missed(database: Database, identity: Identity, missed: Sequence[DueTrigger]) -> tuple[SkippedRuns, ...]:
    """Leave out what triggers have missed, as ``due_triggers`` found it: each is due next after now, and a job says so.

    Nothing is run. What is not as it was seen is left alone, and everything while the site is paused, or the scheduler
    cordoned or drained.
    """

    def work(session: Session) -> tuple[SkippedRuns, ...]:
        claiming = _Claiming(database, session, identity, by_hand=False)
        claiming.run(missed)
        return tuple(claiming.skipped)

    # Whether it was saved or not, the next look tells what there is to do.
    return database.write(work, read_back=lambda _session: ()) if missed else ()


def claim_by_name(
    database: Database, identity: Identity, trigger_name: str, *, allowed_as: str | None = None
) -> ClaimedRun:
    """Claim the one trigger of a name now, whether it is due or not.

    Args:
        database: Where the trigger is.
        identity: Who claims.
        trigger_name: Its name.
        allowed_as: Name that the trigger's whitelist has to allow; None for the one who claims.

    Raises:
        NotFoundError: If there is no trigger of that name.
        InvalidInputError: If it cannot run now or here; the message says why.
    """
    now, zone = database.utc_now(), database.zone

    def look(session: Session) -> DueTrigger:
        pause = site_pause.read(session)
        trigger = require_runnable(session.connection(), allowed_as or identity.name, trigger_name)
        require_here(session, identity, trigger)
        if pause is not None:
            raise InvalidInputError(
                f"The trigger {trigger_name!r} cannot run now: the site is {admission.paused_words(pause, zone)}. "
                "Wait, or end the pause with the command resume."
            )
        try:  # by hand it may come early, so whose clock does not matter
            found = _due.as_due(trigger, now=now, schedules=Schedules(session.connection(), zone))
        except PoisonedRowError as error:
            raise InvalidInputError(f"The trigger {trigger_name!r} cannot run: {error}") from error
        return found if isinstance(found, DueTrigger) else DueTrigger.of(trigger, None)

    found = database.read(look)
    won = _claim(database, identity, [found], by_hand=True)
    if not won:
        raise InvalidInputError(
            f"The trigger {trigger_name!r} was started or changed by somebody else at this moment. Try again."
        )
    return won[0]


def _claim(
    database: Database, identity: Identity, due: Sequence[DueTrigger], *, by_hand: bool
) -> tuple[ClaimedRun, ...]:
    if not due:
        return ()
    tried: list[ClaimedRun] = []

    def work(session: Session) -> tuple[ClaimedRun, ...]:
        claiming = _Claiming(database, session, identity, by_hand=by_hand)
        tried[:] = claiming.run(due)
        return tuple(tried)

    def read_back(session: Session) -> tuple[ClaimedRun, ...] | None:
        # The ids of the jobs were made here: if one of them is there, the commit was saved.
        ids = [run.job_id for run in tried]
        saved = session.connection().scalar(sa.select(sa.func.count()).where(_JOBS.c.id.in_(ids)))
        return tuple(tried) if saved or not tried else None

    return database.write(work, read_back=read_back)


class _Claiming:
    """One transaction that claims; ``skipped`` is what it left out."""

    def __init__(self, database: Database, session: Session, identity: Identity, *, by_hand: bool) -> None:
        self._session = session
        self._connection = session.connection()
        self._identity = identity
        self._by_hand = by_hand
        self._now = database.utc_now()
        self._schedules = Schedules(self._connection, database.zone)
        self._site_now = database.site_now()
        self.skipped: list[SkippedRuns] = []

    def run(self, due: Sequence[DueTrigger]) -> list[ClaimedRun]:
        rows = due_times.lock(self._connection, due)
        if rows and not admission.read(self._session, self._identity.name).starts:
            return []  # paused or cordoned since this scheduler looked
        if not rows:
            return []
        limits = claim_limits.limits_of(self._session, self._identity, rows)
        locked = {row.trigger_id: row for row in rows}
        won: dict[UUID, Won] = {}
        passed: list[tuple[TriggerRow, Passed]] = []
        for trigger in due:  # in the order given, so that the first gets what there is not enough of
            row = locked.pop(trigger.trigger_id, None)
            if row is None or not self._is_as_seen(row, trigger):
                continue
            # What is skipped starts nothing, so it needs no room.
            if not (trigger.is_skipped and not self._by_hand) and not limits.has_room(row):
                continue
            taken = due_times.take(
                self._connection, self._schedules, row, trigger, now=self._now, by_hand=self._by_hand
            )
            if taken is None:
                continue
            passed += [(row, each) for each in taken.skipped]
            if taken.runs:
                limits.take(row)
                won[row.trigger_id] = Won(row, replace(trigger, due_at=taken.due_at))
        self.skipped = due_times.insert_skipped(
            self._connection,
            passed,
            scheduler_name=self._identity.name,
            site_now=self._site_now,
            zone=self._schedules.zone,
        )
        if not won:
            return []
        self._set_running(won)
        runs = [run_of(one.row, one.trigger) for one in won.values()]
        insert_jobs(self._connection, self._identity, runs, won, site_now=self._site_now, by_hand=self._by_hand)
        screens.note_holder(self._session, self._identity, runs, now=self._now)
        self._note_latest(runs[-1])
        return runs

    def _set_running(self, won: Mapping[UUID, Won]) -> None:
        changed = 0
        own = {**run_requests.ANSWERED, **waiting_retries.NONE}
        for event, answered, after in (
            (TriggerEvent.CLAIM, own, None),
            (TriggerEvent.CLAIM_BESIDE, own, TriggerStatus.IDLE.name),
            (TriggerEvent.CLAIM_ONCE, run_requests.NONE, None),
        ):
            ids = [key for key, one in won.items() if _event_of(one.trigger) is event]
            if ids:
                values = {"last_run": self._site_now, "status_after": after, **answered}
                changed += apply_where(self._session, event, TRIGGERS.c.id.in_(ids), values=values)
        beside = [key for key, one in won.items() if one.trigger.once and one.row.retry is not None]
        if beside:  # the retry goes on waiting, after this run as before it
            still_waiting = sa.update(TRIGGERS).where(TRIGGERS.c.id.in_(beside)).values(retry_last_run=self._site_now)
            self._connection.execute(still_waiting)
        if changed != len(won):
            # They are locked, so this cannot be. If it is, nothing must remain of this transaction.
            raise DatabaseError(f"Only {changed} of {len(won)} locked triggers could be set to Running; none was.")

    def _note_latest(self, run: ClaimedRun) -> None:
        """Note in the list of schedulers what was started; whoever holds that row locked must not hold up claims."""
        own = _SCHEDULERS.c.machine_name == self._identity.name
        if self._connection.execute(free_only(sa.select(_SCHEDULERS.c.slots).where(own), _SCHEDULERS)).first():
            latest = {"latest_trigger": run.trigger_name, "latest_trigger_time": self._site_now}
            self._connection.execute(sa.update(_SCHEDULERS).where(own).values(latest))

    def _is_as_seen(self, row: TriggerRow, trigger: DueTrigger) -> bool:
        if row.last_run != trigger.last_run_seen or row.next_run != trigger.next_run_seen:
            return False
        if missing(required_labels(row, once=trigger.once), self._identity.labels):
            return False
        if trigger.once:
            # Another request may have come in the place of the one that was seen; then it is that one's arguments.
            asked = row.wants_once and row.status is not TriggerStatus.RUNNING
            return asked and _due.is_allowed_on(_due.once_whitelist(row), self._identity.name)
        state = TriggerStatus.RUNNING if trigger.beside else TriggerStatus.IDLE
        if row.status is not state or row.retry != trigger.retry:
            return False
        if self._by_hand or trigger.due_at is not None or row.type is TriggerType.QUEUE:
            return True
        return row.wants_run


def _event_of(trigger: DueTrigger) -> TriggerEvent:
    if trigger.once:
        return TriggerEvent.CLAIM_ONCE
    return TriggerEvent.CLAIM_BESIDE if trigger.beside else TriggerEvent.CLAIM
