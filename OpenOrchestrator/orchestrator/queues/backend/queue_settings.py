"""What a queue says about its elements, and its pause, for the pages: reading, and guarded changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.stores import (
    data_schemas,
    element_order,
    queue_breaker,
    queue_pauses,
    queue_rules,
    validation,
)
from OpenOrchestrator.database.stores.queue_pauses import QueuePause
from OpenOrchestrator.database.stores.queue_rules import DEFAULT_RULES, QueueRules, StoredRules
from OpenOrchestrator.orchestrator.backend.base import Backend
from OpenOrchestrator.site import durations

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = [
    "DEFAULT_RULES",
    "DESCRIPTION_LENGTH",
    "LARGEST_GROWTH",
    "LONGEST_FINISH",
    "LONGEST_LEASE",
    "LONGEST_PAUSE",
    "LONGEST_REASON",
    "MOST_ATTEMPTS",
    "MOST_DAYS",
    "MOST_ERRORS",
    "MOST_PRIORITY",
    "SHORTEST_LEASE",
    "QueuePause",
    "QueueRules",
    "QueueSettings",
    "QueueSettingsBackend",
    "StoredRules",
    "duration_text",
    "seconds_of",
    "wrong_duration",
    "wrong_schema",
]

MOST_ATTEMPTS = queue_rules.MOST_ATTEMPTS
MOST_PRIORITY = element_order.MOST_PRIORITY
MOST_DAYS = queue_rules.MOST_DAYS
MOST_ERRORS = queue_rules.MOST_BREAKER_ERRORS
DESCRIPTION_LENGTH = queue_rules.DESCRIPTION_LENGTH
SHORTEST_LEASE = queue_rules.SHORTEST_LEASE_SECONDS
LONGEST_LEASE = queue_rules.LONGEST_LEASE_SECONDS
LONGEST_FINISH = queue_rules.LONGEST_FINISH_SECONDS
LONGEST_PAUSE = validation.LONGEST_RETRY_PAUSE_SECONDS
LARGEST_GROWTH = validation.LARGEST_RETRY_GROWTH
LONGEST_REASON = queue_pauses.REASON_LENGTH


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """What a queue says, as it was read.

    Attributes:
        stored: Its rules; a change names them as what it starts from.
        pause: That is in force; None for none.
    """

    stored: StoredRules
    pause: QueuePause | None

    @property
    def by_breaker(self) -> bool:
        """Whether its breaker paused it."""
        return self.pause is not None and self.pause.by == queue_breaker.PAUSED_BY


class QueueSettingsBackend(Backend):
    """Settings and pauses of queues."""

    async def get(self, queue: str) -> QueueSettings:
        """Return what a queue says; the defaults where it says nothing."""
        return await self._read(
            lambda session: QueueSettings(queue_rules.read(session, queue), queue_pauses.read(session, queue))
        )

    async def save(self, queue: str, rules: QueueRules, seen: StoredRules) -> bool:
        """Store what a queue says.

        Args:
            queue: Its name.
            rules: What it is to say.
            seen: What the change starts from.

        Returns:
            False if somebody changed it since; nothing was changed then.

        Raises:
            InvalidInputError: If something cannot be stored, or one rule makes another mean nothing.
        """

        def work(session: Session) -> bool:
            checked = queue_rules.checked(rules, session.get_bind().dialect.name)
            return queue_rules.write(session, queue, checked, seen.edition, now=self._now())

        return await self._write(work)

    async def pause(self, queue: str, reason: str, by: str | None, until: datetime | None) -> None:
        """Pause a queue, or give its pause another reason and end.

        Raises:
            InvalidInputError: If there is no reason, or the end has passed.
        """
        await self._write(lambda session: queue_pauses.pause(session, queue, reason=reason, by=by, until=until))

    async def resume(self, queue: str) -> bool:
        """End the pause of a queue; return False if none is in force any more."""
        return await self._write(lambda session: queue_pauses.resume(session, queue))


def duration_text(seconds: int | None) -> str:
    """Return a duration as it is typed; empty for none."""
    return "" if seconds is None else durations.written(seconds)


def seconds_of(text: str) -> int | None:
    """Return the seconds of a duration as it is typed; None for none, or for what is none."""
    return durations.read(text.strip())


def wrong_duration(low: int, high: int, *, optional: bool) -> Callable[[Any], str | None]:
    """Return a check that a text is a duration in a range, in seconds."""

    def check(value: Any) -> str | None:
        text = str(value or "").strip()
        if not text and optional:
            return None
        seconds = seconds_of(text)
        if seconds is None:
            return "Enter a duration such as 30s, 5m, 2h or 1d."
        if low <= seconds <= high:
            return None
        return f"Must be from {duration_text(low)} to {duration_text(high)}."

    return check


def wrong_schema(value: Any) -> str | None:
    """Return what is wrong with a JSON schema; nothing is right."""
    text = str(value or "").strip()
    if not text:
        return None
    if len(text) > queue_rules.SCHEMA_LENGTH:
        return f"At most {queue_rules.SCHEMA_LENGTH} characters; this has {len(text)}."
    try:
        data_schemas.checked_schema(text)
    except InvalidInputError as error:
        return str(error)
    return None
