"""What limits a claim beyond the state and the time of its triggers: each policy that says how many, where, with what.

Asked within the transaction of the claim, once its triggers are locked, in the order in which they are to run. A policy
is a limit in a module of its own; ``limits_of`` lists them. One that counts what others use has to lock it before, so
that two claims at the same time do not both find room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle.pool_limit import PoolLimit
from OpenOrchestrator.database.lifecycle.screens import OneScreen
from OpenOrchestrator.database.stores import running_triggers
from OpenOrchestrator.database.stores.running_triggers import ActiveJobs
from OpenOrchestrator.database.stores.trigger_rows import TriggerRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class Limit(Protocol):
    """One policy, for the length of one claim."""

    def has_room(self, row: TriggerRow) -> bool:
        """Tell whether a trigger may start beside what runs and what this claim has taken already; changes nothing."""

    def take(self, row: TriggerRow) -> None:
        """Count a trigger as started. All limits have room for it, and nothing was taken since they were asked."""


@dataclass(frozen=True, slots=True)
class ClaimLimits:
    """All limits of one claim: a trigger is taken by all of them or by none."""

    limits: tuple[Limit, ...]

    def has_room(self, row: TriggerRow) -> bool:
        """Tell whether every limit has room for a trigger."""
        return all(limit.has_room(row) for limit in self.limits)

    def take(self, row: TriggerRow) -> None:
        """Take a trigger that every limit has room for."""
        for limit in self.limits:
            limit.take(row)


@dataclass(frozen=True, slots=True)
class JobsAtOnce:
    """A trigger has one job at a time, or as many as it says.

    It needs no count of what this claim takes: each trigger is claimed once in it.

    Attributes:
        active: The jobs that have not ended, read once the triggers were locked: who starts another job of one of
            them waits for that lock.
    """

    active: ActiveJobs

    def has_room(self, row: TriggerRow) -> bool:
        """Tell whether another job of it may start."""
        return self.active.has_room(row)

    def take(self, row: TriggerRow) -> None:
        """Do nothing."""


def limits_of(session: Session, identity: Identity, rows: Sequence[TriggerRow]) -> ClaimLimits:
    """Return the limits of a claim, and lock what they count.

    Args:
        session: The transaction of the claim.
        identity: Who claims.
        rows: Its triggers, locked.
    """
    connection = session.connection()
    pools = PoolLimit(connection, rows)
    at_once = JobsAtOnce(running_triggers.active_jobs(connection))
    return ClaimLimits((at_once, pools, OneScreen(session, identity)))
