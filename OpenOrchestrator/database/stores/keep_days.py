"""For how many days a site keeps jobs, their output, logs and files: its settings, none of which is there at first.

Functions take an open session. For how long queues keep their elements, they say themselves: see ``queue_rules``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.site import KEEP_FILES, KEEP_JOBS, KEEP_LOGS, KEEP_OUTPUT, SiteSetting
from OpenOrchestrator.database.stores import validation

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_DAYS = 36_500

_SETTINGS = cast(sa.Table, SiteSetting.__table__)
NAMES: Mapping[str, str] = MappingProxyType(
    {"jobs": KEEP_JOBS, "output": KEEP_OUTPUT, "logs": KEEP_LOGS, "files": KEEP_FILES}
)
"""Names of the settings, by what they are about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepDays:
    """After how many days something may be deleted; None for never.

    Attributes:
        jobs: Jobs that have ended, with all that belongs to them but their logs.
        output: What the robots of jobs that have ended printed.
        logs: Logs, but those of jobs that have not ended.
        files: Files of jobs and elements that have ended.
    """

    jobs: int | None = None
    output: int | None = None
    logs: int | None = None
    files: int | None = None


def read(session: Session) -> KeepDays:
    """Return what is set; a value that can be none means never."""
    query = sa.select(_SETTINGS.c.name, _SETTINGS.c.value).where(_SETTINGS.c.name.in_(NAMES.values()))
    stored: dict[str, str] = {row.name: row.value for row in session.connection().execute(query)}
    return KeepDays(**{what: _days(stored.get(name)) for what, name in NAMES.items()})


def write(session: Session, wanted: KeepDays) -> None:
    """Store for how long the site keeps things. Schedulers take it up at their next sweep.

    Raises:
        InvalidInputError: If a number of days is out of range.
    """
    for what, days in asdict(wanted).items():
        if days is not None:
            checked(days, what)
    for what, days in asdict(wanted).items():
        put(session, what, days)


def put(session: Session, what: str, days: int | None) -> None:
    """Store one of them, which was ``checked``: ``jobs``, ``output``, ``logs`` or ``files``."""
    connection = session.connection()
    mine = _SETTINGS.c.name == NAMES[what]
    if days is None:
        connection.execute(sa.delete(_SETTINGS).where(mine))
        return
    update = sa.update(_SETTINGS).where(mine).values(value=str(days))
    if connection.execute(update).rowcount:
        return
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(_SETTINGS).values(name=NAMES[what], value=str(days)))
    except sa.exc.IntegrityError:  # somebody else stored one at this moment
        connection.execute(update)


def checked(days: object, what: str) -> int:
    """Return a number of days that can be stored.

    Raises:
        InvalidInputError: If it can be none.
    """
    number = validation.integer(days, f"number of days to keep {what}")
    if not 1 <= number <= MOST_DAYS:
        raise InvalidInputError(f"The number of days to keep {what} has to be from 1 to {MOST_DAYS}, not {number}.")
    return number


def _days(stored: str | None) -> int | None:
    number = int(stored) if stored is not None and stored.isascii() and stored.isdecimal() and len(stored) < 9 else 0
    return number if 1 <= number <= MOST_DAYS else None
