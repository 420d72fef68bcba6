"""Whether a run that failed is tried again, and after which pause. Pure.

Must not know how a trigger that is not tried again goes on: that is ``failure_limit``'s.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from OpenOrchestrator.database.statuses import RETRIED_JOB_STATUSES, JobStatus, WhenLost
from OpenOrchestrator.database.stores.validation import LARGEST_RETRY_GROWTH, LONGEST_RETRY_PAUSE_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """What a trigger says about runs that fail.

    Attributes:
        times: How often a run is tried again.
        pause_seconds: How long the first retry waits.
        growth: By how much each later pause is longer than the one before; 1 for pauses of the same length.
        most_seconds: How long a pause may get; None for the longest there is.
        after: The ends after which it is tried again.
        when_lost: What becomes of a run that was lost.
    """

    times: int = 0
    pause_seconds: int = 0
    growth: float = 1.0
    most_seconds: int | None = None
    after: frozenset[JobStatus] = frozenset(RETRIED_JOB_STATUSES)
    when_lost: WhenLost = WhenLost.LEAVE


def is_retried(policy: RetryPolicy, status: JobStatus, *, number: int) -> bool:
    """Tell whether a run is tried again.

    Args:
        policy: What its trigger says.
        status: How it ended. One that was killed never is: somebody did not want it.
        number: Which retry it was itself; 0 for the first attempt.
    """
    if number >= policy.times:
        return False
    if status is JobStatus.LOST:
        return policy.when_lost is WhenLost.RETRY
    return status in RETRIED_JOB_STATUSES and status in policy.after


def pause_before(policy: RetryPolicy, number: int) -> float:
    """Return how many seconds a retry waits after the end of the attempt before it.

    Args:
        policy: What its trigger says.
        number: Which retry, from 1.
    """
    most = LONGEST_RETRY_PAUSE_SECONDS if policy.most_seconds is None else policy.most_seconds
    most = max(0, min(most, LONGEST_RETRY_PAUSE_SECONDS))
    if policy.pause_seconds <= 0 or policy.growth <= 0:
        return 0.0
    # In logarithms, because the pause itself may be more than a number can be.
    length = math.log(policy.pause_seconds) + (number - 1) * math.log(policy.growth)
    if length >= math.log(LONGEST_RETRY_PAUSE_SECONDS) + 1:
        return float(most)
    return float(min(policy.pause_seconds * policy.growth ** (number - 1), most))


def pauses(policy: RetryPolicy) -> tuple[float, ...]:
    """Return the pauses before all retries of a run that keeps failing, in seconds."""
    return tuple(pause_before(policy, number) for number in range(1, policy.times + 1))


def written_ends(ends: Iterable[JobStatus]) -> str:
    """Return ends as they are stored."""
    chosen = set(ends)
    return ",".join(status.name for status in RETRIED_JOB_STATUSES if status in chosen)


def read_ends(written: str | None) -> frozenset[JobStatus]:
    """Return the ends that are stored; NULL means all, and names that are none of them count for nothing."""
    if written is None:
        return frozenset(RETRIED_JOB_STATUSES)
    names = {name.strip() for name in written.split(",")}
    return frozenset(status for status in RETRIED_JOB_STATUSES if status.name in names)


def read_policy(
    *,
    times: int | None,
    pause_seconds: int | None,
    growth: float | None,
    most_seconds: int | None,
    after: str | None,
    when_lost: str | None,
) -> RetryPolicy:
    """Return what a trigger says, from what is stored; NULL and garbage mean what older versions did."""
    return RetryPolicy(
        times=times or 0,
        pause_seconds=pause_seconds or 0,
        growth=growth if growth is not None and 1 <= growth <= LARGEST_RETRY_GROWTH else 1.0,
        most_seconds=most_seconds,
        after=read_ends(after),
        when_lost=WhenLost.__members__.get(when_lost or "", WhenLost.LEAVE),
    )
