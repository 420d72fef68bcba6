"""The schedule of a trigger: its cron expression with the time zone and the calendar that it names.

Owns what the columns ``timezone``, ``calendar`` and ``closed_days`` of Scheduled_Triggers mean, and that a changed
calendar moves the next runs of its triggers. What is due then is in ``common.schedules``.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from OpenOrchestrator.common import cron, missed_runs
from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.missed_runs import Decision, Passed
from OpenOrchestrator.common.schedules import ClosedDays, Schedule, zone_named
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.stores import calendars, trigger_rows
from OpenOrchestrator.database.stores.calendars import StoredCalendar
from OpenOrchestrator.database.stores.trigger_rows import SCHEDULED, TRIGGERS, PoisonedRowError, TriggerRow, still

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class Schedules:
    """The schedules of triggers as one transaction sees them.

    The calendars of the site are read, in one statement, when the first trigger that names one is asked for.

    Args:
        connection: An open transaction.
        zone: The site's time zone.
    """

    def __init__(self, connection: Connection, zone: ZoneInfo) -> None:
        self.zone = zone
        self._connection = connection
        self._calendars: dict[str, StoredCalendar] | None = None

    def of(self, trigger: TriggerRow) -> Schedule:
        """Return the schedule of a scheduled trigger.

        Raises:
            PoisonedRowError: If it names a time zone or calendar that is not there, or one that cannot be read.
        """
        return self.made_of(trigger.cron_expr or "", trigger.timezone, trigger.calendar, trigger.closed_days)

    def made_of(self, expression: str, timezone: str | None, calendar: str | None, closed_days: str | None) -> Schedule:
        """Return the schedule that columns of Scheduled_Triggers make.

        Raises:
            PoisonedRowError: As ``of``.
        """
        try:
            zone = self.zone if timezone is None else zone_named(timezone)
        except InvalidInputError as error:
            raise PoisonedRowError(str(error)) from error
        if calendar is None:
            return Schedule(expression, zone)
        way = ClosedDays.__members__.get(closed_days or ClosedDays.SKIP.name)
        if way is None:
            raise PoisonedRowError(f"its column closed_days holds {str(closed_days)[:50]!r}")
        return Schedule(expression, zone, self.calendar(calendar), way)

    def calendar(self, name: str) -> Calendar:
        """Return the calendar of a name.

        Raises:
            PoisonedRowError: If there is none, or its row cannot be read.
        """
        if self._calendars is None:
            self._calendars = {each.name: each for each in calendars.read_all(self._connection)}
        stored = self._calendars.get(name)
        if stored is None:
            raise PoisonedRowError(
                f"there is no calendar {name!r}: it may have been deleted. Choose another one for it, or none"
            )
        if stored.calendar is None:
            raise PoisonedRowError(f"its calendar {name!r} cannot be read: {stored.problem}")
        return stored.calendar

    def next_after(self, trigger: TriggerRow, due_at: datetime, *, now: datetime) -> datetime:
        """Return when a scheduled trigger is due after the run it is due for now: what was missed is passed over.

        Raises:
            PoisonedRowError: If its schedule cannot tell.
        """
        try:
            return self.of(trigger).next_due(max(due_at, now))
        except InvalidInputError as error:
            raise PoisonedRowError(str(error)) from error

    def runs_any(self, trigger: TriggerRow, due_at: datetime, *, now: datetime) -> bool:
        """Tell whether a scheduled trigger that is due runs, and not skips all that it has missed.

        Raises:
            PoisonedRowError: If its schedule cannot tell.
        """
        if trigger.missed.never_skips:
            return True
        try:
            return missed_runs.runs_any(trigger.missed, self.of(trigger), due_at, now=now)
        except InvalidInputError as error:
            raise PoisonedRowError(str(error)) from error

    def decide(self, trigger: TriggerRow, due_at: datetime, *, now: datetime) -> Decision:
        """Return what becomes of the due times of a scheduled trigger that have passed.

        Raises:
            PoisonedRowError: If its schedule cannot tell.
        """
        if trigger.missed.never_skips:
            return Decision(due_at, self.next_after(trigger, due_at, now=now))
        try:
            return missed_runs.decide(trigger.missed, self.of(trigger), due_at, now=now)
        except InvalidInputError as error:
            raise PoisonedRowError(str(error)) from error

    def missed(self, trigger: TriggerRow, due_at: datetime, *, now: datetime) -> tuple[Passed | None, Passed | None]:
        """Return which due times of a scheduled trigger have passed and are run, and which are skipped.

        Raises:
            PoisonedRowError: If its schedule cannot tell.
        """
        try:
            schedule = self.of(trigger)
            decision = missed_runs.decide(trigger.missed, schedule, due_at, now=now)
            return missed_runs.waiting(trigger.missed, schedule, due_at, now=now), decision.skipped
        except InvalidInputError as error:
            raise PoisonedRowError(str(error)) from error


def times(next_run: datetime, due_at: datetime | None, zone: ZoneInfo | None) -> dict[str, datetime | None]:
    """Return the columns of a next run (naive site time) with its instant, as ``zone`` says where it is not given."""
    if due_at is None and zone is not None:
        due_at = cron.to_utc(next_run, zone)
    return {"next_run": next_run, "due_at": due_at}


def follow_calendar(session: Session, name: str, *, now: datetime, zone: ZoneInfo) -> int:
    """Set the next runs of all triggers that name a calendar to what it says now.

    Computed from now on, never from the past: what is due already stays due, and a run that somebody asked to pass over
    stays passed over. Triggers whose rows cannot be read stay as they are.

    Args:
        session: A transaction in which the calendar was changed.
        name: Its name.
        now: Aware instant.
        zone: The site's time zone.

    Returns:
        How many were moved.
    """
    connection = session.connection()
    columns = (
        *trigger_rows.BASE_COLUMNS,
        *trigger_rows.TIME_COLUMNS,
        trigger_rows.raw(SCHEDULED.c.skipped_due, "skipped"),
    )
    # In the order of their ids, as claims lock them.
    query = sa.select(*columns).select_from(trigger_rows.TIME_JOIN).where(SameText(SCHEDULED.c.calendar, name))
    schedules = Schedules(connection, zone)
    moved = 0
    for row in connection.execute(query.order_by(TRIGGERS.c.id)).all():
        try:
            trigger = trigger_rows.read(row)
            if trigger.next_run is None:
                continue
            due_at = cron.resolve_due(trigger.next_run, trigger.due_at, zone)
            if due_at <= now:
                continue
            skipped = trigger_rows.date_or_none(row.skipped)
            passed_over = now if skipped is None else skipped.replace(tzinfo=timezone.utc)
            after = passed_over if now < passed_over < due_at else now
            following = schedules.next_after(trigger, after, now=now)
        except PoisonedRowError:
            continue  # it cannot run, and the scheduler that looks next says why
        if following != due_at:
            move = (
                sa.update(SCHEDULED)
                .where(SCHEDULED.c.id == trigger.trigger_id, *still(SCHEDULED.c.next_run, trigger.next_run))
                .values(next_run=cron.to_site(following, zone), due_at=following)
            )
            moved += connection.execute(move).rowcount
    return moved
