"""Data access of what queues say about their elements, and what they may say.

Functions take an open session. Rows are read without trusting them: what cannot be a rule means what a queue without
settings does. Must load no other model, because robots load this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.queue_settings import QueueSetting
from OpenOrchestrator.database.statuses import WhenRobotDied
from OpenOrchestrator.database.stores import validation
from OpenOrchestrator.database.stores.queue_elements import queue_name_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_ATTEMPTS = 100

_TABLE = cast(sa.Table, QueueSetting.__table__)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRules:
    """What a queue says about its elements.

    Attributes:
        most_attempts: How often an element is tried at most.
        pause_seconds: How long an element waits before its second attempt.
        pause_growth: By how much each later pause is longer than the one before; 1 for pauses of the same length.
        when_robot_died: What becomes of an element whose robot died.
    """

    most_attempts: int = 1
    pause_seconds: int = 0
    pause_growth: float = 1.0
    when_robot_died: WhenRobotDied = WhenRobotDied.ABANDON


DEFAULT_RULES = QueueRules()
"""Of a queue without settings: what earlier versions did."""


@dataclass(frozen=True, slots=True)
class StoredRules:
    """The rules of a queue as they were read; a change names what it starts from.

    Attributes:
        edition: None where nothing is stored.
    """

    rules: QueueRules = DEFAULT_RULES
    edition: UUID | None = None


def read(session: Session, queue_name: str) -> StoredRules:
    """Return what a queue says; the defaults where it says nothing."""
    row = session.execute(sa.select(_TABLE).where(_is(queue_name))).first()
    return StoredRules() if row is None else StoredRules(_rules(row), row.edition)


def read_some(session: Session, queue_names: Iterable[str]) -> dict[str, QueueRules]:
    """Return the rules of those of some queues that have any, by name."""
    hashes = sorted({_hash(name) for name in queue_names})
    if not hashes:
        return {}
    rows = session.execute(sa.select(_TABLE).where(_TABLE.c.name_hash.in_(hashes)))
    return {row.queue_name: _rules(row) for row in rows}


def checked(rules: QueueRules) -> QueueRules:
    """Return rules that can be stored.

    Raises:
        InvalidInputError: If a number is out of range, or one rule makes another mean nothing.
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
        "edition": uuid4(),
        "changed_at": now,
    }
    if edition is not None:
        changed = sa.update(_TABLE).where(_is(name), _TABLE.c.edition == edition).values(values)
        return connection.execute(changed).rowcount == 1
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(_TABLE).values(name_hash=_hash(name), queue_name=name, **values))
    except sa.exc.IntegrityError:
        return False
    return True


def _rules(row: Any) -> QueueRules:
    attempts, pause, growth = row.most_attempts, row.pause_seconds, row.pause_growth
    return QueueRules(
        most_attempts=attempts if attempts is not None and 1 <= attempts <= MOST_ATTEMPTS else 1,
        pause_seconds=pause if pause is not None and 0 <= pause <= validation.LONGEST_RETRY_PAUSE_SECONDS else 0,
        pause_growth=growth if growth is not None and 1 <= growth <= validation.LARGEST_RETRY_GROWTH else 1.0,
        when_robot_died=WhenRobotDied.__members__.get(row.when_robot_died or "", WhenRobotDied.ABANDON),
    )


def _is(queue_name: str) -> sa.ColumnElement[bool]:
    return _TABLE.c.name_hash == _hash(queue_name)


def _hash(queue_name: str) -> str:
    return sha256(queue_name.encode("utf-8", "surrogatepass")).hexdigest()
