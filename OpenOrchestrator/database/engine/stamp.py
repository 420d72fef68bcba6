"""What a database says about itself: the revision of its tables and the time zone of its site.

Owns reading both in one statement, because every robot asks for them before it starts. Must not know any model, nor
judge the answer: ``revisions`` does.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from OpenOrchestrator.common.errors import ConfigurationError, RevisionError

_VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))
_SETTINGS = sa.table("Site_Settings", sa.column("name", sa.String), sa.column("value", sa.String))
_IS_ZONE = _SETTINGS.c.name == sa.literal_column("'timezone'", sa.String)
_QUERY = sa.select(_VERSION.c.version_num, _SETTINGS.c.value).select_from(_VERSION.outerjoin(_SETTINGS, _IS_ZONE))


@dataclass(frozen=True, slots=True)
class Stamp:
    """The revision and the IANA name of the site's time zone; None where the table or its row is missing."""

    revision: str | None
    zone_name: str | None


def read_stamp(connection: Connection) -> Stamp:
    """Read revision and time zone: in one round trip from a database made by ``upgrade``, in a few from any other.

    Raises:
        RevisionError: If the database holds several revisions.
        sqlalchemy.exc.DBAPIError: If the tables are there but cannot be read.
    """
    if connection.in_transaction():  # a statement that fails would spoil the caller's work
        return _read_what_is_there(connection)
    if connection.dialect.name == "postgresql":
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")  # spares the trip that begins
    try:
        rows = connection.execute(_QUERY).all()
    except sa.exc.DBAPIError as error:
        if error.connection_invalidated:
            raise
        connection.rollback()
    else:
        if rows:
            return Stamp(_only([row.version_num for row in rows]), rows[0].value)
    return _read_what_is_there(connection)


def machine_zone() -> ZoneInfo:
    """Return the time zone of this machine.

    Raises:
        ConfigurationError: If the machine says it in a way that is not understood, such as the rules of a POSIX ``TZ``.
    """
    from tzlocal import get_localzone  # noqa: PLC0415  (only sites without a stored zone need it)

    try:
        return get_localzone()
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _nameless() from error


def machine_zone_name() -> str:
    """Return the IANA name of this machine's time zone.

    Raises:
        ConfigurationError: If it has none.
    """
    from tzlocal import get_localzone_name  # noqa: PLC0415  (see above)

    zone = machine_zone()  # unlike the name alone, it heeds whatever TZ holds, and refuses what it does not understand
    try:
        return ZoneInfo(zone.key if zone.key and zone.key != "local" else get_localzone_name() or "").key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _nameless() from error


def _nameless() -> ConfigurationError:
    told = os.environ.get("TZ")
    cause = f": TZ is {told!r}" if told else ""
    return ConfigurationError(
        f"The time zone of this machine has no IANA name{cause}. Say which one the site's dates are meant in: "
        'python -m OpenOrchestrator upgrade "<connection string>" --timezone Europe/Copenhagen'
    )


def _read_what_is_there(connection: Connection) -> Stamp:
    inspector = sa.inspect(connection)
    revisions: list[str] = []
    zone_name: str | None = None
    if inspector.has_table(_VERSION.name):
        revisions = list(connection.execute(sa.select(_VERSION.c.version_num)).scalars())
    if inspector.has_table(_SETTINGS.name):
        zone_name = connection.execute(sa.select(_SETTINGS.c.value).where(_IS_ZONE)).scalar()
    return Stamp(_only(revisions) if revisions else None, zone_name)


def _only(revisions: list[str]) -> str:
    if len(set(revisions)) > 1:
        raise RevisionError(
            f"The table alembic_version holds several revisions ({', '.join(sorted(set(revisions)))}), but a database "
            "of OpenOrchestrator has one. Restore the table from a backup, or delete the rows that do not belong there."
        )
    return revisions[0]
