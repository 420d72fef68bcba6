"""What state a database is in, and bringing it up to date: for Settings and the first run.

Owns which facts and errors about a connection string reach a page: none of them holds a password or the key. Upgrades
run in a thread and report into a Progress that pages read.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import sqlalchemy as sa

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.errors import (
    ConfigurationError,
    EncryptionError,
    NoEncryptionKeyError,
    OpenOrchestratorError,
)
from OpenOrchestrator.common.redaction import mask_connection_string, redact
from OpenOrchestrator.common.settings import secrets_to_hide
from OpenOrchestrator.database.constants import Credential
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import KINDS
from OpenOrchestrator.database.models import Base
from OpenOrchestrator.database.schema.inspection import Situation
from OpenOrchestrator.database.schema.revisions import head_revision
from OpenOrchestrator.orchestrator.backend.base import Backend, off_loop

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.common.clock import Clock
    from OpenOrchestrator.database.schema.migrations import Progress as MigrationProgress

T = TypeVar("T")

PATIENCE_SECONDS = 3.0
"""How long a page waits for a silent database."""

__all__ = ["DatabaseReport", "KeyBackend", "KeyReport", "Situation", "UpgradeProgress"]


@dataclass(frozen=True, slots=True)
class DatabaseReport:
    """What a database holds, as people are told.

    Attributes:
        masked: The connection string without its password.
        kind: ``PostgreSQL``.
        situation: Whether and how it can be brought up to date.
        revision: Its revision; None before the first.
        wanted: The revision that this program works with.
        zone_name: The stored time zone; None where none is stored.
        changes: What an upgrade does, in order.
        tables: How many tables it makes in an empty database.
        other_tables: How many tables of other programs there are.
        problem: For databases that are refused: why, and what to do.
        seconds: How long it took to find out.
    """

    masked: str
    kind: str
    situation: Situation
    revision: str | None
    wanted: str
    zone_name: str | None
    changes: tuple[str, ...]
    tables: int
    other_tables: int
    problem: str
    seconds: float


@dataclass(slots=True)
class UpgradeProgress:
    """How far an upgrade is. A thread writes it, pages read it.

    Attributes:
        total: Changes to make.
        done: Changes made.
        doing: The change that is being made; empty while it waits for another upgrade.
        waiting: Whether another upgrade of the same database runs.
    """

    total: int = 0
    done: int = 0
    doing: str = ""
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class KeyReport:
    """Whether the key opens the stored credentials.

    Attributes:
        credentials: How many there are.
        fits: None where there is nothing to try it on, or no key.
    """

    credentials: int
    fits: bool | None


class KeyBackend(Backend):
    """What the key is good for. One transaction per call."""

    async def report(self, key: str | None) -> KeyReport:
        """Tell whether a key opens the credential that was changed last."""

        def work(session: Session) -> tuple[int, str | None]:
            count = session.execute(sa.select(sa.func.count()).select_from(Credential)).scalar_one()
            newest = sa.select(Credential.password).order_by(Credential.changed_at.desc()).limit(1)
            return int(count), session.execute(newest).scalar()

        count, token = await self._read(work)
        if key is None or token is None:
            return KeyReport(count, None)
        return KeyReport(count, await off_loop(lambda: _opens(token, key)))


def _opens(token: str, key: str) -> bool:
    try:
        crypto_util.decrypt(token, key)
    except (EncryptionError, NoEncryptionKeyError):
        return False
    return True


async def new_key() -> str:
    """Return a new key for credentials."""
    return await off_loop(lambda: crypto_util.generate_key().decode("ascii"))


def is_key(text: str) -> bool:
    """Tell whether a text has the form of a key."""
    return crypto_util.validate_key(text)


def checked_connection_string(text: str) -> str:
    """Return a connection string as it is to be used.

    Raises:
        ConfigurationError: If it is empty.
    """
    cleaned = text.strip()
    if not cleaned:
        raise ConfigurationError("Give the connection string of the database.")
    return cleaned


async def inspect(connection_string: str) -> DatabaseReport:
    """Look into a database; changes nothing and makes no file.

    Raises:
        OpenOrchestratorError: If it cannot be reached or read; says why without secrets.
    """
    return await off_loop(lambda: without_secrets(connection_string, lambda: _inspect(connection_string)))


def _inspect(connection_string: str) -> DatabaseReport:
    from OpenOrchestrator.common.errors import RevisionError  # noqa: PLC0415
    from OpenOrchestrator.database.schema import migrations  # noqa: PLC0415  (loads Alembic)

    begun = time.perf_counter()
    state = migrations.inspect_database(connection_string)
    seconds = time.perf_counter() - begun
    problem = ""
    try:
        migrations.require_upgradable(state, connection_string)
    except RevisionError as error:
        problem = str(error)
    upgradable = state.situation in (Situation.EMPTY, Situation.OLDER, Situation.CURRENT)
    pending = migrations.pending_changes(state) if upgradable else ()
    scheme = urlsplit(connection_string).scheme.partition("+")[0]
    return DatabaseReport(
        masked=mask_connection_string(connection_string),
        kind=KINDS.get(scheme, scheme or "Database"),
        situation=state.situation,
        revision=state.revision,
        wanted=head_revision(),
        zone_name=state.zone_name,
        changes=tuple(change.description for change in pending),
        tables=len(Base.metadata.tables),
        other_tables=len(state.other_tables),
        problem=problem,
        seconds=seconds,
    )


async def upgrade(connection_string: str, progress: UpgradeProgress, *, zone: str | None) -> None:
    """Create a database, or bring one up to date with all its data.

    Args:
        connection_string: The database.
        progress: Told how far it is.
        zone: IANA name of the site's time zone; None keeps the stored one, or takes this machine's.

    Raises:
        OpenOrchestratorError: If it was refused or failed; says why without secrets.
    """
    from OpenOrchestrator.database.schema import migrations  # noqa: PLC0415  (loads Alembic)

    def report(step: MigrationProgress) -> None:
        progress.waiting = step.phase is migrations.Phase.WAITING
        if step.change is not None:
            progress.doing = step.change.description
        if step.phase is migrations.Phase.DONE:
            progress.done += 1

    def work() -> None:
        progress.total = len(_inspect(connection_string).changes)
        migrations.upgrade(connection_string, zone=zone, on_progress=report)

    await off_loop(lambda: without_secrets(connection_string, work))


async def opened(connection_string: str, clock: Clock) -> Database:
    """Return a database object for a connection string; connects nothing yet.

    Raises:
        ConfigurationError: If it cannot be understood.
    """
    return await off_loop(
        lambda: without_secrets(
            connection_string, lambda: Database(connection_string, clock=clock, patience_seconds=PATIENCE_SECONDS)
        )
    )


async def set_time_zone(database: Database, name: str) -> str:
    """Store the site's time zone, and return its name.

    Raises:
        ConfigurationError: If there is no such zone.
        DatabaseError: If the database refuses.
    """
    from OpenOrchestrator.database.schema import migrations  # noqa: PLC0415  (loads Alembic)

    valid = valid_zone(name)
    await off_loop(lambda: migrations.set_time_zone(database, valid))
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
    import zoneinfo  # noqa: PLC0415

    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name or name == "UTC")
    own = machine_zone()
    return ((own,) if own else ()) + tuple(name for name in names if name != own)


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


def without_secrets(connection_string: str, work: Callable[[], T]) -> T:
    """Run work, and take secrets out of the message of the error that it raises, if it does."""
    try:
        return work()
    except OpenOrchestratorError as error:
        hidden = redact(str(error), secrets_to_hide(connection_string, None))
        if hidden == str(error):
            raise
        raise type(error)(hidden) from None
