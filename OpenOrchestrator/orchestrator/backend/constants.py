"""Constants for the pages: lists, and guarded changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.database import validation
from OpenOrchestrator.database.constants import Constant
from OpenOrchestrator.database.stores import constants
from OpenOrchestrator.orchestrator.backend.base import Backend, Page
from OpenOrchestrator.orchestrator.backend.search import contains

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NAME_LENGTH = constants.NAME_LENGTH
VALUE_LENGTH = constants.VALUE_LENGTH

_C: Any = Constant.__table__
SORTS: dict[str, Any] = {"name": sa.func.lower(_C.c.name), "value": _C.c.value, "changed": _C.c.changed_at}
"""What the list can be sorted by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantsQuery:
    """Which constants a list shows. Hashable, so that tabs with the same query share it.

    Attributes:
        text: Found in name or value.
        sort: Key of SORTS.
        page: From 1.
    """

    text: str = ""
    sort: str = "name"
    descending: bool = False
    page: int = 1
    size: int = 25


@dataclass(frozen=True, slots=True)
class ConstantRow:
    """A constant.

    Attributes:
        changed: Naive site time.
    """

    name: str
    value: str
    changed: datetime


class ConstantsBackend(Backend):
    """Constants. Each method is one transaction; changes are guarded and return whether they happened."""

    async def page(self, query: ConstantsQuery) -> Page[ConstantRow]:
        """Return one page of constants."""

        def work(session: Session) -> Page[ConstantRow]:
            conditions: list[sa.ColumnElement[bool]] = []
            if query.text:
                conditions.append(sa.or_(contains(_C.c.name, query.text), contains(_C.c.value, query.text)))
            total = session.execute(sa.select(sa.func.count()).select_from(_C).where(*conditions)).scalar_one()
            order = SORTS.get(query.sort, SORTS["name"])
            found = (
                sa.select(_C.c.name, _C.c.value, _C.c.changed_at)
                .where(*conditions)
                .order_by(order.desc() if query.descending else order.asc(), _C.c.name)
                .limit(query.size)
                .offset((query.page - 1) * query.size)
            )
            return Page(tuple(ConstantRow(*row) for row in session.execute(found)), int(total))

        return await self._read(work)

    async def get(self, name: str) -> ConstantRow:
        """Return a constant.

        Raises:
            NotFoundError: If there is none with this name.
        """

        def work(session: Session) -> ConstantRow:
            row = session.execute(sa.select(_C.c.name, _C.c.value, _C.c.changed_at).where(_C.c.name == name)).first()
            if row is None:
                raise NotFoundError(f"No constant with name '{name}' was found.")
            return ConstantRow(*row)

        return await self._read(work)

    async def create(self, name: str, value: str) -> None:
        """Add a constant; blanks around its name are dropped.

        Raises:
            AlreadyExistsError: If there is one of this name, whatever its case.
            InvalidInputError: If name or value cannot be stored.
        """
        await self._write(lambda session: constants.create(session, name, value, now=self._database.site_now()))

    async def update(self, before: ConstantRow, value: str) -> bool:
        """Give a constant a new value.

        Args:
            before: What the edit started from.
            value: The new one.

        Returns:
            False if somebody changed or deleted it since ``before`` was read.

        Raises:
            InvalidInputError: If the value cannot be stored.
        """

        def work(session: Session) -> bool:
            dialect = session.get_bind().dialect.name
            stored = validation.text(value, "value of the constant", VALUE_LENGTH, dialect)
            changed = sa.update(_C).where(*_guards(before))
            return _rows(session.execute(changed.values(value=stored, changed_at=self._database.site_now()))) == 1

        return await self._write(work)

    async def delete(self, row: ConstantRow) -> bool:
        """Delete a constant; False if somebody changed or deleted it since ``row`` was read."""
        return await self._write(lambda session: _rows(session.execute(sa.delete(_C).where(*_guards(row)))) == 1)


def _guards(row: ConstantRow) -> tuple[sa.ColumnElement[bool], ...]:
    return _C.c.name == row.name, _C.c.value == row.value, _C.c.changed_at == row.changed


def _rows(result: sa.Result[Any]) -> int:
    return cast("sa.CursorResult[Any]", result).rowcount
