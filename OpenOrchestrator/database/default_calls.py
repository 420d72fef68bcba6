"""What the published functions of ``db_util`` share: transactions on the default database, and checks around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.cron import to_site
from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.common.redaction import redact, secrets_of
from OpenOrchestrator.database import default
from OpenOrchestrator.database.statuses import TriggerStatus, TriggerType
from OpenOrchestrator.database.stores import credentials, trigger_input, triggers, validation
from OpenOrchestrator.database.stores.pending_triggers import find as find_pending
from OpenOrchestrator.database.stores.shortening import message_text

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from OpenOrchestrator.database.triggers import Trigger

T = TypeVar("T")


class BeginTrigger(Protocol):
    """A function of the trigger store that sets an idle trigger to Running."""

    def __call__(self, session: Session, trigger_id: UUID, *, now: datetime, zone: ZoneInfo) -> bool:
        """Tell whether it was idle."""


def write(work: Callable[[Session], T], read_back: Callable[[Session], T | None] | None = None) -> T:
    """Run a transaction on the default database; see ``Database.write``."""
    return default.get_default().write(work, read_back=read_back)


def site_time(value: datetime | None, what: str) -> datetime | None:
    """Return a date as site time.

    Raises:
        InvalidInputError: If it is none.
    """
    if value is None:
        return None
    return validation.site_datetime(value, what, default.get_default().zone)


def page(
    include_count: bool, rows: tuple[T, ...], count: Callable[[], int]
) -> tuple[T, ...] | tuple[tuple[T, ...], int]:
    """Return rows, on demand with their number without limit and offset."""
    return (rows, count()) if include_count else rows


def found_trigger(trigger_id: UUID, found: T | None) -> T:
    """Return what was found.

    Raises:
        NotFoundError: If it is None, because there is no such trigger.
    """
    if found is None:
        raise NotFoundError(f"No trigger with the given id: {trigger_id}")
    return found


def found_job(job_id: UUID, found: T | None) -> T:
    """Return what was found.

    Raises:
        NotFoundError: If it is None, because there is no such job.
    """
    if found is None:
        raise NotFoundError(f"No job with the given id was found: {job_id}")
    return found


def triggers_of(kind: TriggerType) -> tuple[Trigger, ...]:
    """Return the triggers of a kind by name."""
    return default.get_default().read(lambda session: triggers.find_all(session, kind))


def pending_triggers(kind: TriggerType) -> list[Trigger]:
    """Return the idle triggers of a kind that are due."""
    database = default.get_default()
    now = database.utc_now()
    return list(database.read(lambda session: find_pending(session, kind, now=now, zone=database.zone)))


def begin_trigger(trigger_id: UUID | str, kind: type[Trigger], begin: BeginTrigger) -> bool:
    """Set an idle trigger to Running; False if it is not idle.

    Raises:
        NotFoundError: If there is no trigger of that id and kind.
    """
    database = default.get_default()
    wanted = validation.identifier(trigger_id, "trigger")
    now = database.utc_now()
    mark = (TriggerStatus.RUNNING, to_site(now, database.zone))

    def read_back(session: Session) -> bool | None:
        trigger = triggers.get(session, wanted)
        return True if trigger is not None and (trigger.process_status, trigger.last_run) == mark else None

    if write(lambda session: begin(session, wanted, now=now, zone=database.zone), read_back):
        return True
    found = database.read(lambda session: triggers.get(session, wanted))
    found_trigger(wanted, found if isinstance(found, kind) else None)
    return False


def create_trigger(create: Callable[..., UUID], values: dict[str, Any], *, timed: bool = True) -> UUID:
    """Store a trigger and return its id.

    Args:
        create: Function of the trigger store.
        values: Its attributes, as the caller gave them.
        timed: Whether it has a next run, whose instant depends on the site's time zone.
    """
    database = default.get_default()
    stored = trigger_input.checked(values, dialect_name=database.dialect_name, zone=database.zone)
    if timed:
        stored["zone"] = database.zone
    return write(lambda session: create(session, **stored))


def redacted(message: object) -> str:
    """Return a message of any type as text without connection string, its password and the key."""
    key = crypto_util.key_text(crypto_util.get_key())
    return redact(message_text(message), secrets_of(default.get_default().connection_string, key))


def credential_values(username: str, password: str, fields: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the columns of a credential, encrypted with the default key."""
    database = default.get_default()
    return credentials.values(
        database.dialect_name,
        username=username,
        password=password,
        key=crypto_util.get_key(),
        now=database.site_now(),
        fields=fields,
    )
