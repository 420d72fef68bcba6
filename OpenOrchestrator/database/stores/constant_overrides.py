"""Data access of the values that constants have on single schedulers, in the place of their own.

Functions take an open session, and names of constants exactly as they are stored. Whoever changes such values changes
the row of the constant before, at least its date: that lock has all others wait, and tells forms of the change. What a
constant is by itself is the concern of ``constants``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.constants import ConstantOverride
from OpenOrchestrator.database.engine.dialects import text_type, uuid_type
from OpenOrchestrator.database.engine.exact_texts import TextBytes
from OpenOrchestrator.database.stores import validation

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SCHEDULER_LENGTH = 100
VALUE_LENGTH = 1000

OVERRIDES: Any = ConstantOverride.__table__

# Not the model: a robot would have to wait for loading it.
JOBS = sa.table("Jobs", sa.column("id", uuid_type()), sa.column("scheduler_name", text_type(100)))


def name_hash(name: str) -> str:
    """Return the key of a constant."""
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def scheduler_hash(name: str) -> str:
    """Return the key of a scheduler: the same for names that differ in case or in blanks around them alone."""
    return sha256(name.strip().casefold().encode("utf-8", "surrogatepass")).hexdigest()


def checked(values: Mapping[str, str], dialect_name: str) -> dict[str, str]:
    """Return values by scheduler as they can be stored, in the order of the schedulers' names.

    Raises:
        InvalidInputError: If a name or a value cannot be stored, or two names are those of the same scheduler.
    """
    found: dict[str, tuple[str, str]] = {}
    for scheduler, value in values.items():
        name = validation.name(scheduler, "name of the scheduler", SCHEDULER_LENGTH, dialect_name)
        stored = validation.text(value, f"value of the constant on {name}", VALUE_LENGTH, dialect_name)
        former = found.setdefault(scheduler_hash(name), (name, stored))
        if former != (name, stored):
            raise InvalidInputError(f"The scheduler {name!r} has two values: it is also written {former[0]!r}.")
    return dict(sorted(found.values(), key=lambda each: (each[0].casefold(), each[0])))


def of_names(session: Session, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the values by scheduler of each of these constants that has any."""
    return _by_name(session, OVERRIDES.c.name_hash.in_(sorted({name_hash(name) for name in names})))


def get_all(session: Session) -> dict[str, dict[str, str]]:
    """Return the values by scheduler of every constant that has any."""
    return _by_name(session)


def replace(session: Session, name: str, values: Mapping[str, str]) -> None:
    """Make these the values of a constant by scheduler.

    Args:
        session: An open transaction, in which the constant was inserted or changed before.
        name: The constant.
        values: What ``checked`` returned.
    """
    if _by_name(session, OVERRIDES.c.name_hash == name_hash(name)):
        delete(session, name)
    rows = [
        {
            "name_hash": name_hash(name),
            "scheduler_hash": scheduler_hash(scheduler),
            "constant_name": name,
            "scheduler_name": scheduler,
            "value": value,
        }
        for scheduler, value in values.items()
    ]
    if rows:
        session.execute(sa.insert(OVERRIDES), rows)


def update(session: Session, name: str, scheduler: str, value: str) -> bool:
    """Change the value of a constant on a scheduler; False if it has none there.

    Args:
        session: An open transaction, in which the constant was changed before.
        name: The constant.
        scheduler: Name of the scheduler.
        value: One that can be stored.
    """
    here = (OVERRIDES.c.name_hash == name_hash(name), OVERRIDES.c.scheduler_hash == scheduler_hash(scheduler))
    changed = session.execute(sa.update(OVERRIDES).where(*here).values(value=value))
    return cast("sa.CursorResult[Any]", changed).rowcount == 1


def delete(session: Session, name: str) -> None:
    """Delete the values of a constant on all schedulers."""
    session.execute(sa.delete(OVERRIDES).where(OVERRIDES.c.name_hash == name_hash(name)))


def with_those_of_job(query: sa.Select[Any], table: sa.Table, name: str, job_id: UUID) -> sa.Select[Any]:
    """Add to a query of a constant: its values on all schedulers, and on which one a job runs.

    A scheduler is told by a hash, which databases cannot make, so that ``chosen`` has to look for the value among the
    rows: one for each value, and one without any if there is none.

    Args:
        query: Finds the constant.
        table: Where it finds it.
        name: Its name.
        job_id: The job.
    """
    values = OVERRIDES.c
    scheduler = sa.select(JOBS.c.scheduler_name).where(JOBS.c.id == job_id).scalar_subquery()
    # The hash finds them; the names are compared for SQLAlchemy, which warns of joins that compare nothing.
    same = TextBytes(values.constant_name) == TextBytes(table.c.name)
    joined = table.outerjoin(OVERRIDES, sa.and_(values.name_hash == name_hash(name), same))
    added = (scheduler.label("scheduler"), values.scheduler_hash.label("key"), values.value.label("own"))
    return query.add_columns(*added).select_from(joined)


def chosen(rows: Iterable[Any]) -> str | None:
    """Return the value of the job's scheduler among the rows of ``with_those_of_job``; None if it has none. Pure."""
    for row in rows:
        if row.scheduler is not None and row.key == scheduler_hash(row.scheduler):
            return str(row.own)
    return None


def _by_name(session: Session, *conditions: Any) -> dict[str, dict[str, str]]:
    columns = (OVERRIDES.c.constant_name, OVERRIDES.c.scheduler_name, OVERRIDES.c.value)
    found: dict[str, dict[str, str]] = {}
    rows = session.execute(sa.select(*columns).where(*conditions)).all()
    for name, scheduler, value in sorted(rows, key=lambda row: (row[1].casefold(), row[1])):
        found.setdefault(name, {})[scheduler] = value
    return found
