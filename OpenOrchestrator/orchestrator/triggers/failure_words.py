"""What a trigger does when its runs fail, and how that stands now: in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Any

from OpenOrchestrator.database.statuses import RETRIED_JOB_STATUSES, JobStatus, TriggerStatus, TriggerType, WhenLost
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger, WaitingRetry
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettings, pauses_of
from OpenOrchestrator.orchestrator.triggers.notes import point

MOST_SHOWN = 5
_PLAIN = TriggerSettings(name="", process="", type=TriggerType.QUEUE, path="")


def in_words(settings: TriggerSettings) -> str:
    """Return ``2 retries after 5 m and 10 m. Stops after 3 failed runs in a row.``."""
    limit = settings.pause_after_failures
    if settings.type is TriggerType.SINGLE:
        stops = "Then it is Failed."
    elif limit == 0:
        stops = "It never stops for failed runs."
    else:
        stops = "Stops after the first failed run." if limit == 1 else f"Stops after {limit} failed runs in a row."
    sentences = [retry_words(settings), stops]
    if settings.when_lost is WhenLost.RETRY and settings.retry_times:
        sentences.insert(1, "Lost runs are tried again, too.")
    return " ".join(sentences)


def retry_words(settings: TriggerSettings) -> str:
    """Return how a failed run is tried again, as a sentence."""
    if not settings.retry_times:
        return "Not tried again."
    ends = {JobStatus.FAILED: "failed", JobStatus.TIMED_OUT: "timed out"}
    only = [ends[status] for status in RETRIED_JOB_STATUSES if status in settings.retry_after]
    of = "" if len(only) == len(ends) else f" of runs that {only[0]}" if only else " of lost runs alone"
    count = "1 retry" if settings.retry_times == 1 else f"{settings.retry_times} retries"
    pauses = [_pause(seconds) for seconds in pauses_of(settings)]
    listed = ", ".join(pauses[:MOST_SHOWN]) + (" and so on" if len(pauses) > MOST_SHOWN else "")
    at_once = not any(pauses_of(settings))
    return f"{count}{of}, at once." if at_once else f"{count}{of}, after {listed}."


def pause_words(values: Mapping[str, Any]) -> str:
    """Return how long the retries wait that somebody is entering, by the names that settings have; empty for none."""
    entered = replace(_PLAIN, **values)
    return retry_words(entered) if entered.retry_times else ""


def waiting_words(retry: WaitingRetry, now: datetime, zone: tzinfo) -> str:
    """Return ``Its run failed: retry 1 of 2 at 14:05``."""
    return f"Its run failed: {attempt_words(retry)} {when_words(retry, now, zone)}"


def attempt_words(retry: WaitingRetry) -> str:
    """Return ``retry 1 of 2``."""
    of = f" of {retry.times}" if retry.number <= retry.times else ""
    return f"retry {retry.number}{of}"


def when_words(retry: WaitingRetry, now: datetime, zone: tzinfo) -> str:
    """Return ``at 14:05``, or that it is due."""
    return f"at {point(retry.at, now, zone)}" if retry.at > now else "is due"


def count_words(row: ListedTrigger) -> str:
    """Return ``2 of 3 failed runs in a row``; empty where that says nothing beyond the state."""
    if row.failed_runs == 0 or row.type is TriggerType.SINGLE:
        return ""
    if row.failure_limit == 1 or (row.failure_limit == 0 and row.status is TriggerStatus.FAILED):
        return ""
    of = f" of {row.failure_limit}" if row.failure_limit else ""
    runs = "run" if row.failed_runs == 1 and not of else "runs"
    return f"{row.failed_runs}{of} failed {runs} in a row"


def _pause(seconds: float) -> str:
    return times.limit(round(seconds)) if seconds else "no pause"
