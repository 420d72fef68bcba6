"""Creating databases and bringing them up to date.

Owns when migrations run, on what, and what is refused. Must not know what a migration changes. Loads Alembic and all
models: a robot, which only needs to know whether a database fits, asks ``revisions`` instead.
"""

from __future__ import annotations

import io
import threading
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import Connection, make_url

from OpenOrchestrator import __version__
from OpenOrchestrator.common.errors import ConfigurationError, ConnectionFailedError, InvalidInputError, RevisionError
from OpenOrchestrator.common.redaction import mask_connection_string
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.stamp import machine_zone_name
from OpenOrchestrator.database.schema.inspection import DatabaseState, Situation, inspect_connection
from OpenOrchestrator.database.schema.migration_environment import ON_REVISION
from OpenOrchestrator.database.schema.revisions import head_revision, known_revisions, migrations_folder, newer
from OpenOrchestrator.database.schema.upgrade_lock import exclusive
from OpenOrchestrator.database.site import TIME_ZONE

__all__ = [
    "Change",
    "DatabaseState",
    "Phase",
    "Progress",
    "Situation",
    "UpgradeResult",
    "inspect_database",
    "machine_zone_name",
    "pending_changes",
    "require_upgradable",
    "set_time_zone",
    "upgrade",
    "upgrade_sql",
    "valid_zone_name",
]

_SETTINGS = sa.table("Site_Settings", sa.column("name", sa.Unicode), sa.column("value", sa.Unicode))
_IS_ZONE = _SETTINGS.c.name == TIME_ZONE

_SCRIPT_ADVICE = (
    "-- Back the database up first, stop schedulers and apps while this runs, and stop at the first error.\n"
)
_SCRIPT_BEGIN = {
    "mssql": "-- For example: sqlcmd -b -i upgrade.sql\n\nSET XACT_ABORT ON;\nGO\n",
    "postgresql": "-- For example: psql -v ON_ERROR_STOP=1 -f upgrade.sql\n",
}

_alembic = threading.Lock()  # Alembic keeps the migration that runs in module globals


