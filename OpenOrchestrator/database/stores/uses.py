"""Data access of uses: on which day which process last read, or wrote, a constant, a credential or a queue.

Owns what can be noted, how it is found again, and for how long it is kept. Functions take an open session, or the
connection of a robot. Must load no model: robots load this module, and it must cost them nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import sqlalchemy as sa

from OpenOrchestrator.database.engine.dialects import text_length
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.statuses import Access, UsedKind
from OpenOrchestrator.database.stores import validation

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session

KEPT_DAYS = 400
"""How long a use is kept: longer than a year, because some processes run once in one."""

NAME_LENGTH = 100

USES = sa.table(
    "Uses",
    sa.column("use_hash", sa.String(64)),
    sa.column("kind", sa.String(20)),
    sa.column("name", sa.Unicode(NAME_LENGTH)),
    sa.column("process_name", sa.Unicode(NAME_LENGTH)),
    sa.column("access", sa.String(10)),
    sa.column("last_day", sa.DATE()),
)
_C = USES.c

_DAY = sa.bindparam("day", type_=sa.DATE())
_LATER = sa.update(USES).where(_C.use_hash == sa.bindparam("use"), _C.last_day < _DAY).values(last_day=_DAY)


class Use(NamedTuple):
    """That a process reads or writes something.

    Attributes:
        name: Of the constant, credential or queue, to the last character.
        process: The name of the process.
    """

    kind: UsedKind
    name: str
    process: str
    access: Access


@dataclass(frozen=True, slots=True)
class LastUse:
    """When a process last read or wrote the thing that was asked about.

    Attributes:
        day: On the site's wall clock.
    """

    process: str
    access: Access
    day: date


def can_be_noted(use: Use, dialect_name: str) -> bool:
    """Tell whether a database can hold the names of a use; robots may give a process any name."""
    return all(
        isinstance(each, str)
        and bool(each)
        and text_length(each, dialect_name) <= NAME_LENGTH
        and validation.storable(each) == each
        for each in (use.name, use.process)
    )


def find_missing(connection: Connection, used: Mapping[Use, date]) -> dict[Use, tuple[date, bool]]:
    """Return those uses that the database does not know of that day or a later one: nothing else has to be written.

    Returns:
        For each its day, and whether it has a row.
    """
    hashes = {_hash(use): use for use in used}
    query = sa.select(_C.use_hash, _C.last_day).where(_C.use_hash.in_(list(hashes)))
    # A row that somebody is just changing must keep nobody waiting; what is read of it too early does no harm.
    query = query.with_hint(USES, "WITH (NOLOCK)", "mssql")
    known: dict[Use, date] = {hashes[row.use_hash]: row.last_day for row in connection.execute(query)}
    return {use: (day, use in known) for use, day in used.items() if known.get(use, date.min) < day}


def note(connection: Connection, missing: Mapping[Use, tuple[date, bool]]) -> None:
    """Write what ``find_missing`` returned. What somebody else notes at the same time stays, with the later day."""
    # In one order for all: robots that end together wait for each other then, but never in a circle.
    ordered = sorted(missing, key=_hash)
    _bring_forward(connection, {use: missing[use][0] for use in ordered if missing[use][1]})
    new = {use: missing[use][0] for use in ordered if not missing[use][1]}
    if _insert(connection, new):
        return
    for use, day in new.items():
        if not _insert(connection, {use: day}):
            _bring_forward(connection, {use: day})


def of(session: Session, kind: UsedKind, name: str) -> tuple[LastUse, ...]:
    """Return who used something, the latest first."""
    query = sa.select(_C.process_name, _C.access, _C.last_day).where(*_is(kind, name))
    found = [LastUse(row.process_name, Access[row.access], row.last_day) for row in session.execute(query)]
    return tuple(sorted(found, key=lambda use: (-use.day.toordinal(), use.process.casefold(), use.process)))


def last_reads(session: Session, kind: UsedKind) -> dict[str, date]:
    """Return when each thing of a kind was last read, by name, in one statement; what nobody read is left out."""
    # Not grouped in the database: a collation would throw names together.
    query = sa.select(_C.name, _C.last_day).where(_C.kind == kind.name, _C.access == Access.READ.name)
    found: dict[str, date] = {}
    for name, day in session.execute(query):
        found[name] = max(day, found.get(name, day))
    return found


def delete(session: Session, kind: UsedKind, name: str) -> None:
    """Delete the uses of something, because it is deleted, or a new one has its name; does nothing twice."""
    session.execute(sa.delete(USES).where(*_is(kind, name)))


def forget_old(session: Session, today: date) -> int:
    """Delete what was last used more than ``KEPT_DAYS`` ago, and return how many rows that were."""
    old = sa.delete(USES).where(_C.last_day < today - timedelta(days=KEPT_DAYS))
    return cast("sa.CursorResult[Any]", session.execute(old)).rowcount


def _hash(use: Use) -> str:
    # The lengths part the names, which may hold any sign.
    text = f"{use.kind.name}/{use.access.name}/{len(use.name)}/{use.name}/{use.process}"
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _is(kind: UsedKind, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    return _C.kind == kind.name, SameText(_C.name, name)


def _bring_forward(connection: Connection, days: Mapping[Use, date]) -> None:
    """Set the day of uses that have a row, unless it is a later one, or what they are about is gone."""
    if days:
        connection.execute(_LATER, [{"use": _hash(use), "day": day} for use, day in days.items()])


def _insert(connection: Connection, days: Mapping[Use, date]) -> bool:
    """Insert uses, all or none; False if somebody else inserted one of them this moment."""
    rows = [
        {
            "use_hash": _hash(use),
            "kind": use.kind.name,
            "name": use.name,
            "process_name": use.process,
            "access": use.access.name,
            "last_day": day,
        }
        for use, day in days.items()
    ]
    try:
        if rows:
            with connection.begin_nested():
                connection.execute(sa.insert(USES), rows)
    except sa.exc.IntegrityError:
        return False
    return True
