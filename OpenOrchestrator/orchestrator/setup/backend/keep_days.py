"""For how many days the site keeps what is old, as Settings shows and stores it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.orchestrator.backend.base import Backend

if TYPE_CHECKING:
    from OpenOrchestrator.database.stores.keep_days import KeepDays


class KeepDaysBackend(Backend):
    """For how many days things are kept."""

    async def present(self) -> KeepDays:
        """Return what is stored.

        Raises:
            DatabaseError: If the database cannot be used.
        """
        from OpenOrchestrator.database.stores import keep_days  # noqa: PLC0415

        return await self._read(keep_days.read)

    async def store(self, days: KeepDays) -> None:
        """Store for how many days things are kept.

        Raises:
            InvalidInputError: If a number of days is out of range.
            DatabaseError: If the database refuses.
        """
        from OpenOrchestrator.database.stores import keep_days  # noqa: PLC0415

        await self._write(lambda session: keep_days.write(session, days))


def days_of(texts: dict[str, str]) -> KeepDays:
    """Return the days that somebody typed, by what they are about; an empty text means for ever. Pure.

    Raises:
        InvalidInputError: If one is no number of days.
    """
    from OpenOrchestrator.database.stores.keep_days import KeepDays, checked  # noqa: PLC0415

    found: dict[str, int | None] = {}
    for what, text in texts.items():
        typed = text.strip()
        if typed and not (typed.isascii() and typed.isdecimal() and len(typed) < 9):
            raise InvalidInputError(f"{typed[:20]!r} is no number of days to keep {what}. Give one, or leave it empty.")
        found[what] = checked(int(typed), what) if typed else None
    return KeepDays(**found)


def is_sooner(days: int | None, before: int | None) -> bool:
    """Tell whether something is kept for a shorter time than before; None is for ever. Pure."""
    return days is not None and (before is None or days < before)
