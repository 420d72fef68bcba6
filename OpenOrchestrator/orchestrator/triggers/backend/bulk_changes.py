"""Changing a few settings of several triggers at once: where and in what they run, how urgent they are, their tags."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.missed_runs import MissedPolicy
from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.labels import checked_labels
from OpenOrchestrator.database.statuses import Desktop, RobotEnvironment, TriggerType
from OpenOrchestrator.database.stores import notes, pool_amounts, pools, trigger_input, validation
from OpenOrchestrator.database.stores.overlap import DEFAULT_MOST_JOBS, LARGEST_MOST_JOBS
from OpenOrchestrator.database.stores.pool_amounts import Amounts
from OpenOrchestrator.database.stores.trigger_places import desktop_values, keep_mark
from OpenOrchestrator.database.triggers import ScheduledTrigger
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.orchestrator.backend.tables import TRIGGERS as _T
from OpenOrchestrator.orchestrator.triggers.backend.setting_columns import missed_values

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_C: Any = ScheduledTrigger.__table__

TRIES = 5
"""How often tags are changed anew because somebody saved the same trigger's notes that moment."""


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """How long robots may run, and how they are stopped after that.

    Attributes:
        seconds: None for without limit.
        soft: Seconds in which they are asked to come to an end first; 0 for none.
        terminate: Seconds they have after that before they are killed; None for the usual time.
    """

    seconds: int | None = None
    soft: int = 0
    terminate: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkChange:
    """What is to be changed.

    Attributes:
        schedulers: Names of those the triggers may run on, empty for any; None leaves them.
        labels: What their schedulers have to carry, empty for nothing; None leaves them.
        desktop: What their robots need of the machine; None leaves it.
        priority: None leaves it.
        limit: How long their robots may run, and how they are stopped after that; None leaves it.
        missed: What becomes of missed runs of those with a schedule; None leaves it.
        environment: The one their robots are started in; None leaves it.
        jobs: How many jobs of each may run at the same time, of those that can have several; None leaves it.
        pools: What their runs need of pools, nothing of those that are not named; None leaves it.
        add_tags: Tags they get beside those they have.
        drop_tags: Tags that are taken from them.
    """

    schedulers: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    desktop: Desktop | None = None
    priority: int | None = None
    limit: TimeLimit | None = None
    missed: MissedPolicy | None = None
    environment: RobotEnvironment | None = None
    jobs: int | None = None
    pools: Amounts | None = None
    add_tags: tuple[str, ...] = ()
    drop_tags: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything is to be changed."""
        where = (self.schedulers, self.labels, self.desktop, self.environment, self.pools)
        of_all = (*where, self.priority, self.limit, self.missed, self.jobs)
        return any(each is not None for each in of_all) or bool(self.add_tags or self.drop_tags)


class _ChangedError(Exception):
    """Rolls the transaction back: somebody saved the notes of the trigger meanwhile."""


class BulkChangesBackend(Backend):
    """Changes of several triggers, each on its own."""

    async def change(self, trigger_id: UUID, change: BulkChange) -> bool:
        """Change one trigger, all of it or nothing; what is not named stays, also what others change meanwhile.

        Returns:
            False if it is not there any more, or its notes are being changed all the time.

        Raises:
            InvalidInputError: If something cannot be stored, such as more tags than one may have.
        """

        def work(session: Session) -> bool:
            values = self._values(change)
            # This holds the trigger to the end of the transaction, so that nothing is noted about one that is gone.
            changed: Any = session.execute(
                sa.update(_T).where(_T.c.id == trigger_id).values(values or {"priority": _T.c.priority})
            )
            if changed.rowcount != 1:
                return False
            if change.missed is not None:
                rule = sa.update(_C).where(_C.c.id == trigger_id).values(missed_values(change.missed))
                session.execute(rule)
            pools.hold_named(session, values.get("pools"))
            keep_mark(session, trigger_id, values)
            if change.add_tags or change.drop_tags:
                self._tag(session, str(trigger_id), change)
            return True

        for _ in range(TRIES):
            try:
                return await self._write(work)
            except _ChangedError:
                continue
        return False

    def _values(self, change: BulkChange) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if change.schedulers is not None:
            values["scheduler_whitelist"] = validation.whitelist(change.schedulers, self._database.dialect_name)
        if change.labels is not None:
            values["labels"] = list(checked_labels(change.labels))
        if change.desktop is not None:
            values |= desktop_values(change.desktop)
        if change.priority is not None:
            values["priority"] = validation.integer(change.priority, "priority")
        if change.limit is not None:
            limit = {
                "timeout_seconds": change.limit.seconds,
                "stop_soft_seconds": change.limit.soft,
                "stop_terminate_seconds": change.limit.terminate,
            }
            database = self._database
            values |= trigger_input.checked(limit, dialect_name=database.dialect_name, zone=database.zone)
        if change.jobs is not None:
            if not DEFAULT_MOST_JOBS <= change.jobs <= LARGEST_MOST_JOBS:
                raise InvalidInputError(f"The jobs at the same time have to be 1 to {LARGEST_MOST_JOBS}.")
            values["max_jobs"] = sa.case((_T.c.type == TriggerType.SINGLE, _T.c.max_jobs), else_=change.jobs)
        if change.environment is not None:
            values["environment"] = change.environment.name
        if change.pools is not None:
            values["pools"] = pool_amounts.checked(dict(change.pools), "pools", self._database.dialect_name)
        return values

    def _tag(self, session: Session, subject: str, change: BulkChange) -> None:
        seen = notes.read(session, AnnotatedKind.TRIGGER, subject)
        tags = set(seen.values.tags) - set(notes.checked_tags(change.drop_tags)) | set(
            notes.checked_tags(change.add_tags)
        )
        if tags == set(seen.values.tags):
            return
        values = replace(seen.values, tags=tuple(tags))
        if not notes.save(session, AnnotatedKind.TRIGGER, subject, values, seen=seen, now=self._now()):
            raise _ChangedError