class Phase(Enum):
    """What an upgrade reports."""

    WAITING = "waiting for another upgrade"
    STARTED = "started"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Change:
    """One revision that an upgrade applies, described for people."""

    revision: str
    description: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A report of an upgrade; ``change`` is None while it waits for another one."""

    phase: Phase
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class UpgradeResult:
    """What an upgrade did.

    Attributes:
        before: The database as it was found, once the upgrade was alone on it.
        applied: The revisions applied.
        zone_name: The site's time zone from now on.
        zone_changed: Whether it was stored by this upgrade.
    """

    before: DatabaseState
    applied: tuple[Change, ...]
    zone_name: str
    zone_changed: bool

    @property
    def changed_anything(self) -> bool:
        """Whether the database is another one than before."""
        return bool(self.applied) or self.zone_changed or not self.before.stamped


def inspect_database(connection_string: str) -> DatabaseState:
    """Return what a database holds, without changing it.

    A SQLite file that does not exist counts as an empty database, and is not made.

    Raises:
        ConfigurationError: If the connection string cannot be used.
        ConnectionFailedError: If the database cannot be reached.
        DatabaseError: If it cannot be read.
    """
    file = _sqlite_file(connection_string)
    if file is not None and not file.exists():
        if not file.parent.is_dir():
            raise ConnectionFailedError(f"The folder {file.parent} for the database {file.name} does not exist.")
        return DatabaseState(Situation.EMPTY)
    database = _open(connection_string)
    try:
        database.verify()
        with database.connection() as connection:
            return inspect_connection(connection)
    finally:
        database.close()


def require_upgradable(state: DatabaseState, connection_string: str) -> None:
    """Refuse a database of a newer version, or of another program.

    Raises:
        RevisionError: Says what it is and what to do.
    """
    masked = mask_connection_string(connection_string)
    if state.situation is Situation.NEWER:
        raise newer(masked, str(state.revision))
    if state.situation is Situation.FOREIGN:
        raise RevisionError(f"The database {masked} is no database of OpenOrchestrator. {state.problem}.")


def pending_changes(state: DatabaseState) -> tuple[Change, ...]:
    """Return what an upgrade of such a database applies, in order."""
    script = ScriptDirectory.from_config(_config({}))
    known = known_revisions()
    start = 0 if state.revision is None else known.index(state.revision) + 1
    return tuple(Change(revision, script.get_revision(revision).doc) for revision in known[start:])


def upgrade(
    connection_string: str,
    *,
    zone: str | None = None,
    new: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> UpgradeResult:
    """Create a database, or bring one up to date with all its data; does nothing where it is.

    Only one upgrade of a database runs at a time: a second one waits, and then finds it done. Where the database can
    (not MariaDB and MySQL) all changes are saved together or not at all; everywhere, an upgrade that was killed can
    be run again.

    Args:
        connection_string: SQLAlchemy URL.
        zone: IANA name of the site's time zone. None keeps the stored one; where none is stored, this machine's.
        new: Refuse a database that is not empty.
        on_progress: Told about each revision.

    Raises:
        ConfigurationError: If the connection string or the zone cannot be used.
        RevisionError: If the database is of a newer version, of another program, or not empty though ``new``.
        ConnectionFailedError: If it cannot be reached.
        DatabaseError: If it refuses a statement.
    """
    given_zone = None if zone is None else valid_zone_name(zone)

    def report(phase: Phase, change: Change | None = None) -> None:
        if on_progress is not None:
            on_progress(Progress(phase, change))

    database = _open(connection_string)
    try:
        with exclusive(database, lambda: report(Phase.WAITING)) as connection:
            before = inspect_connection(connection)
            require_upgradable(before, connection_string)
            if new and (before.situation is not Situation.EMPTY or before.other_tables):
                raise RevisionError(
                    f"The database {database.masked_connection_string} is not empty. To bring an existing database up "
                    "to date, leave out --new."
                )
            zone_name = given_zone or before.zone_name or machine_zone_name()
            pending = pending_changes(before)
            _migrate(connection, before, pending, report)
            zone_changed = zone_name != before.zone_name
            if zone_changed:
                _store_zone(connection, zone_name)
            return UpgradeResult(before, pending, zone_name, zone_changed)
    finally:
        database.close()


def upgrade_sql(connection_string: str, *, from_revision: str | None = None, zone: str | None = None) -> str:
    """Return the script of an upgrade, for somebody else to run.

    Args:
        connection_string: SQLAlchemy URL; tells the kind of database, and where to look for its revision.
        from_revision: The revision to start from, or ``base`` for a new database; then nothing is connected to. None
            looks into the database.
        zone: IANA name of the site's time zone. None keeps the stored one; where none is stored, this machine's.

    Raises:
        ConfigurationError: If the connection string or the zone cannot be used, or for SQLite, which has no script.
        InvalidInputError: If there is no such revision.
        RevisionError: If the database is of a newer version or of another program.
        ConnectionFailedError: If it cannot be reached.
    """
    try:
        kind = make_url(connection_string).get_backend_name()
    except sa.exc.ArgumentError as error:
        raise ConfigurationError("The connection string is not a SQLAlchemy URL.") from error
    if kind == "sqlite":
        raise ConfigurationError(
            "There is no script for SQLite, which changes tables by copying them. Run the upgrade without --sql."
        )
    given_zone = None if zone is None else valid_zone_name(zone)
    state = _assumed_state(from_revision) if from_revision is not None else inspect_database(connection_string)
    require_upgradable(state, connection_string)
    script = _migration_script(connection_string, state)
    zone_name = given_zone or state.zone_name
    if zone_name is None and (from_revision is None or _SETTINGS.name in script):
        zone_name = machine_zone_name()
    if zone_name is not None and zone_name != state.zone_name:
        script += _zone_script(kind, zone_name)
    head = f"-- OpenOrchestrator {__version__}: from revision {state.revision or '(none)'} to {head_revision()}\n"
    if not script:
        return head + "-- Nothing to do.\n"
    return head + _SCRIPT_ADVICE + _SCRIPT_BEGIN.get(kind, "") + "\n" + script


def set_time_zone(connection: Connection, name: str) -> None:
    """Store the site's time zone; schedulers and apps that run already take it up when they are started again.

    Args:
        connection: In a transaction that its owner commits. Whoever keeps a Database has it forget its zone then.
        name: IANA name.

    Raises:
        ConfigurationError: If there is no such zone.
    """
    _store_zone(connection, valid_zone_name(name))


def valid_zone_name(name: str) -> str:
    """Return the name of a time zone as it is to be stored.

    Raises:
        ConfigurationError: If there is no such zone.
    """
    cleaned = name.strip()
    try:
        zoneinfo.ZoneInfo(cleaned)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"There is no time zone {name!r}. Give an IANA name, for example: --timezone Europe/Copenhagen"
        ) from error
    return cleaned


def _migrate(
    connection: Connection,
    before: DatabaseState,
    pending: tuple[Change, ...],
    report: Callable[..., None],
) -> None:
    by_revision = {change.revision: position for position, change in enumerate(pending)}

    def applied(revision: str) -> None:
        position = by_revision[revision]
        report(Phase.DONE, pending[position])
        if position + 1 < len(pending):
            report(Phase.STARTED, pending[position + 1])

    config = _config({"connection": connection, ON_REVISION: applied})
    try:
        with _alembic:
            if before.revision is not None and not before.stamped:
                command.stamp(config, before.revision)
            if pending:
                report(Phase.STARTED, pending[0])
                command.upgrade(config, "head")
    except CommandError as error:
        raise RevisionError(f"The upgrade cannot be run: {error}") from error


def _store_zone(connection: Connection, name: str) -> None:
    changed = connection.execute(sa.update(_SETTINGS).where(_IS_ZONE).values(value=name)).rowcount
    if not changed:
        connection.execute(sa.insert(_SETTINGS).values(name=TIME_ZONE, value=name))


def _migration_script(connection_string: str, state: DatabaseState) -> str:
    text = io.StringIO()
    config = _config({"connection_string": connection_string}, text)
    with _alembic:
        if state.revision is not None and not state.stamped:
            command.stamp(config, state.revision, sql=True)
        if state.revision != head_revision():
            start = "" if state.revision is None else f"{state.revision}:"
            command.upgrade(config, f"{start}head", sql=True)
    return text.getvalue()


def _zone_script(kind: str, zone_name: str) -> str:
    dialect = make_url(f"{kind}://").get_dialect()()
    end = ";\nGO\n" if kind == "mssql" else ";\n"
    statements = (sa.delete(_SETTINGS).where(_IS_ZONE), sa.insert(_SETTINGS).values(name=TIME_ZONE, value=zone_name))
    return "\n" + "".join(
        str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True})) + end
        for statement in statements
    )


def _assumed_state(revision: str) -> DatabaseState:
    if revision == "base":
        return DatabaseState(Situation.EMPTY)
    if revision not in known_revisions():
        raise InvalidInputError(
            f"There is no revision {revision!r}. Known are, oldest first: base, {', '.join(known_revisions())}"
        )
    situation = Situation.CURRENT if revision == head_revision() else Situation.OLDER
    return DatabaseState(situation, revision, stamped=True)


def _open(connection_string: str) -> Database:
    return Database(connection_string, pool_size=1, patience_seconds=5, statement_timeout=None, create=True)


def _sqlite_file(connection_string: str) -> Path | None:
    try:
        url = make_url(connection_string)
    except sa.exc.ArgumentError:
        return None  # Database says what is wrong with it
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith((":memory:", "file:")):
        return None
    return Path(url.database)


def _config(attributes: dict[str, Any], output: io.StringIO | None = None) -> Config:
    config = Config(output_buffer=output, attributes=attributes)
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
