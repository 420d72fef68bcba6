"""Data access of calendars, and what one may hold.

Functions take an open session or connection. Rows are read without trusting them: one that somebody filled with garbage
is told as such, and sets aside those triggers alone that name it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from OpenOrchestrator.common.calendars import Calendar, holidays_of
from OpenOrchestrator.common.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from OpenOrchestrator.database.calendars import SiteCalendar
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.stores import validation
from OpenOrchestrator.database.triggers import ScheduledTrigger, Trigger

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NAME_LENGTH = 100
MOST_DATES = 2000

_TABLE = cast(sa.Table, SiteCalendar.__table__)
_TRIGGERS = cast(sa.Table, Trigger.__table__)
_SCHEDULED = cast(sa.Table, ScheduledTrigger.__table__)


@dataclass(frozen=True, slots=True)
class StoredCalendar:
    """A calendar as it was read.

    Attributes:
        calendar: None if its row cannot be read.
        problem: What is wrong with the row, as the end of a sentence about the calendar; empty if nothing is.
        edition: What a change has to name.
    """

    name: str
    calendar: Calendar | None
    problem: str
    edition: UUID | None


def read_all(connection: Connection) -> tuple[StoredCalendar, ...]:
    """Return all calendars by name, in one statement."""
    columns = (sa.type_coerce(column, sa.types.NullType()).label(column.name) for column in _TABLE.c)
    rows = connection.execute(sa.select(*columns)).all()
    return tuple(sorted(map(_read, rows), key=lambda each: (each.name.casefold(), each.name)))


def checked(calendar: Calendar, dialect_name: str) -> Calendar:
    """Return a calendar as it can be stored; blanks around its name are dropped.

    Args:
        calendar: What somebody wants it to be.
        dialect_name: The kind of database it is for.

    Raises:
        InvalidInputError: If it has no working day, if nothing is known of its country or region, if a date is closed
            and open, or something is too long.
    """
    name = validation.name(calendar.name, "name of the calendar", NAME_LENGTH, dialect_name)
    if not calendar.working_days or not calendar.working_days <= frozenset(range(7)):
        raise InvalidInputError(f"The calendar {name!r} has no working day. Choose at least one weekday.")
    if calendar.region is not None and calendar.country is None:
        raise InvalidInputError(f"The calendar {name!r} has a region, but no country. Choose its country as well.")
    if calendar.country is not None and len(calendar.country) != 2:
        raise InvalidInputError(f"The country of the calendar {name!r} has to be two letters, such as DK.")
    if calendar.country is not None:
        holidays_of(calendar.country, calendar.region, date.today().year)  # noqa: DTZ011  (any year would do)
    both = calendar.closed & calendar.opened
    if both:
        raise InvalidInputError(
            f"In the calendar {name!r} {min(both):%Y-%m-%d} is among the closed and the open dates. Take it out of one."
        )
    if max(len(calendar.closed), len(calendar.opened)) > MOST_DATES:
        raise InvalidInputError(
            f"The calendar {name!r} has more than {MOST_DATES} dates of its own. Leave old ones out."
        )
    return Calendar(name, calendar.country, calendar.region, calendar.closed, calendar.opened, calendar.working_days)


def insert(session: Session, calendar: Calendar, *, now: datetime) -> None:
    """Store a new calendar that was ``checked``.

    Args:
        session: An open transaction.
        calendar: The new one.
        now: Aware instant.

    Raises:
        AlreadyExistsError: If its name is taken, whatever its case, also if somebody took it this moment.
    """
    for taken in session.scalars(sa.select(_TABLE.c.name)):
        if taken.strip().casefold() == calendar.name.casefold():
            raise _taken(taken)
    try:
        session.execute(sa.insert(_TABLE).values(name=calendar.name, **_values(calendar, now)))
    except sa.exc.IntegrityError as error:
        raise _taken(calendar.name) from error


def update(session: Session, calendar: Calendar, edition: UUID, *, now: datetime) -> bool:
    """Change a calendar to what was ``checked``; its name stays.

    Args:
        session: An open transaction.
        calendar: What it is to be.
        edition: The one that the change starts from.
        now: Aware instant.

    Returns:
        False if it was changed or deleted since; nothing was changed then.
    """
    seen = (SameText(_TABLE.c.name, calendar.name), _TABLE.c.edition == edition)
    changed = sa.update(_TABLE).where(*seen).values(**_values(calendar, now))
    return session.connection().execute(changed).rowcount == 1


def delete(session: Session, name: str) -> None:
    """Delete a calendar that no trigger names.

    Raises:
        InvalidInputError: If triggers name it; the message says which.
        NotFoundError: If there is none of this name.
    """
    users = SameText(_SCHEDULED.c.calendar, _TABLE.c.name)
    unused = ~sa.select(_SCHEDULED.c.id).where(users).correlate(_TABLE).exists()
    gone = sa.delete(_TABLE).where(SameText(_TABLE.c.name, name), unused)
    if session.connection().execute(gone).rowcount == 1:
        return
    names = users_of(session, name)
    if names:
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        raise InvalidInputError(
            f"The calendar {name!r} cannot be deleted: it is used by {', '.join(map(repr, names[:5]))}{more}. "
            "Choose another calendar, or none, for these triggers first."
        )
    raise NotFoundError(f"There is no calendar {name!r}. It may have been deleted meanwhile.")


def users_of(session: Session, name: str) -> tuple[str, ...]:
    """Return the names of the triggers that name a calendar, in order."""
    join = _SCHEDULED.join(_TRIGGERS, _TRIGGERS.c.id == _SCHEDULED.c.id)
    query = sa.select(_TRIGGERS.c.trigger_name).select_from(join).where(SameText(_SCHEDULED.c.calendar, name))
    return tuple(session.scalars(query.order_by(_TRIGGERS.c.trigger_name)))


def _values(calendar: Calendar, now: datetime) -> dict[str, Any]:
    return {
        "country": calendar.country,
        "region": calendar.region,
        "working_days": json.dumps(sorted(calendar.working_days)),
        "closed": _dates_text(calendar.closed),
        "opened": _dates_text(calendar.opened),
        "edition": uuid4(),
        "changed_at": now,
    }


def _dates_text(dates: Iterable[date]) -> str:
    return json.dumps([each.isoformat() for each in sorted(dates)])


def _read(row: Any) -> StoredCalendar:
    name = str(row.name)
    try:
        edition = row.edition if isinstance(row.edition, UUID) else UUID(str(row.edition))
    except ValueError:
        return StoredCalendar(name, None, f"its column edition holds {str(row.edition)[:50]!r}", None)
    found: dict[str, Any] = {}
    for column, convert in (("working_days", _weekdays), ("closed", _dates), ("opened", _dates)):
        value = row._mapping[column]
        try:
            found[column] = convert(value)
        except (TypeError, ValueError):
            return StoredCalendar(name, None, f"its column {column} holds {str(value)[:50]!r}", edition)
    for column in ("country", "region"):
        if not isinstance(row._mapping[column], str | None):
            return StoredCalendar(name, None, f"its column {column} holds {row._mapping[column]!r}", edition)
    return StoredCalendar(name, Calendar(name, row.country, row.region, **found), "", edition)


def _weekdays(value: Any) -> frozenset[int]:
    days = frozenset(json.loads(value))
    if not days or not days <= frozenset(range(7)):
        raise ValueError(value)
    return days


def _dates(value: Any) -> frozenset[date]:
    return frozenset(map(date.fromisoformat, json.loads(value)))


def _taken(name: str) -> AlreadyExistsError:
    return AlreadyExistsError(f"There is a calendar with the name {name!r} already. Choose another name, or edit that.")
