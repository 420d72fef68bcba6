"""Constants for the pages: lists, and guarded changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.constants import Constant
from OpenOrchestrator.database.statuses import UsedKind
from OpenOrchestrator.database.stores import constant_overrides, constants, validation
from OpenOrchestrator.orchestrator.values.backend.named_values import NamedRow, NamedValuesBackend

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NAME_LENGTH = constants.NAME_LENGTH
VALUE_LENGTH = constants.VALUE_LENGTH
SCHEDULER_LENGTH = constant_overrides.SCHEDULER_LENGTH

_C: Any = Constant.__table__.c


@dataclass(frozen=True, slots=True)
class ConstantRow(NamedRow):
    """A constant.

    Attributes:
        overrides: Its values on single schedulers, by their names.
    """

    value: str
    overrides: tuple[tuple[str, str], ...] = ()


class ConstantsBackend(NamedValuesBackend[ConstantRow]):
    """Constants."""

    noun = "constant"
    kind = AnnotatedKind.CONSTANT
    used = UsedKind.CONSTANT
    model = Constant
    row = ConstantRow
    columns = (_C.name, _C.changed_at, _C.value)
    searched = (_C.name, _C.value)
    sorts: ClassVar = {"name": sa.func.lower(_C.name), "value": _C.value, "changed": _C.changed_at}

    async def create(self, name: str, value: str, overrides: Mapping[str, str] | None = None) -> None:
        """Add a constant; blanks around its name are dropped.

        Args:
            name: Its name.
            value: Its value on all schedulers without one of their own.
            overrides: Values by name of a scheduler.

        Raises:
            AlreadyExistsError: If there is one of this name, whatever its case.
            InvalidInputError: If name or value cannot be stored.
        """
        now = self._database.site_now()
        await self._write(lambda session: constants.create(session, name, value, now=now, overrides=overrides))

    async def update(self, before: ConstantRow, value: str, overrides: Mapping[str, str] | None = None) -> bool:
        """Give a constant a new value.

        Args:
            before: What the edit started from.
            value: The new one.
            overrides: Values by name of a scheduler, in the place of those that it has; None leaves them.

        Returns:
            False if somebody changed or deleted it since ``before`` was read.

        Raises:
            InvalidInputError: If a name or value cannot be stored.
        """

        def work(session: Session) -> bool:
            dialect = session.get_bind().dialect.name
            stored = validation.text(value, "value of the constant", VALUE_LENGTH, dialect)
            of_schedulers = None if overrides is None else constant_overrides.checked(overrides, dialect)
            # Changes nothing, but has others wait, so that the overrides can be compared as well.
            if not self._store(session, before, {"changed_at": before.changed}):
                return False
            if of_schedulers is not None and _overrides(session, before.name) != before.overrides:
                return False
            changed = self._store(session, before, {"value": stored, "changed_at": self._database.site_now()})
            if changed and of_schedulers is not None:
                constant_overrides.replace(session, before.name, of_schedulers)
            return changed

        return await self._write(work)

    def _rows(self, session: Session, found: Sequence[Any]) -> tuple[ConstantRow, ...]:
        overrides = constant_overrides.of_names(session, [row.name for row in found])
        return tuple(
            ConstantRow(row.name, row.changed_at, row.value, tuple(overrides.get(row.name, {}).items()))
            for row in found
        )


def _overrides(session: Session, name: str) -> tuple[tuple[str, str], ...]:
    return tuple(constant_overrides.of_names(session, [name]).get(name, {}).items())
