"""Why a trigger is not running: every reason there is, from the same pure functions by which schedulers choose.

Pure: facts in, reasons out. ``waiting_facts`` reads the facts. Must not decide what runs, nor change anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from OpenOrchestrator.database.lifecycle.admission import paused_words
from OpenOrchestrator.database.lifecycle.causes import NEARNESS
from OpenOrchestrator.database.lifecycle.waiting_places import places, unmet
from OpenOrchestrator.database.lifecycle.waiting_reasons import (
    ActiveJob,
    Cause,
    Facts,
    KnownScheduler,
    Reason,
    at,
    shown,
)
from OpenOrchestrator.database.lifecycle.waiting_siblings import (
    hindrance,
    may_have_more,
    own_jobs,
    queue_words,
    running,
)
from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.database.stores.queue_pauses import QueuePause
from OpenOrchestrator.database.stores.site_pause import SitePause

__all__ = ["ActiveJob", "Cause", "Facts", "KnownScheduler", "Reason", "in_short", "why"]


def why(facts: Facts) -> tuple[Reason, ...]:
    """Return why a trigger is not running now, or that it is; never empty."""
    found = tuple(_reasons(facts))
    if facts.due is None and facts.status is TriggerStatus.IDLE and not facts.unreadable:
        found += tuple(unmet(facts, facts.whitelist, facts.labels))
    pause = facts.site_pause
    reasons = [*found, *(Reason(Cause.MISSED, words) for words in facts.missed)]
    own = own_jobs(facts)
    if pause is not None and (not own or may_have_more(facts, own)):
        reasons.insert(0, _site_paused(pause, facts.zone, short="" if facts.due is None else "Site paused"))
    return tuple(reasons)


def in_short(reasons: Sequence[Reason]) -> str:
    """Return in a few words why a trigger that is due does not start; empty if nothing keeps it, or it is not due.

    Of several schedulers, the one that is nearest to starting it counts.
    """
    reasons = [reason for reason in reasons if reason.cause not in (Cause.MISSED, Cause.RUNS)] or reasons
    nearest = min(reasons, key=lambda reason: NEARNESS.get(reason.cause, 0))
    if nearest.cause is Cause.SCHEDULER_SILENT and len(reasons) > 1:
        return "No live scheduler"
    return nearest.short


def _reasons(facts: Facts) -> Iterator[Reason]:
    own = own_jobs(facts)
    if facts.unreadable:
        words = f"Its row in the database cannot be used: {facts.unreadable}."
        yield Reason(Cause.UNREADABLE, words, short="Unusable row")
    elif own:
        yield running(facts, own)
        if may_have_more(facts, own):
            hindered = hindrance(facts, own)
            yield from _by_time(facts, len(own)) if hindered is None else (hindered,)
    elif facts.due is not None:
        yield from places(facts, facts.due)
    elif facts.status is TriggerStatus.PAUSED:
        yield _paused(facts)
    elif facts.status in (TriggerStatus.FAILED, TriggerStatus.KILLED):
        word = facts.status.value.lower()
        yield Reason(Cause.HELD, f"Its last run {'failed' if word == 'failed' else 'was killed'}. Enable it.")
    elif facts.status is TriggerStatus.DONE:
        yield Reason(Cause.HAS_RUN, "It has run; a single trigger runs once.")
    elif facts.status is not TriggerStatus.IDLE:
        word = "none" if facts.status is None else facts.status.value
        yield Reason(Cause.HELD, f"Its status is {word}, but no job of it runs. Schedulers settle that within seconds.")
    else:
        yield from _by_time(facts, 0)


def _by_time(facts: Facts, jobs: int) -> Iterator[Reason]:
    """Yield where a trigger that may start does so, or when it is due; beside so many jobs of its own."""
    if facts.due is not None:
        yield from places(facts, facts.due)
    elif facts.retry_at is not None:
        until = at(facts.retry_at, facts.zone)
        of = f" of {facts.retry_times}" if facts.retry_number <= facts.retry_times else ""
        words = f"Its last run failed: back-off until {until}, then retry {facts.retry_number}{of}."
        yield Reason(Cause.BACK_OFF, words, facts.retry_at)
    elif facts.queue_pause is not None:
        yield _queue_paused(facts, facts.queue_pause)
    elif facts.rests_until is not None:
        until = at(facts.rests_until, facts.zone)
        then = f"no other starts before {until}" if jobs else f"it rests until {until} or the next new element"
        words = f"Its last run took nothing from the queue, so {then}."
        yield Reason(Cause.RESTS, words, facts.rests_until)
    elif facts.queue is not None:
        yield Reason(Cause.QUEUE_TOO_SHORT, queue_words(facts, jobs))
    elif facts.next_due is not None:
        what = "One more" if jobs else "It"
        yield Reason(Cause.NOT_DUE, f"{what} is not due before {at(facts.next_due, facts.zone)}.", facts.next_due)
    elif facts.site_pause is None and not facts.missed and not jobs:
        yield Reason(Cause.NOTHING, "Nothing hinders it: the next scheduler that looks starts it.")


def _site_paused(pause: SitePause, zone: ZoneInfo, *, short: str) -> Reason:
    words = f"The site is {paused_words(pause, zone)}, so nothing starts."
    if pause.until is None:
        words += " Resume it."
    return Reason(Cause.SITE_PAUSED, words, pause.until, short=short)


def _queue_paused(facts: Facts, pause: QueuePause) -> Reason:
    words = f"Its queue {facts.queue} is paused since {at(pause.since, facts.zone)}"
    if pause.by:
        words += f" by {pause.by}"
    words += f" ({pause.reason})"
    if pause.until is not None:
        return Reason(Cause.QUEUE_PAUSED, f"{words}, until {at(pause.until, facts.zone)}.", pause.until)
    return Reason(Cause.QUEUE_PAUSED, f"{words}. Resume the queue.")


def _paused(facts: Facts) -> Reason:
    words = "It is paused"
    if facts.paused_by:
        words += f" by {facts.paused_by}"
    if facts.paused_since is not None:
        words += f" since {shown(facts.paused_since)}"
    if facts.pause_reason:
        words += f" ({facts.pause_reason})"
    if facts.paused_until is not None:
        return Reason(Cause.PAUSED, f"{words}, until {at(facts.paused_until, facts.zone)}.", facts.paused_until)
    return Reason(Cause.PAUSED, f"{words}. Enable it.")
