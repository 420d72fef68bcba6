"""What is asked before something is done with triggers: what it will do, by name and count, and in which ways. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from OpenOrchestrator.common.missed_runs import MissedRuns
from OpenOrchestrator.database.statuses import BUSY_TRIGGER_STATUSES, TriggerStatus, TriggerType
from OpenOrchestrator.orchestrator.components.forms.confirm import Way, listing
from OpenOrchestrator.orchestrator.components.times import DAYS, MONTHS
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.overlap_words import has_several, robots_are_told

FROM_NEXT = "enable_from_next"
"""Enabling, but what a schedule missed is passed over."""

STOP_RUN = "stop_run"
"""Killing the robot, but the trigger goes on."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        title: The question with name or count.
        sentences: What will happen.
        ways: The usual one first; named by the action to do.
    """

    title: str
    sentences: tuple[str, ...]
    ways: tuple[Way, ...]


def question(
    action: str, rows: Sequence[ListedTrigger], *, site_now: datetime, bulk: bool, skips: Collection[UUID] = ()
) -> Question | None:
    """Return what to ask before an action; None where it is done at once.

    Args:
        action: ``run``, ``enable``, ``disable``, ``kill`` or ``delete``.
        rows: The triggers, at least one, that allow it.
        site_now: Naive site time.
        bulk: Whether they were selected before: then what is about to happen is always said.
        skips: Those that skip what they have missed, by their own rule.
    """
    names = listing([row.name for row in rows])
    what = rows[0].name if len(rows) == 1 else f"{len(rows)} triggers"
    it, they = ("It", "it is") if len(rows) == 1 else ("They", "they are")
    if action == "delete":
        sentences = [f"{names} will not run again.", "The jobs and logs stay."]
        if running := [row.name for row in rows if row.status in BUSY_TRIGGER_STATUSES]:
            sentences.append(f"{listing(running)}: {robots_are_told(rows)}")
        return _ask("Delete", what, sentences, action, dangerous=True)
    if action == "kill":
        one, several = len(rows) == 1, has_several(rows)
        robots = "robots" if several else "robot"
        where = (
            "are stopped at once, wherever they are in their"
            if several
            else "is stopped at once, wherever it is in its"
        )
        sentences = [f"The {robots} of {names} {where} work."]
        sentences.append(f"{it} will not run again before {they} enabled.")
        ways = [Way(action, f"Kill {what}", dangerous=True)]
        if any(row.status is TriggerStatus.RUNNING and row.type is not TriggerType.SINGLE for row in rows):
            runs, are = ("this run", "is stopped") if one and not several else ("these runs", "are stopped")
            sentences.append(f"If only {runs} {are}, {'it runs' if one else 'they run'} again when due.")
            ways.append(Way(STOP_RUN, f"Stop {runs} only", dangerous=True))
        return Question(f"Kill {what}?", tuple(sentences), tuple(ways))
    if action == "enable" and any(is_past(row, site_now) for row in rows if row.id not in skips):
        return _enable(what, [row for row in rows if row.id not in skips], rows, site_now)
    if not bulk:
        return None
    if action == "run":
        return _ask("Run", what, [f"The next free scheduler starts {names}."], action, button=f"Run {what} now")
    if action == "disable":
        sentences = [f"{names} will not start again before {they} enabled."]
        if running := [row.name for row in rows if row.status in BUSY_TRIGGER_STATUSES]:
            sentences.append(f"{listing(running)}: {robots_are_told(rows)}")
        return _ask("Pause", what, sentences, action)
    return _ask("Enable", what, [f"{names} will run again when due."], action)


def is_past(row: ListedTrigger, site_now: datetime) -> bool:
    """Whether a trigger would run at once if it were enabled, because its time has passed."""
    return row.next_run is not None and row.next_run <= site_now


def has_no_next(row: ListedTrigger, site_now: datetime) -> bool:
    """Whether a trigger has missed its only time."""
    return row.type is TriggerType.SINGLE and is_past(row, site_now)


def due_words(due: datetime) -> str:
    """Return a time in the past as in a sentence: ``Mon 23 Nov 2026, 08:30``."""
    return f"{DAYS[due.weekday()]} {due.day} {MONTHS[due.month - 1]} {due.year}, {due:%H:%M}"


def _enable(
    what: str, rows: Sequence[ListedTrigger], all_rows: Sequence[ListedTrigger], site_now: datetime
) -> Question:
    missed = [row for row in rows if is_past(row, site_now)]
    singles = [row for row in missed if has_no_next(row, site_now)]
    each = [row for row in missed if row.missed.run is MissedRuns.EACH]
    at_once = "run now" if len(missed) == 1 else f"run {len(missed)} now"
    now = Way("enable", "Enable and run what was missed" if each else f"Enable and {at_once}")
    if len(missed) == 1 and missed[0].next_run is not None:
        sentences = [f"{missed[0].name} was due {due_words(missed[0].next_run)}, and has not run since."]
    else:
        sentences = [f"The time of {listing([row.name for row in missed])} has passed."]
    if each:
        whose = listing([row.name for row in each])
        sentences.append(f"{whose}: each missed run is run, in order, {max(row.missed.most for row in each)} at most.")
    if len(rows) < len(all_rows):
        others = listing([row.name for row in all_rows if row not in rows])
        sentences.append(f"{others}: what was missed is skipped, as the trigger says.")
    if len(singles) == len(all_rows):
        sentences.append("A single trigger has no next time: it runs at once. Edit its date to let it run later.")
        return Question(f"Enable {what}?", tuple(sentences), (now,))
    if singles:
        left = listing([row.name for row in singles])
        sentences.append(f"{left}: a single trigger has no next time, and is enabled only if it may run now.")
    return Question(f"Enable {what}?", tuple(sentences), (Way(FROM_NEXT, "Enable from the next time on"), now))


def _ask(
    verb: str, what: str, sentences: Sequence[str], action: str, *, dangerous: bool = False, button: str | None = None
) -> Question:
    return Question(f"{verb} {what}?", tuple(sentences), (Way(action, button or f"{verb} {what}", dangerous),))
