"""Data access of what queues say about their elements, and what they may say.

Functions take an open session. Rows are read without trusting them: what cannot be a rule means what a queue without
settings does. Must load no other model, because robots load this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.queue_settings import QueueSetting
from OpenOrchestrator.database.statuses import UniqueReferences, WhenRobotDied
from OpenOrchestrator.database.stores import data_schemas, validation
from OpenOrchestrator.database.stores.element_order import MOST_PRIORITY, checked_priority
from OpenOrchestrator.database.stores.queue_names import name_hash, queue_name_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_ATTEMPTS = 100
SHORTEST_LEASE_SECONDS = 30
LONGEST_LEASE_SECONDS = 24 * 3600
MOST_DAYS = 36_500
LONGEST_FINISH_SECONDS = 366 * 24 * 3600
MOST_BREAKER_ERRORS = 10_000
DESCRIPTION_LENGTH = 1000
SCHEMA_LENGTH = 100_000

_NUMBERS = {
    "lease_seconds": ("lease in seconds", SHORTEST_LEASE_SECONDS, LONGEST_LEASE_SECONDS),
    "keep_done_days": ("number of days to keep what is Done", 1, MOST_DAYS),
    "keep_failed_days": ("number of days to keep what Failed", 1, MOST_DAYS),
    "keep_abandoned_days": ("number of days to keep what was Abandoned", 1, MOST_DAYS),
    "finish_within_seconds": ("time to finish within in seconds", 1, LONGEST_FINISH_SECONDS),
    "breaker_errors": ("number of errors in a row", 1, MOST_BREAKER_ERRORS),
}
"""Numbers that may be missing, with what they are, and from where to where they go."""
_TEXTS = ("description", "json_schema")

_TABLE = cast(sa.Table, QueueSetting.__table__)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRules:
    """What a queue says about its elements.

    Attributes:
        most_attempts: How often an element is tried at most.
        pause_seconds: How long an element waits before its second attempt.
        pause_growth: By how much each later pause is longer than the one before; 1 for pauses of the same length.
        when_robot_died: What becomes of an element whose robot died.
        description: What the queue is for. Its owner is noted in ``notes``.
        unique_references: Among which elements a reference may occur once only.
        lease_seconds: For how long a loop of a robot without a job holds an element unless it prolongs that; None for
            the usual time.
        keep_done_days: After how many days elements that are Done may be deleted; None for never.
        keep_failed_days: The same for those that Failed.
        keep_abandoned_days: The same for those that were Abandoned.
        json_schema: What the data of elements has to fit, as the text of a JSON schema; None for anything.
        default_priority: Of elements for which none was given.
        finish_within_seconds: From when an element may be handed out to its deadline, where none was given; None for
            no deadline.
        breaker_errors: After how many errors in a row, of all robots, the queue is paused; None for never.
    """

    most_attempts: int = 1
    pause_seconds: int = 0
    pause_growth: float = 1.0
    when_robot_died: WhenRobotDied = WhenRobotDied.ABANDON
    description: str | None = None
    unique_references: UniqueReferences = UniqueReferences.NONE
    lease_seconds: int | None = None
    keep_done_days: int | None = None
    keep_failed_days: int | None = None
    keep_abandoned_days: int | None = None
    json_schema: str | None = None
    default_priority: int = 0
    finish_within_seconds: int | None = None
    breaker_errors: int | None = None


DEFAULT_RULES = QueueRules()
"""Of a queue without settings: what earlier versions did."""


@dataclass(frozen=True, slots=True)
class StoredRules:
    """The rules of a queue as they were read; a change names what it starts from.

    Attributes:
        edition: None where nothing is stored.
        errors_in_row: How many errors the breaker has counted since the last element that ended well.
    """

    rules: QueueRules = DEFAULT_RULES
    edition: UUID | None = None
    errors_in_row: int = 0


def read(session: Session, queue_name: str) -> StoredRules:
    """Return what a queue says; the defaults where it says nothing."""
    row = session.execute(sa.select(_TABLE).where(_is(queue_name))).first()
    return StoredRules() if row is None else _stored(row)


def read_some(session: Session, queue_names: Iterable[str]) -> dict[str, QueueRules]:
    """Return the rules of those of some queues that have any, by name."""
    hashes = sorted({name_hash(name) for name in queue_names})
    if not hashes:
        return {}
    rows = session.execute(sa.select(_TABLE).where(_TABLE.c.name_hash.in_(hashes)))
    return {row.queue_name: _rules(row) for row in rows}


def read_all(session: Session) -> dict[str, StoredRules]:
    """Return the rules of all queues that have any, by name."""
    return {row.queue_name: _stored(row) for row in session.execute(sa.select(_TABLE))}


def checked(rules: QueueRules, dialect_name: str = "") -> QueueRules:
    """Return rules that can be stored.

    Args:
        rules: As somebody wants them.
        dialect_name: The kind of database they are for, which decides how long a text is.

    Raises:
        InvalidInputError: If a number is out of range, a text cannot be stored, or one rule makes another mean nothing.
    """
    attempts = validation.integer(rules.most_attempts, "number of attempts", at_least=1)
    if attempts > MOST_ATTEMPTS:
        raise InvalidInputError(f"The number of attempts has to be from 1 to {MOST_ATTEMPTS}, not {attempts}.")
    pause = validation.integer(rules.pause_seconds, "pause between attempts in seconds", at_least=0)
    if pause > validation.LONGEST_RETRY_PAUSE_SECONDS:
        raise InvalidInputError(
            f"The pause between attempts can be {validation.LONGEST_RETRY_PAUSE_SECONDS} seconds (30 days) at most, "
            f"not {pause}."
        )
    if not 1 <= rules.pause_growth <= validation.LARGEST_RETRY_GROWTH:
        raise InvalidInputError(
            f"The growth of the pause has to be from 1 to {validation.LARGEST_RETRY_GROWTH:g}, "
            f"not {rules.pause_growth:g}."
        )
    died = validation.member(rules.when_robot_died, WhenRobotDied, "rule for elements whose robot died")
    if died is WhenRobotDied.RETRY and attempts == 1:
        raise InvalidInputError(
            "An element whose robot died can only be tried again where the queue allows more than one attempt. "
            "Allow 2 attempts or more, or have such elements abandoned."
        )
    validation.member(rules.unique_references, UniqueReferences, "rule for unique references")
    checked_priority(rules.default_priority, "default priority")
    for column, (what, least, most) in _NUMBERS.items():
        value = getattr(rules, column)
        if value is not None and not least <= validation.integer(value, what) <= most:
            raise InvalidInputError(f"The {what} has to be from {least} to {most}, not {value}.")
    validation.optional_text(rules.description, "description of a queue", DESCRIPTION_LENGTH, dialect_name)
    validation.optional_text(rules.json_schema, "JSON schema", SCHEMA_LENGTH, dialect_name)
    if rules.json_schema is not None:
        data_schemas.checked_schema(rules.json_schema)
    return rules


def write(session: Session, queue_name: str, rules: QueueRules, edition: UUID | None, *, now: datetime) -> bool:
    """Store what a queue is to say, which was ``checked``.

    Args:
        session: An open transaction.
        queue_name: The queue, which need not have an element.
        rules: What it is to say.
        edition: The one that the change starts from; None if nothing was stored.
        now: Aware instant.

    Returns:
        False if it was changed since; nothing was changed then.
    """
    connection = session.connection()
    name = queue_name_of(queue_name, connection.dialect.name)
    values = {
        "most_attempts": rules.most_attempts,
        "pause_seconds": rules.pause_seconds,
        "pause_growth": rules.pause_growth,
        "when_robot_died": rules.when_robot_died.name,
        "unique_references": rules.unique_references.name,
        **{name: getattr(rules, name) for name in (*_NUMBERS, *_TEXTS, "default_priority")},
        "edition": uuid4(),
        "changed_at": now,
    }
    if edition is not None:
        changed = sa.update(_TABLE).where(_is(name), _TABLE.c.edition == edition).values(values)
        return connection.execute(changed).rowcount == 1
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(_TABLE).values(name_hash=name_hash(name), queue_name=name, **values))
    except sa.exc.IntegrityError:
        return False
    return True


def _stored(row: Any) -> StoredRules:
    return StoredRules(_rules(row), row.edition, row.errors_in_row or 0)


def _rules(row: Any) -> QueueRules:
    attempts, pause, growth = row.most_attempts, row.pause_seconds, row.pause_growth
    priority = row.default_priority
    return QueueRules(
        most_attempts=attempts if attempts is not None and 1 <= attempts <= MOST_ATTEMPTS else 1,
        pause_seconds=pause if pause is not None and 0 <= pause <= validation.LONGEST_RETRY_PAUSE_SECONDS else 0,
        pause_growth=growth if growth is not None and 1 <= growth <= validation.LARGEST_RETRY_GROWTH else 1.0,
        when_robot_died=WhenRobotDied.__members__.get(row.when_robot_died or "", WhenRobotDied.ABANDON),
        unique_references=UniqueReferences.__members__.get(row.unique_references or "", UniqueReferences.NONE),
        default_priority=priority if priority is not None and abs(priority) <= MOST_PRIORITY else 0,
        description=row.description,
        json_schema=row.json_schema,
        **{column: _within(getattr(row, column), *limits) for column, (_what, *limits) in _NUMBERS.items()},
    )


def _within(number: int | None, least: int, most: int) -> int | None:
    return number if number is not None and least <= number <= most else None


def _is(queue_name: str) -> sa.ColumnElement[bool]:
    return _TABLE.c.name_hash == name_hash(queue_name)
