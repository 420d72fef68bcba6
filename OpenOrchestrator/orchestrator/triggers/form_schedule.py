"""The fields of a trigger's form that make its schedule: expression, time zone, calendar, and what comes of them.

Owns these fields and the preview of the next runs. Must not know what becomes of what they say.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from nicegui import ui

from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.schedules import ClosedDays, Schedule, zone_named
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.forms.fields import choice, field, text_input
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettings
from OpenOrchestrator.orchestrator.triggers.checks import check_cron
from OpenOrchestrator.orchestrator.triggers.cron_words import in_words
from OpenOrchestrator.orchestrator.triggers.schedule_words import CLOSED_DAYS, moved_words

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer
    from OpenOrchestrator.orchestrator.live.view import View

PREVIEWED = 10

_SITE = ""
_EVERY_DAY = ""


class ScheduleFields:
    """The fields of a schedule in the section that is open.

    Args:
        view: The page's.
        drawer: Where they are built.
        settings: What they say at first.
        zones: Names of the time zones to choose from.
        calendars: To choose from.
    """

    def __init__(
        self,
        view: View,
        drawer: FormDrawer,
        settings: TriggerSettings,
        zones: tuple[str, ...],
        calendars: tuple[Calendar, ...],
    ) -> None:
        self._view = view
        self._drawer = drawer
        self._calendars = {each.name: each for each in calendars}
        self._shown = False
        site_zone = times.zone_name(view.zone)
        with field("Cron", hint="Minute, hour, day, month, weekday") as cron_field:
            self._cron = text_input(
                "Cron", settings.cron or "", check=check_cron, mono=True, placeholder="0 6 * * 1-5", marker="cron"
            )
            self._cron.props("debounce=200").on_value_change(self._show_next)
            self._words = ui.label().classes("oo-b").style("margin-top: 8px").mark("cron-words")
        with field("Time zone", hint="The expression means the clock there.") as zone_field:
            options = {_SITE: f"Site: {site_zone}", **{name: name for name in zones}}
            chosen = settings.timezone or _SITE
            options.setdefault(chosen, f"{chosen}, not known here")
            self._zone = choice("Time zone", options, chosen, marker="timezone")
            self._zone.on_value_change(self._changed)
        with field("Calendar", hint="Calendars are made under Manage.") as calendar_field:
            options = {_EVERY_DAY: "None: every day is open", **{name: name for name in self._calendars}}
            chosen = settings.calendar or _EVERY_DAY
            options.setdefault(chosen, f"{chosen}, which cannot be used")
            self._calendar = choice("Calendar", options, chosen, check=self._check_calendar, marker="calendar")
            self._calendar.on_value_change(self._changed)
        with field("On closed days") as self._closed_field:
            self._closed_days = choice("On closed days", CLOSED_DAYS, settings.closed_days, marker="closed-days")
            self._closed_days.on_value_change(self._changed)
        with field("Next ten runs", wide=True) as next_field:
            self._note = ui.label().classes("oo-xs oo-t3").mark("next-zone")
            self._next = ui.element("div").classes("oo-runs").mark("next-runs")
        self._fields = (cron_field, zone_field, calendar_field, next_field)
        for name, each in (
            ("Cron", self._cron),
            ("Time zone", self._zone),
            ("Calendar", self._calendar),
            ("On closed days", self._closed_days),
        ):
            drawer.watch(name, each)

    def show(self, shown: bool) -> None:
        """Show them, or hide them for another kind of trigger."""
        self._shown = shown
        for each in self._fields:
            each.set_visibility(shown)
        self._show_next()

    def values(self) -> dict[str, Any]:
        """Return what they say, by the names of TriggerSettings; they have to be valid."""
        if not self._shown:
            return {}
        calendar = str(self._calendar.value or "") or None
        return {
            "cron": self._cron.value.strip(),
            "timezone": str(self._zone.value or "") or None,
            "calendar": calendar,
            "closed_days": ClosedDays.SKIP if calendar is None else self._closed_days.value,
        }

    def _changed(self) -> None:
        self._drawer.touched()
        self._show_next()

    def _check_calendar(self, value: Any) -> str | None:
        if not self._shown or not value or value in self._calendars:
            return None
        return f"There is no calendar {value!r} that can be used. Choose another one, or none."

    def _schedule(self) -> Schedule:
        zone = zone_named(str(self._zone.value or "") or times.zone_name(self._view.zone))
        calendar = self._calendars.get(str(self._calendar.value or ""))
        return Schedule(str(self._cron.value or "").strip(), zone, calendar, self._closed_days.value)

    def _show_next(self) -> None:
        self._closed_field.set_visibility(self._shown and bool(self._calendar.value))
        text = str(self._cron.value or "").strip()
        self._next.clear()
        self._words.set_text("")
        self._note.set_text("")
        self._cron.error = None
        if not text or not self._shown:
            return
        now = self._view.now()
        try:
            words = in_words(text)
            schedule = self._schedule()
            dues = schedule.next_dues(now, PREVIEWED)
        except InvalidInputError as error:
            self._cron.error = str(error)
            return
        self._words.set_text(words)
        zone = schedule.zone
        differs = zone.key != times.zone_name(self._view.zone)
        self._note.set_text(f"{zone.key}, {zone_words(now, zone)}" if differs else zone_words(now, zone))
        with self._next:
            for due in dues:
                with ui.element("div"):
                    ui.label(times.day(due.at, zone)).style("width: 86px")
                    ui.label(times.clock_time(due.at, zone)).classes("oo-mono")
                    if differs:
                        there = f"{times.day(due.at, self._view.zone)} {times.clock_time(due.at, self._view.zone)}"
                        ui.label(f"{there} at the site").classes("oo-t3 oo-sm oo-no-phone")
                    ui.label(f"in {times.long_span((due.at - now).total_seconds())}").classes("oo-t3 oo-sm").style(
                        "margin-left: auto"
                    )
                if moved := moved_words(due, schedule.closed_days):
                    ui.label(moved).classes("oo-t2 oo-sm").style("white-space: normal").mark("moved")


def zone_words(now: datetime, zone: tzinfo) -> str:
    """Return the zone that dates are entered in: ``CET, UTC+1``, or ``UTC``."""
    return ", ".join(dict.fromkeys((times.abbreviated(now, zone), times.utc_offset(now, zone))))
