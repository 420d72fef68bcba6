"""The difference between the triggers of a file and those of a site. Pure.

Owns which trigger of the site one of the file is, and when one is due whose schedule changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.redaction import MASK
from OpenOrchestrator.common.schedules import ClosedDays, Schedule, zone_named
from OpenOrchestrator.database.statuses import TriggerType
from OpenOrchestrator.site import moments
from OpenOrchestrator.site.document import TriggerEntry
from OpenOrchestrator.site.findings import Findings
from OpenOrchestrator.site.plans import Action, Change, Noun, Step
from OpenOrchestrator.site.present import PresentTrigger
from OpenOrchestrator.site.trigger_fields import FIELDS_BY_KEY, fields_of


def trigger_changes(findings: Findings) -> list[Change]:
    """Return what has to be done to triggers."""
    return _Triggers(findings).changes()


class _Triggers:
    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def changes(self) -> list[Change]:
        if self._findings.document.triggers is None:
            return []
        matched = self._matched(self._findings.document.triggers)
        changes = [
            change
            for entry, stored in matched
            if (change := self._created(entry) if stored is None else self._changed(entry, stored)) is not None
        ]
        there = {stored.id for _, stored in matched if stored is not None}
        for each in self._findings.site.triggers:
            if each.id in there:
                continue
            if not self._findings.prune:
                self._findings.others.append((Noun.TRIGGER, each.name))
            elif each.runs:
                self._findings.notes.append(
                    f"The trigger {each.name!r} stays, because it runs. Apply again when it has ended."
                )
            else:
                changes.append(Change(action=Action.DELETE, noun=Noun.TRIGGER, name=each.name, stored=each))
        return changes

    def _matched(self, entries: Sequence[TriggerEntry]) -> list[tuple[TriggerEntry, PresentTrigger | None]]:
        """Return each trigger of the file with the one of the site that it is: by its id, else by its name."""
        by_id = {each.id: each for each in self._findings.site.triggers}
        taken = {entry.id for entry in entries if entry.id in by_id}
        by_name: dict[str, list[PresentTrigger]] = {}
        for each in self._findings.site.triggers:
            if each.id not in taken:
                by_name.setdefault(each.name, []).append(each)
        matched: list[tuple[TriggerEntry, PresentTrigger | None]] = []
        for entry in entries:
            if entry.id in by_id:
                matched.append((entry, by_id[entry.id]))
                continue
            same = by_name.get(entry.name, [])
            if len(same) > 1:
                ids = ", ".join(str(each.id) for each in same)
                self._findings.problem(
                    entry.mark_of("name"),
                    f"The site has {len(same)} triggers {entry.name!r}: give its id, one of {ids}.",
                )
                continue
            matched.append((entry, same[0] if same else None))
        return matched

    def _created(self, entry: TriggerEntry) -> Change:
        steps = []
        for field in fields_of(entry.type):
            value = self._wanted(entry, field.key)
            if field.hides(value):
                self._findings.problem(
                    entry.mark_of(field.key),
                    f"{MASK} stands for what is in no file, and there is no such trigger yet to have it.",
                )
            if field.key in entry.marks and field.key != "name" and not (field.key == "enabled" and value):
                steps.append(Step(field.key, None, field.plain(value)))
        self._require_pools(entry)
        due = self._next_run(entry) if entry.type is TriggerType.SCHEDULED else None
        keys = frozenset(field.key for field in fields_of(entry.type))
        return Change(
            action=Action.CREATE, noun=Noun.TRIGGER, name=entry.name, steps=tuple(steps), entry=entry, keys=keys,
            next_run=due,
        )  # fmt: skip

    def _changed(self, entry: TriggerEntry, stored: PresentTrigger) -> Change | None:
        if entry.type is not stored.type:
            self._findings.problem(
                entry.mark,
                f"The trigger {stored.name!r} is a {stored.type.value.lower()} trigger, and the kind of a trigger "
                "cannot be changed. Delete it, or give this one another name.",
            )
            return None
        steps, keys = [], set()
        for field in fields_of(entry.type):
            before, after = stored.values[field.key], self._wanted(entry, field.key)
            if field.is_same(before, after) or field.stands_for(after, before):
                continue
            if field.hides(after):
                self._findings.problem(
                    entry.mark_of(field.key),
                    f"{MASK} stands for what is in no file. Write the whole out, or leave it as it was exported.",
                )
                continue
            keys.add(field.key)
            steps.append(Step(field.key, *field.compared(before, after)))
        self._require_pools(entry)
        anew = any(FIELDS_BY_KEY[key].is_schedule for key in keys)
        if entry.type is TriggerType.SCHEDULED and not anew:
            self._require_calendar(entry)
        if not keys:
            return None
        if stored.values["enabled"] is None and entry.values["enabled"] and not stored.runs:
            self._findings.notes.append(
                f"The trigger {stored.name!r} is {stored.status.value} and stays so. "
                "Enable it in the app when it may run."
            )
        return Change(
            action=Action.CHANGE,
            noun=Noun.TRIGGER,
            name=stored.name,
            steps=tuple(steps),
            entry=entry,
            stored=stored,
            keys=frozenset(keys),
            next_run=self._next_run(entry) if anew else None,
        )

    def _wanted(self, entry: TriggerEntry, key: str) -> Any:
        value = entry.values[key]
        return moments.in_site_time(value, self._findings.zone) if key == "at" else value

    def _require_calendar(self, entry: TriggerEntry) -> Calendar | None:
        named = entry.values["calendar"]
        if named is None:
            return None
        calendar = self._findings.calendars.get(named["name"])
        if calendar is None:
            self._findings.problem(
                entry.mark_of("calendar"),
                f"There is no calendar {named['name']!r}, neither in the file nor on the site.",
            )
        return calendar

    def _require_pools(self, entry: TriggerEntry) -> None:
        there = {each.name for each in self._findings.document.pools or ()} | self._findings.site.pools.keys()
        for name in entry.values["pools"]:
            if name not in there:
                words = f"There is no pool {name!r}, neither in the file nor on the site."
                self._findings.problem(entry.mark_of("pools"), words)

    def _next_run(self, entry: TriggerEntry) -> datetime | None:
        calendar = self._require_calendar(entry)
        if entry.values["calendar"] is not None and calendar is None:
            return None
        try:
            return schedule_of(entry.values, self._findings.zone, self._findings.calendars).next_due(self._findings.now)
        except InvalidInputError as error:
            self._findings.problem(entry.mark_of("schedule"), str(error))
            return None


def schedule_of(values: Mapping[str, Any], zone: ZoneInfo, calendars: Mapping[str, Calendar]) -> Schedule:
    """Return the schedule that values of a trigger make.

    Args:
        values: By key.
        zone: The site's time zone.
        calendars: By name; the one that is named has to be there.

    Raises:
        InvalidInputError: If the time zone is none.
    """
    own = values["timezone"]
    named = values["calendar"]
    where = zone if own is None else zone_named(own)
    if named is None:
        return Schedule(values["schedule"], where)
    return Schedule(values["schedule"], where, calendars[named["name"]], ClosedDays(named["closed_days"]))
