"""A plan in the words of people, and for programs. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from OpenOrchestrator.common import cron
from OpenOrchestrator.common.schedules import zone_named
from OpenOrchestrator.site import moments, yaml_text
from OpenOrchestrator.site.plans import Action, Change, Noun, Plan, Step

LONGEST_VALUE = 80


def lines(change: Change, zone: ZoneInfo, now: datetime) -> list[str]:
    """Return what is done to one thing: one line, or one for each of several values below it.

    Args:
        change: What is done.
        zone: The site's time zone.
        now: Aware instant.
    """
    head = f"{change.action.value} {change.subject}"
    if change.noun is Noun.QUEUE and change.action is Action.DELETE:
        head = f"delete the settings of {change.subject}, and no element"
    if change.noun is Noun.CREDENTIAL:
        return [f"{head}: without a password, which has to be entered in the app"]
    after = f" ({when})" if (when := _when(change, zone, now)) else ""
    steps = [_step(step, new=change.action is Action.CREATE) for step in change.steps]
    if len(steps) > 1:
        return [f"{head}{after}:", *(f"    {step}" for step in steps)]
    return [f"{head}: {steps[0]}{after}" if steps else f"{head}{after}"]


def summary(plan: Plan) -> str:
    """Return how much there is to do, as a sentence."""
    if not plan.changes:
        return "The site is as the file says."
    counts = [
        f"{number} to {action.value}"
        for action in (Action.CREATE, Action.CHANGE, Action.DELETE)
        if (number := sum(each.action is action for each in plan.changes))
    ]
    return f"{', '.join(counts)}."


def others(plan: Plan) -> str:
    """Return what the site has and the file does not, as a sentence; empty for nothing."""
    if not plan.others:
        return ""
    named = [f"{noun.value} {name}" for noun, name in plan.others]
    more = f" and {len(named) - 10} more" if len(named) > 10 else ""
    return f"Not in the file, and left as they are: {', '.join(named[:10])}{more}."


def as_json(plan: Plan) -> dict[str, Any]:
    """Return a plan for programs."""
    return {
        "differences": len(plan.changes),
        "changes": [
            {
                "action": change.action.value,
                "noun": change.noun.value,
                "name": change.name,
                "id": None if change.stored is None else str(change.stored.id),
                "values": {step.key: {"before": step.before, "after": step.after} for step in change.steps},
                "next_run": None if change.next_run is None else change.next_run.isoformat(),
            }
            for change in plan.changes
        ],
        "notes": list(plan.notes),
        "not_in_file": [{"noun": noun.value, "name": name} for noun, name in plan.others],
    }


def _step(step: Step, *, new: bool) -> str:
    if new:
        return f"{step.key} {_value(step.after)}"
    return f"{step.key} {_value(step.before)} -> {_value(step.after)}"


def _value(value: Any) -> str:
    if value is None or value in ({}, [], ()):
        return "none"
    shown = yaml_text.flow(value)
    return shown if len(shown) <= LONGEST_VALUE else shown[: LONGEST_VALUE - 1] + "…"


def _when(change: Change, zone: ZoneInfo, now: datetime) -> str:
    entry = change.entry
    if entry is None:
        return ""
    if change.next_run is not None:
        here = cron.to_site(change.next_run, zone)
        own = entry.values["timezone"]
        if own is not None and own != zone.key:
            there = cron.to_site(change.next_run, zone_named(own))
            return f"next run {there:%Y-%m-%d %H:%M} in {own}, here {here:%Y-%m-%d %H:%M}"
        return f"next run {here:%Y-%m-%d %H:%M}"
    if (
        "at" in change.keys
        and entry.values["enabled"] is not False
        and moments.stored(entry.values["at"], zone)[1] <= now
    ):
        return "that has passed: it runs at once"
    return ""
