"""Data access of constants: named values that robots read.

Functions take an open session. Dates are site time. The lookup by name is shared with ``credentials``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.errors import AlreadyExistsError, NotFoundError
from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.constants import Constant, Credential
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.statuses import UsedKind
from OpenOrchestrator.database.stores import constant_overrides, notes, uses, validation

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NAME_LENGTH = 100
VALUE_LENGTH = 1000

_MOST_CLOSE = 3

N = TypeVar("N", Constant, Credential)

_KINDS: dict[type[Any], AnnotatedKind] = {Constant: AnnotatedKind.CONSTANT, Credential: AnnotatedKind.CREDENTIAL}
_USED: dict[type[Any], UsedKind] = {Constant: UsedKind.CONSTANT, Credential: UsedKind.CREDENTIAL}


def get(session: Session, name: str) -> Constant:
    """Return a constant.

    Raises:
        NotFoundError: If there is none with this name.
    """
    return get_named(session, Constant, name)


def get_all(session: Session) -> tuple[Constant, ...]:
    """Return all constants in order of their names."""
    return tuple(session.scalars(sa.select(Constant).order_by(Constant.name)))


def get_for_job(session: Session, name: str, job_id: UUID | None) -> Constant:
    """Return a constant with the value that it has for a job: that of its scheduler, if the constant has one there.

    Args:
        session: An open transaction.
        name: Its name.
        job_id: The job; None, or one that is not known, for the value that all others have.

    Raises:
        NotFoundError: If there is none with this name.
    """
    return _read_for_job(session, name, job_id)[0] if job_id is not None else get(session, name)


def create(
    session: Session, name: str, value: str, *, now: datetime, overrides: Mapping[str, str] | None = None
) -> None:
    """Add a constant; blanks around its name are dropped.

    Args:
        session: An open transaction.
        name: Its name.
        value: Its value on all schedulers without one of their own.
        now: Site time.
        overrides: Values by name of a scheduler.

    Raises:
        AlreadyExistsError: If there is one of this name, whatever its case.
        InvalidInputError: If a name or value cannot be stored.
    """
    dialect_name = session.get_bind().dialect.name
    stored = validation.text(value, "value of the constant", VALUE_LENGTH, dialect_name)
    of_schedulers = constant_overrides.checked(overrides or {}, dialect_name)
    insert_named(session, Constant, name, {"value": stored, "changed_at": now})
    if of_schedulers:
        constant_overrides.replace(session, name.strip(), of_schedulers)


def update(
    session: Session, name: str, value: str, *, now: datetime, overrides: Mapping[str, str] | None = None
) -> str:
    """Give a constant a new value, and return its name as it is stored.

    Args:
        session: An open transaction.
        name: Its name.
        value: Its value on all schedulers without one of their own.
        now: Site time.
        overrides: Values by name of a scheduler, in the place of those that it has; None leaves them.

    Raises:
        NotFoundError: If there is none with this name.
        InvalidInputError: If a name or value cannot be stored.
    """
    dialect_name = session.get_bind().dialect.name
    stored = validation.text(value, "value of the constant", VALUE_LENGTH, dialect_name)
    of_schedulers = None if overrides is None else constant_overrides.checked(overrides, dialect_name)
    changed = update_named(session, Constant, name, {"value": stored, "changed_at": now})
    if of_schedulers is not None:
        constant_overrides.replace(session, changed, of_schedulers)
    return changed


def update_for_job(session: Session, name: str, value: str, job_id: UUID | None, *, now: datetime) -> str:
    """Change the value that a job reads, and return the name of the constant as it is stored.

    That is the value of the job's scheduler, if the constant has one there, and otherwise that of all others.

    Raises:
        NotFoundError: If there is none with this name.
        InvalidInputError: If the value cannot be stored.
    """
    stored = validation.text(value, "value of the constant", VALUE_LENGTH, session.get_bind().dialect.name)
    if job_id is not None:
        constant, scheduler = _read_for_job(session, name, job_id)
        if scheduler is not None:
            update_named(session, Constant, constant.name, {"changed_at": now})
            if constant_overrides.update(session, constant.name, scheduler, stored):
                return constant.name
    return update(session, name, stored, now=now)


def delete(session: Session, name: str) -> None:
    """Delete a constant.

    Raises:
        NotFoundError: If there is none with this name.
    """
    delete_named(session, Constant, name)


def get_named(session: Session, model: type[N], name: str) -> N:
    """Return the constant or credential of a name.

    Earlier versions stored names with the blanks around them, so the name as given comes first. The trimmed one comes
    next, here and for changes: robots of 3.0 that create a name with a blank at its end ask for it with that blank, and
    on SQL Server they found also the name without.

    Raises:
        NotFoundError: If there is none.
        InvalidInputError: If the name cannot be one.
    """
    for candidate in _candidates(session, model, name):
        found = session.scalars(sa.select(model).where(SameText(model.name, candidate))).first()
        if found is not None:
            return found
    raise _not_found(session, model, name)


def insert_named(session: Session, model: type[N], name: str, values: dict[str, Any]) -> None:
    """Insert a constant or credential under a name that is free, with nothing noted about it, and not used yet.

    An older program may have deleted one of this name, and left what was noted about that.

    Raises:
        AlreadyExistsError: If the name is taken, whatever its case, also if somebody took it this moment.
        InvalidInputError: If the name cannot be stored.
    """
    noun = model.__name__.lower()
    trimmed = validation.name(name, f"name of the {noun}", NAME_LENGTH, session.get_bind().dialect.name)
    for taken in session.scalars(sa.select(model.name)):
        if taken.strip().casefold() == trimmed.casefold():
            raise _taken(noun, taken, trimmed)
    # What the collation of this database takes for the same has no room beside it, because the name is the key.
    same = session.scalar(sa.select(model.name).where(model.name == trimmed))
    if same is not None:
        raise _taken(noun, same, trimmed)
    try:
        session.execute(sa.insert(_table(model)), {"name": trimmed, **values})
    except sa.exc.IntegrityError as error:
        raise _taken(noun, trimmed, trimmed) from error
    forget_named(session, model, trimmed)


def update_named(session: Session, model: type[N], name: str, values: dict[str, Any]) -> str:
    """Change the constant or credential of a name, and return that as it is stored.

    Raises:
        NotFoundError: If there is none.
        InvalidInputError: If the name cannot be one.
    """
    for candidate in _candidates(session, model, name):
        if _rows(session.execute(sa.update(_table(model)).where(SameText(model.name, candidate)).values(values))):
            return candidate
    raise _not_found(session, model, name)


def delete_named(session: Session, model: type[N], name: str) -> None:
    """Delete the constant or credential of a name, with all that is stored beside it.

    Raises:
        NotFoundError: If there is none.
        InvalidInputError: If the name cannot be one.
    """
    for candidate in _candidates(session, model, name):
        if _rows(session.execute(sa.delete(_table(model)).where(SameText(model.name, candidate)))):
            forget_named(session, model, candidate)
            return
    raise _not_found(session, model, name)


def forget_named(session: Session, model: type[Constant | Credential], name: str) -> None:
    """Delete what is stored beside a constant or credential that is deleted, or was before this one.

    That is what is noted about it, who used it, and which values it has on single schedulers.
    """
    if model is Constant:
        constant_overrides.delete(session, name)
    notes.delete(session, _KINDS[model], name)
    uses.delete(session, _USED[model], name)


def has(session: Session, model: type[N], name: str, values: dict[str, Any]) -> bool:
    """Tell whether there is a constant or credential of this name with these values, to recognise what was saved."""
    for candidate in _candidates(session, model, name):
        row = session.scalars(sa.select(model).where(SameText(model.name, candidate))).first()
        if row is not None:
            return all(getattr(row, column) == value for column, value in values.items())
    return False


def _read_for_job(session: Session, name: str, job_id: UUID) -> tuple[Constant, str | None]:
    """Return a constant as a job reads it, and its scheduler if the value is that of this one."""
    table = _table(Constant)
    for candidate in _candidates(session, Constant, name):
        query = sa.select(*table.c).where(SameText(table.c.name, candidate))
        rows = session.execute(constant_overrides.with_those_of_job(query, table, candidate, job_id)).all()
        if rows:
            first, override = rows[0], constant_overrides.chosen(rows)
            value = first.value if override is None else override
            found = Constant(name=first.name, value=value, changed_at=first.changed_at)
            return found, None if override is None else first.scheduler
    raise _not_found(session, Constant, name)


def _candidates(session: Session, model: type[N], name: object) -> dict[str, None]:
    noun = model.__name__.lower()
    given = validation.text(name, f"name of the {noun}", NAME_LENGTH, session.get_bind().dialect.name)
    return dict.fromkeys((given, given.strip()))


def _table(model: type[N]) -> sa.Table:
    return cast(sa.Table, model.__table__)


def _rows(result: sa.Result[Any]) -> int:
    return cast("sa.CursorResult[Any]", result).rowcount


def _not_found(session: Session, model: type[N], name: str) -> NotFoundError:
    noun = model.__name__.lower()
    close = close_names(name, session.scalars(sa.select(model.name)))
    hint = f" Close to it: {', '.join(map(repr, close))}." if close else ""
    return NotFoundError(f"No {noun} with name '{name}' was found.{hint}")


def close_names(name: str, names: Iterable[str]) -> list[str]:
    """Return the names that somebody who wrote this one may have meant, the closest first; at most three.

    Args:
        name: What was written.
        names: Those that there are.
    """
    from difflib import get_close_matches  # noqa: PLC0415  (only mistakes need it)

    # Of names that differ only in their case, each counts.
    there: dict[str, list[str]] = {}
    for each in names:
        there.setdefault(each.strip().casefold(), []).append(each)
    close = get_close_matches(name.strip().casefold(), there, n=_MOST_CLOSE)
    return [each for folded in close for each in sorted(there[folded])][:_MOST_CLOSE]


def _taken(noun: str, taken: str, wanted: str) -> AlreadyExistsError:
    same = "" if taken == wanted else f", which some databases cannot tell from {wanted!r}"
    return AlreadyExistsError(
        f"There is a {noun} with the name {taken!r} already{same}. Choose another name, or update that one."
    )
