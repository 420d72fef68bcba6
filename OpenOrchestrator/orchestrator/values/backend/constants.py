"""Constants for the pages: lists, and guarded changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.constants import Constant
from OpenOrchestrator.database.statuses import UsedKind
from OpenOrchestrator.database.stores import constants, validation
from OpenOrchestrator.orchestrator.values.backend.named_values import NamedRow, NamedValuesBackend

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NAME_LENGTH = constants.NAME_LENGTH
VALUE_LENGTH = constants.VALUE_LENGTH

_C: Any = Constant.__table__.c


@dataclass(frozen=True, slots=True)
class ConstantRow(NamedRow):
    """A constant."""

    value: str


class ConstantsBackend(NamedValuesBackend[ConstantRow]):
    """Constants."""

    noun = "constant"
    kind = AnnotatedKind.CONSTANT
    used = UsedKind.CONSTANT
    row = ConstantRow
    columns = (_C.name, _C.changed_at, _C.value)
    searched = (_C.name, _C.value)
    sorts: ClassVar = {"name": sa.func.lower(_C.name), "value": _C.value, "changed": _C.changed_at}

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
            return self._store(session, before, {"value": stored, "changed_at": self._database.site_now()})

        return await self._write(work)
