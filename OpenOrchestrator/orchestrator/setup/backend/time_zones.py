"""What holds for the whole site: what it is called, and its time zone, which there are, and storing one."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.common.schedules import known_zones
from OpenOrchestrator.orchestrator.backend.base import Backend, off_loop

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class SiteBackend(Backend):
    """What holds for the whole site."""

    async def set_identity(self, name: str, colour: str) -> None:
        """Store what the site is called, and its colour; an empty name takes both away.

        Raises:
            InvalidInputError: If one of them cannot be.
            DatabaseError: If the database refuses.
        """
        from OpenOrchestrator.database.stores import site_identity  # noqa: PLC0415

        await self._write(lambda session: site_identity.store(session, name=name, colour=colour))

    async def set_time_zone(self, name: str) -> str:
        """Store the site's time zone, and return its name.

        Raises:
            ConfigurationError: If there is no such zone.
            DatabaseError: If the database refuses.
        """
        from OpenOrchestrator.database.schema import migrations  # noqa: PLC0415  (loads Alembic)

        valid = valid_zone(name)

        def work(session: Session) -> None:
            migrations.set_time_zone(session.connection(), valid)

        await self._write(work)
        self._database.forget_zone()
        return valid


def valid_zone(name: str) -> str:
    """Return the name of a time zone as it is stored.

    Raises:
        ConfigurationError: If there is no such zone.
    """
    from OpenOrchestrator.database.schema import migrations  # noqa: PLC0415  (loads Alembic)

    try:
        return migrations.valid_zone_name(name)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"There is no time zone {name.strip()!r}. Give an IANA name, such as Europe/Copenhagen."
        ) from error


async def zone_names() -> tuple[str, ...]:
    """Return the names of all time zones, and the machine's first where it is known."""
    return await off_loop(_zone_names)


@lru_cache(maxsize=1)
def _zone_names() -> tuple[str, ...]:
    own = machine_zone()
    return ((own,) if own else ()) + tuple(name for name in known_zones() if name != own)


def machine_zone() -> str:
    """Return the name of this machine's time zone; empty where it has none by name."""
    from OpenOrchestrator.database.schema import migrations  # noqa: PLC0415  (loads Alembic)

    try:
        return migrations.machine_zone_name()
    except ConfigurationError:
        return ""


def site_time(zone_name: str, now: datetime) -> str:
    """Return what a wall clock in a zone shows, to see whether it is the right one.

    Raises:
        ConfigurationError: If there is no such zone.
    """
    import zoneinfo  # noqa: PLC0415

    local = now.astimezone(zoneinfo.ZoneInfo(valid_zone(zone_name)))
    return f"{local:%H:%M}"
