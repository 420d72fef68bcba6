"""Whether an element is tried again, and after which pause. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from OpenOrchestrator.database.lifecycle.retries import RetryPolicy, pause_before
from OpenOrchestrator.database.statuses import AttemptEnd, WhenRobotDied
from OpenOrchestrator.database.stores.queue_rules import QueueRules


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of an element after an attempt that did not end well.

    Attributes:
        ended_as: RETRIED, FAILED or ABANDONED.
        pause_seconds: How long it waits before it is handed out again; 0 for at once, or if it is not.
    """

    ended_as: AttemptEnd
    pause_seconds: float = 0.0


def after_error(rules: QueueRules, attempt: int, *, pause_seconds: float | None = None) -> Outcome:
    """Return what becomes of an element after an error that another attempt may not meet.

    Args:
        rules: What its queue says.
        attempt: Which attempt it was, from 1.
        pause_seconds: How long the robot wants it to wait; None for as long as the queue says.
    """
    if attempt >= rules.most_attempts:
        return Outcome(AttemptEnd.FAILED)
    return Outcome(AttemptEnd.RETRIED, _pause(rules, attempt) if pause_seconds is None else pause_seconds)


def after_death(rules: QueueRules, attempt: int) -> Outcome:
    """Return what becomes of an element whose robot died: nobody knows what it did.

    Args:
        rules: What its queue says.
        attempt: Which attempt it was, from 1.
    """
    if rules.when_robot_died is not WhenRobotDied.RETRY or attempt >= rules.most_attempts:
        return Outcome(AttemptEnd.ABANDONED)
    return Outcome(AttemptEnd.RETRIED, _pause(rules, attempt))


def _pause(rules: QueueRules, attempt: int) -> float:
    return pause_before(RetryPolicy(pause_seconds=rules.pause_seconds, growth=rules.pause_growth), attempt)
