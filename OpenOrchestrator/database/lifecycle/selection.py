"""Which of the due triggers a scheduler claims next, and in which order.

Pure: gets frozen values, returns frozen values. Claiming is somebody else's, and may fail for each of them because
another scheduler was faster; then ask again with what is left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from uuid import UUID

from OpenOrchestrator.database.labels import may_take
from OpenOrchestrator.database.lifecycle.pool_shares import PoolShares
from OpenOrchestrator.database.statuses import TriggerType
from OpenOrchestrator.database.stores.due_triggers import DueTrigger, is_allowed_on
from OpenOrchestrator.database.stores.pool_amounts import Amounts
from OpenOrchestrator.database.stores.pools import EMPTY, PoolBook

_TYPE_ORDER = {TriggerType.SINGLE: 0, TriggerType.SCHEDULED: 1, TriggerType.QUEUE: 2}
_AFTER_ALL_OTHERS = datetime.max.replace(tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trigger that is idle and due.

    Attributes:
        trigger_id: Its id.
        name: Its name.
        type: Its kind.
        priority: Higher runs first.
        is_blocking: It has to be alone on its scheduler.
        whitelist: Names of the schedulers it may run on; empty for any.
        due_at: Since when it is due, aware UTC; None for queue triggers.
        pools: How much of which pools it needs.
        labels: What its scheduler has to carry; empty for nothing.
        needs_screen: It needs the screen of its machine, which one robot at a time may use.
    """

    trigger_id: UUID
    name: str
    type: TriggerType
    priority: int
    is_blocking: bool
    whitelist: tuple[str, ...]
    due_at: datetime | None
    pools: Amounts = ()
    labels: tuple[str, ...] = ()
    needs_screen: bool = False

    @classmethod
    def of(cls, trigger: DueTrigger) -> Candidate:
        """Return a trigger that was found due."""
        return cls(
            trigger_id=trigger.trigger_id,
            name=trigger.name,
            type=trigger.type,
            priority=trigger.priority,
            is_blocking=trigger.is_blocking,
            whitelist=trigger.whitelist,
            due_at=trigger.due_at,
            pools=trigger.pools,
            labels=trigger.labels,
            needs_screen=trigger.needs_screen,
        )


@dataclass(frozen=True, slots=True)
class Selection:
    """What to claim now.

    Attributes:
        claims: In the order to claim them, no more than there are free slots.
        waiting_for_idle: The blocking trigger whose turn it is but for the robots on this machine. Nothing ranked
            below it is in ``claims``, so that the machine becomes idle.
        waiting_for_pools: Those for which there is not enough of a pool, in the order of their ranks.
    """

    claims: tuple[Candidate, ...]
    waiting_for_idle: Candidate | None
    waiting_for_pools: tuple[Candidate, ...] = ()


def select(
    candidates: Iterable[Candidate],
    *,
    scheduler_name: str,
    whitelisted_only: bool,
    free_slots: int,
    running: int,
    blocking_running: bool,
    pools: PoolBook = EMPTY,
    labels: Collection[str] | None = (),
    screen_taken: bool = False,
) -> Selection:
    """Choose the due triggers to claim on this machine.

    They rank by priority, then single before scheduled before queue, then by due time. A blocking trigger is chosen
    only when nothing runs here and nothing ranks above it; while it waits, nothing ranked below it is chosen, so lower
    ones cannot starve it. Another machine may take it meanwhile: the next call then no longer sees it. Of those that
    need the screen one is chosen while nobody has it; the others hold up nothing, since only such as need it as well
    could take it from them.

    One for which there is not enough of a pool is passed over, and holds up nobody but those ranked below it that need
    the same pool: of that they get nothing before it.

    Args:
        candidates: The idle, due triggers in any order.
        scheduler_name: Name of this scheduler, compared with whitelists without regard to case and outer blanks.
        whitelisted_only: Leave out triggers with an empty whitelist.
        free_slots: How many more robots may run here; zero or less for none.
        running: How many robots run here now.
        blocking_running: One of them is blocking; then nothing is chosen.
        pools: The pools and who holds them.
        labels: What this scheduler carries; None if it is of a version that knows no labels, and goes by names alone.
        screen_taken: A robot on this machine has the screen.

    Returns:
        The choice. It depends on the arguments alone, not on the order of the candidates.
    """
    claims: list[Candidate] = []
    waiting: list[Candidate] = []
    shares = PoolShares(pools)
    for candidate in sorted(
        (c for c in candidates if may_run_on(c, scheduler_name, labels, whitelisted_only=whitelisted_only)), key=_rank
    ):
        if shares.lacking(candidate.pools):
            shares.stand_in_line(candidate.pools)
            waiting.append(candidate)
            continue
        if candidate.is_blocking and (running > 0 or blocking_running or claims):
            return Selection(tuple(claims), candidate, tuple(waiting))
        if blocking_running or len(claims) >= free_slots:
            break
        if candidate.needs_screen and screen_taken:
            continue
        screen_taken = screen_taken or candidate.needs_screen
        claims.append(candidate)
        shares.take(candidate.pools)
        if candidate.is_blocking:
            break
    return Selection(tuple(claims), None, tuple(waiting))


def may_run_on(
    candidate: Candidate, scheduler_name: str, labels: Collection[str] | None, *, whitelisted_only: bool = False
) -> bool:
    """Tell whether whitelist and labels of a trigger admit a scheduler; both have to. Pure.

    Args:
        candidate: The trigger.
        scheduler_name: Name of the scheduler.
        labels: What it carries; None if it knows no labels.
        whitelisted_only: It takes nothing that does not name it.
    """
    is_named = bool(candidate.whitelist)
    if is_named and not is_allowed_on(candidate.whitelist, scheduler_name):
        return False
    return (is_named or not whitelisted_only) and may_take(candidate.labels, labels, is_named=is_named)


def _rank(candidate: Candidate) -> tuple[int, int, datetime, str, UUID]:
    """Return the sort key of a trigger; lower runs first."""
    return (
        -candidate.priority,
        _TYPE_ORDER[candidate.type],
        candidate.due_at or _AFTER_ALL_OTHERS,
        candidate.name,
        candidate.trigger_id,
    )
