"""Queues that their breaker paused: robots failed in them too often in a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from OpenOrchestrator.database.stores import queue_breaker, queue_pauses

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class BrokenQueue:
    """A queue that its breaker paused.

    Attributes:
        reason: How many errors there were, and the last one.
        since: Naive site time.
    """

    queue: str
    reason: str
    since: datetime


def read_broken(session: Session, zone: tzinfo) -> tuple[BrokenQueue, ...]:
    """Return the queues that their breaker paused and nobody resumed, the one that was paused last first."""
    found = [
        BrokenQueue(name, pause.reason, pause.since.astimezone(zone).replace(tzinfo=None))
        for name, pause in queue_pauses.read_all(session).items()
        if pause.by == queue_breaker.PAUSED_BY
    ]
    return tuple(sorted(found, key=lambda each: each.since, reverse=True))
