"""The difference between a file and a site: what would have to be done, before anything is. Pure.

Owns which trigger of the site one of the file is, what is left alone, and what can never be done by a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.redaction import MASK
from OpenOrchestrator.common.schedules import ClosedDays, Schedule, zone_named
from OpenOrchestrator.common.shown_arguments import shown
from OpenOrchestrator.database.statuses import TriggerType
from OpenOrchestrator.site import moments
from OpenOrchestrator.site.calendar_entries import CALENDAR, written_calendar
from OpenOrchestrator.site.document import SETTINGS, SiteDocument, TriggerEntry
from OpenOrchestrator.site.plans import Action, Change, Noun, Plan, Step
from OpenOrchestrator.site.present import PresentSite, PresentTrigger
from OpenOrchestrator.site.problems import Mark, Problem, SiteFileError
from OpenOrchestrator.site.trigger_fields import FIELDS_BY_KEY, fields_of


def between(
    document: SiteDocument, site: PresentSite, *, prune: bool, now: datetime, file_name: str = "the file"
) -> Plan:
    """Return what has to be done to make a site what a file says.

    Args:
        document: What the file says.
        site: What the site is.
        prune: Whether what the file does not have is to be deleted, in the sections that it has.
        now: Aware instant, from which next runs are computed.
        file_name: For messages.

    Raises:
        SiteFileError: If the file cannot be made true of this site.
    """
    return _Comparison(document, site, prune=prune, now=now, file_name=file_name).plan()


class _Comparison:
    def __init__(
        self, document: SiteDocument, site: PresentSite, *, prune: bool, now: datetime, file_name: str
    ) -> None:
        self._document = document
        self._site = site
        self._prune = prune
        self._now = now
        self._file_name = file_name
        self._problems: list[Problem] = []
        self._notes: list[str] = []
        self._others: list[tuple[Noun, str]] = []
        zone = document.settings.get("timezone")
        self._zone = site.zone if zone is None else zone_named(zone[0])
        self._calendars = {
            name: each.calendar for name, each in site.calendars.items() if each.calendar is not None
        } | {each.calendar.name: each.calendar for each in document.calendars or ()}

    def plan(self) -> Plan:
        changes = [*self._settings(), *self._calendar_changes()]
        trigger_changes = self._trigger_changes()
        changes += trigger_changes
        changes += self._calendar_deletions(trigger_changes)
        changes += self._constant_changes()
        changes += self._credential_changes()
        if self._problems:
            raise SiteFileError(self._problems, self._file_name)
        return Plan(tuple(changes), tuple(self._notes), tuple(self._others))

    def _settings(self) -> list[Change]:
        changes = []
        for key, (value, _) in self._document.settings.items():
            before = self._site.settings.get(key)
            if value != before:
                kind = SETTINGS[key].kind
                step = Step(key, None if before is None else kind.plain(before), kind.plain(value))
                changes.append(Change(action=Action.CHANGE, noun=Noun.SITE, name="", steps=(step,), wanted=value))
        return changes

    # --- calendars ---

    def _calendar_changes(self) -> list[Change]:
        changes = []
        for entry in self._document.calendars or ():
            name, after = entry.calendar.name, written_calendar(entry.calendar)
            stored = self._site.calendars.get(name)
            if stored is None:
                alike = [each for each in self._site.calendars if each.casefold() == name.casefold()]
                if alike:
                    self._problem(entry.mark, f"The site has a calendar {alike[0]!r}: write its name as it is there.")
                steps = tuple(Step(key, None, value) for key, value in after.items() if key != "name")
                changes.append(
                    Change(action=Action.CREATE, noun=Noun.CALENDAR, name=name, steps=steps, wanted=entry.calendar)
                )
                continue
            if stored.edition is None:
                self._problem(entry.mark, f"The calendar {name!r} of the site cannot be changed: {stored.problem}.")
                continue
            before = {} if stored.calendar is None else written_calendar(stored.calendar)
            keys = [key for key in CALENDAR.parts if key != "name" and before.get(key) != after.get(key)]
            if keys:
                steps = tuple(Step(key, before.get(key), after.get(key)) for key in keys)
                changes.append(
                    Change(action=Action.CHANGE, noun=Noun.CALENDAR, name=name, steps=steps, wanted=entry.calendar)
                )
        return changes

    def _calendar_deletions(self, trigger_changes: Sequence[Change]) -> list[Change]:
        if self._document.calendars is None:
            return []
        named = {each.calendar.name for each in self._document.calendars}
        users = self._calendar_users(trigger_changes)
        changes = []
        for name in self._site.calendars:
            if name in named:
                continue
            if not self._prune:
                self._others.append((Noun.CALENDAR, name))
            elif users.get(name):
                self._notes.append(
                    f"The calendar {name!r} stays, because {', '.join(map(repr, users[name][:3]))} "
                    f"{'uses' if len(users[name]) == 1 else 'use'} it."
                )
            else:
                changes.append(Change(action=Action.DELETE, noun=Noun.CALENDAR, name=name))
        return changes

    def _calendar_users(self, trigger_changes: Sequence[Change]) -> dict[str, list[str]]:
        """Return which triggers name a calendar when everything else is done."""
        after: dict[UUID, tuple[str, Any]] = {
            each.id: (each.name, each.values.get("calendar")) for each in self._site.triggers
        }
        for change in trigger_changes:
            if change.stored is not None and change.action is Action.DELETE:
                after.pop(change.stored.id)
            elif change.stored is not None and change.entry is not None:
                after[change.stored.id] = (change.name, change.entry.values.get("calendar"))
        users: dict[str, list[str]] = {}
        for name, calendar in after.values():
            if calendar is not None:
                users.setdefault(calendar["name"], []).append(name)
        return users

    # --- triggers ---

    def _trigger_changes(self) -> list[Change]:
        if self._document.triggers is None:
            return []
        matched = self._matched(self._document.triggers)
        changes = [
            change
            for entry, stored in matched
            if (change := self._created(entry) if stored is None else self._changed(entry, stored)) is not None
        ]
        there = {stored.id for _, stored in matched if stored is not None}
        for each in self._site.triggers:
            if each.id in there:
                continue
            if not self._prune:
                self._others.append((Noun.TRIGGER, each.name))
            elif each.runs:
                self._notes.append(f"The trigger {each.name!r} stays, because it runs. Apply again when it has ended.")
            else:
                changes.append(Change(action=Action.DELETE, noun=Noun.TRIGGER, name=each.name, stored=each))
        return changes

    def _matched(self, entries: Sequence[TriggerEntry]) -> list[tuple[TriggerEntry, PresentTrigger | None]]:
        """Return each trigger of the file with the one of the site that it is: by its id, else by its name."""
        by_id = {each.id: each for each in self._site.triggers}
        taken = {entry.id for entry in entries if entry.id in by_id}
        by_name: dict[str, list[PresentTrigger]] = {}
        for each in self._site.triggers:
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
                self._problem(
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
                self._problem(
                    entry.mark_of(field.key),
                    f"{MASK} stands for what is in no file, and there is no such trigger yet to have it.",
                )
            if field.key in entry.marks and field.key != "name" and not (field.key == "enabled" and value):
                steps.append(Step(field.key, None, field.plain(value)))
        due = self._next_run(entry) if entry.type is TriggerType.SCHEDULED else None
        keys = frozenset(field.key for field in fields_of(entry.type))
        return Change(
            action=Action.CREATE, noun=Noun.TRIGGER, name=entry.name, steps=tuple(steps), entry=entry, keys=keys,
            next_run=due,
        )  # fmt: skip

    def _changed(self, entry: TriggerEntry, stored: PresentTrigger) -> Change | None:
        if entry.type is not stored.type:
            self._problem(
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
                self._problem(
                    entry.mark_of(field.key),
                    f"{MASK} stands for what is in no file. Write the whole out, or leave it as it was exported.",
                )
                continue
            keys.add(field.key)
            steps.append(Step(field.key, *field.compared(before, after)))
        anew = any(FIELDS_BY_KEY[key].is_schedule for key in keys)
        if entry.type is TriggerType.SCHEDULED and not anew:
            self._require_calendar(entry)
        if not keys:
            return None
        if stored.values["enabled"] is None and entry.values["enabled"] and not stored.runs:
            self._notes.append(
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
        return moments.in_site_time(value, self._zone) if key == "at" else value

    def _require_calendar(self, entry: TriggerEntry) -> Calendar | None:
        named = entry.values["calendar"]
        if named is None:
            return None
        calendar = self._calendars.get(named["name"])
        if calendar is None:
            self._problem(
                entry.mark_of("calendar"),
                f"There is no calendar {named['name']!r}, neither in the file nor on the site.",
            )
        return calendar

    def _next_run(self, entry: TriggerEntry) -> datetime | None:
        calendar = self._require_calendar(entry)
        if entry.values["calendar"] is not None and calendar is None:
            return None
        try:
            return schedule_of(entry.values, self._zone, self._calendars).next_due(self._now)
        except InvalidInputError as error:
            self._problem(entry.mark_of("schedule"), str(error))
            return None

    # --- constants and credentials ---

    def _constant_changes(self) -> list[Change]:
        if self._document.constants is None:
            return []
        changes = []
        there = {name.strip(): name for name in self._site.constants}
        for entry in self._document.constants:
            name = there.pop(entry.name, None)
            if name is None:
                alike = [each for each in there if each.casefold() == entry.name.casefold()]
                if alike:
                    self._problem(entry.mark, f"The site has a constant {alike[0]!r}: write its name as it is there.")
                if MASK in entry.value:
                    self._problem(entry.mark, f"{MASK} stands for what is in no file. Write the value out.")
                step = Step("value", None, shown(entry.value, ()))
                changes.append(
                    Change(action=Action.CREATE, noun=Noun.CONSTANT, name=entry.name, steps=(step,), wanted=entry.value)
                )
                continue
            before = self._site.constants[name]
            if entry.value == before or entry.value == shown(before, ()):
                continue
            if MASK in entry.value:
                self._problem(entry.mark, f"{MASK} stands for what is in no file. Write the value out.")
            step = Step("value", shown(before, ()), shown(entry.value, ()))
            changes.append(
                Change(action=Action.CHANGE, noun=Noun.CONSTANT, name=name, steps=(step,), wanted=entry.value)
            )
        if self._prune:
            changes += [Change(action=Action.DELETE, noun=Noun.CONSTANT, name=name) for name in there.values()]
        else:
            self._others += [(Noun.CONSTANT, name) for name in there]
        return changes

    def _credential_changes(self) -> list[Change]:
        if self._document.credentials is None:
            return []
        there = {name.strip(): has_password for name, has_password in self._site.credentials.items()}
        named = {each.name for each in self._document.credentials}
        self._others += [(Noun.CREDENTIAL, name) for name in there if name not in named]
        self._notes += [
            f"The credential {name!r} has no password yet. Enter it in the app."
            for name in there
            if name in named and not there[name]
        ]
        changes = []
        for entry in self._document.credentials:
            if entry.name in there:
                continue
            alike = [each for each in there if each.casefold() == entry.name.casefold()]
            if alike:
                self._problem(entry.mark, f"The site has a credential {alike[0]!r}: write its name as it is there.")
            changes.append(Change(action=Action.CREATE, noun=Noun.CREDENTIAL, name=entry.name))
        return changes

    def _problem(self, mark: Mark, words: str) -> None:
        self._problems.append(Problem(mark, words))


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
