"""The difference between the calendars and pools of a file, which triggers name, and those of a site. Pure.

They are made and changed before triggers are, and deleted after them, unless a trigger still names them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from OpenOrchestrator.site.calendar_entries import CALENDAR, written_calendar
from OpenOrchestrator.site.findings import Findings
from OpenOrchestrator.site.plans import Action, Change, Noun, Step


def calendar_changes(findings: Findings) -> list[Change]:
    """Return which calendars are to be made and changed."""
    changes = []
    for entry in findings.document.calendars or ():
        name, after = entry.calendar.name, written_calendar(entry.calendar)
        stored = findings.site.calendars.get(name)
        if stored is None:
            alike = [each for each in findings.site.calendars if each.casefold() == name.casefold()]
            if alike:
                findings.problem(entry.mark, f"The site has a calendar {alike[0]!r}: write its name as it is there.")
            steps = tuple(Step(key, None, value) for key, value in after.items() if key != "name")
            changes.append(
                Change(action=Action.CREATE, noun=Noun.CALENDAR, name=name, steps=steps, wanted=entry.calendar)
            )
            continue
        if stored.edition is None:
            findings.problem(entry.mark, f"The calendar {name!r} of the site cannot be changed: {stored.problem}.")
            continue
        before = {} if stored.calendar is None else written_calendar(stored.calendar)
        keys = [key for key in CALENDAR.parts if key != "name" and before.get(key) != after.get(key)]
        if keys:
            steps = tuple(Step(key, before.get(key), after.get(key)) for key in keys)
            changes.append(
                Change(action=Action.CHANGE, noun=Noun.CALENDAR, name=name, steps=steps, wanted=entry.calendar)
            )
    return changes


def pool_changes(findings: Findings) -> list[Change]:
    """Return which pools are to be made and changed."""
    changes = []
    for entry in findings.document.pools or ():
        stored = findings.site.pools.get(entry.name)
        if stored is None:
            alike = [each for each in findings.site.pools if each.casefold() == entry.name.casefold()]
            if alike:
                findings.problem(entry.mark, f"The site has a pool {alike[0]!r}: write its name as it is there.")
        elif stored.size == entry.value:
            continue
        action = Action.CREATE if stored is None else Action.CHANGE
        step = Step("size", None if stored is None else stored.size, entry.value)
        changes.append(Change(action=action, noun=Noun.POOL, name=entry.name, steps=(step,), wanted=entry.value))
    return changes


def calendar_deletions(findings: Findings, changes: Sequence[Change]) -> list[Change]:
    """Return which calendars are to be deleted, after these changes of triggers."""
    if findings.document.calendars is None:
        return []
    named = {each.calendar.name for each in findings.document.calendars}
    users = _users(findings, changes, "calendar", lambda calendar: [calendar["name"]] if calendar else [])
    return _deletions(findings, Noun.CALENDAR, [name for name in findings.site.calendars if name not in named], users)


def pool_deletions(findings: Findings, changes: Sequence[Change]) -> list[Change]:
    """Return which pools are to be deleted, after these changes of triggers."""
    if findings.document.pools is None:
        return []
    named = {each.name for each in findings.document.pools}
    users = _users(findings, changes, "pools", list)
    return _deletions(findings, Noun.POOL, [name for name in findings.site.pools if name not in named], users)


def _deletions(findings: Findings, noun: Noun, names: Iterable[str], users: dict[str, list[str]]) -> list[Change]:
    changes = []
    for name in names:
        if not findings.prune:
            findings.others.append((noun, name))
        elif users.get(name):
            shown = ", ".join(map(repr, users[name][:3])) + (" and more" if len(users[name]) > 3 else "")
            verb = "uses" if len(users[name]) == 1 else "use"
            findings.notes.append(f"The {noun.value} {name!r} stays, because {shown} {verb} it.")
        else:
            changes.append(Change(action=Action.DELETE, noun=noun, name=name))
    return changes


def _users(
    findings: Findings, changes: Sequence[Change], key: str, names_of: Callable[[Any], Iterable[str]]
) -> dict[str, list[str]]:
    """Return which triggers name something when everything else is done."""
    after: dict[UUID, tuple[str, Any]] = {each.id: (each.name, each.values.get(key)) for each in findings.site.triggers}
    for change in changes:
        if change.stored is not None and change.action is Action.DELETE:
            after.pop(change.stored.id)
        elif change.stored is not None and change.entry is not None:
            after[change.stored.id] = (change.name, change.entry.values.get(key))
    users: dict[str, list[str]] = {}
    for trigger, value in after.values():
        for name in names_of(value or ()):
            users.setdefault(name, []).append(trigger)
    return users
