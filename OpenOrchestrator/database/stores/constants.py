"""Data access of constants: named values that robots read.

Functions take an open session. Dates are site time. The lookup by name is shared with ``credentials``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

import sqlalchemy as sa

from OpenOrchestrator.common.errors import AlreadyExistsError, NotFoundError
from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.constants import Constant, Credential
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.statuses import UsedKind
from OpenOrchestrator.database.stores import notes, uses, validation

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


def create(session: Session, name: str, value: str, *, now: datetime) -> None:
    """Add a constant; blanks around its name are dropped.

    Raises:
        AlreadyExistsError: If there is one of this name, whatever its case.
        InvalidInputError: If name or value cannot be stored.
    """
    stored = validation.text(value, "value of the constant", VALUE_LENGTH, session.get_bind().dialect.name)
    insert_named(session, Constant, name, {"value": stored, "changed_at": now})


def update(session: Session, name: str, value: str, *, now: datetime) -> str:
    """Give a constant a new value, and return its name as it is stored.

    Raises:
        NotFoundError: If there is none with this name.
        InvalidInputError: If the value cannot be stored.
    """
    stored = validation.text(value, "value of the constant", VALUE_LENGTH, session.get_bind().dialect.name)
    return update_named(session, Constant, name, {"value": stored, "changed_at": now})


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
    """Delete the constant or credential of a name, with what is noted about it and who used it.

    Raises:
        NotFoundError: If there is none.
        InvalidInputError: If the name cannot be one.
    """
    for candidate in _candidates(session, model, name):
        if _rows(session.execute(sa.delete(_table(model)).where(SameText(model.name, candidate)))):
            forget_named(session, model, candidate)
            return
    raise _not_found(session, model, name)


def forget_named(session: Session, model: type[N], name: str) -> None:
    """Delete what is noted about a constant or credential that is deleted, or was before this one, and who used it."""
    notes.delete(session, _KINDS[model], name)
    uses.delete(session, _USED[model], name)


def has(session: Session, model: type[N], name: str, values: dict[str, Any]) -> bool:
    """Tell whether there is a constant or credential of this name with these values, to recognise what was saved."""
    for candidate in _candidates(session, model, name):
        row = session.scalars(sa.select(model).where(SameText(model.name, candidate))).first()
        if row is not None:
            return all(getattr(row, column) == value for column, value in values.items())
    return False


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
