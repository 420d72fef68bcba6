"""What is held of a pool and needed of it, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.forms.confirm import listing
from OpenOrchestrator.orchestrator.pools.backend import PoolHolder, PoolRow

MOST_NAMED = 5


def held_words(row: PoolRow) -> str:
    """Return ``1 of 3``."""
    return f"{times.number(row.held)} of {times.number(row.size)}"


def holder_words(holder: PoolHolder, now: datetime, zone: tzinfo) -> str:
    """Return ``2 by Invoices on worker-1, 5 min ago``; one is not counted."""
    amount = "" if holder.amount == 1 else f"{times.number(holder.amount)} by "
    since = times.past(times.from_site(holder.since, zone), now, zone)
    return f"{amount}{holder.trigger} on {holder.scheduler}, {since}"


def user_words(users: Sequence[tuple[str, int]]) -> list[str]:
    """Return the triggers that need a pool, with how much of it where that is more than one."""
    return [name if amount == 1 else f"{name} ({times.number(amount)})" for name, amount in users]


def named(words: Sequence[str]) -> str:
    """Return the first few of some words, and how many more there are."""
    more = len(words) - MOST_NAMED
    return ", ".join(words[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def old_words(names: Sequence[str]) -> str:
    """Return what to do about schedulers that know no pools; empty for none."""
    if not names:
        return ""
    are = "is of a version" if len(names) == 1 else "are of versions"
    return (
        f"{listing(names)} {are} before 4.0 and start triggers without regard to pools. Name other schedulers in each "
        "trigger that needs a pool: they leave those alone."
    )


def problem_of(row: PoolRow) -> str:
    """Return what is wrong with a pool; empty for nothing."""
    if row.edition is None:
        return "There is no such pool: the triggers that need it do not run. Create it, or take it out of them."
    most = max((amount for _name, amount in row.users), default=0)
    if most > row.size:
        wanting = [name for name, amount in row.users if amount > row.size]
        return f"{named(wanting)} cannot run: {'it needs' if len(wanting) == 1 else 'they need'} more than there is."
    return ""
