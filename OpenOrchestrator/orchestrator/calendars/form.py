"""The form of a calendar: create, edit, and what a year of it looks like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nicegui import ui

from OpenOrchestrator.common.calendars import MONDAY_TO_FRIDAY, Calendar, Country
from OpenOrchestrator.common.errors import InvalidInputError, OpenOrchestratorError
from OpenOrchestrator.orchestrator.calendars.backend import NAME_LENGTH, CalendarRow, CalendarsBackend
from OpenOrchestrator.orchestrator.calendars.words import (
    check_dates,
    country_words,
    dates_of,
    dates_text,
    own_dates_words,
    weekday_words,
    year_of,
)
from OpenOrchestrator.orchestrator.components import feedback, times
from OpenOrchestrator.orchestrator.components.forms.checks import required
from OpenOrchestrator.orchestrator.components.forms.confirm import THEIRS, Difference, overwrite
from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer
from OpenOrchestrator.orchestrator.components.forms.fields import choice, field, text_area, text_input

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View

ICON = "sym_r_calendar_month"
_NONE = ""
_YEARS_AHEAD = 5


def open_form(
    view: View, row: CalendarRow | None, countries: Mapping[str, Country], on_saved: Callable[[], Any]
) -> None:
    """Open the form.

    Args:
        view: The page.
        row: What is edited; None for a new one.
        countries: To choose from, by their two letters.
        on_saved: Called when it was saved.
    """
    _CalendarForm(view, row, countries, on_saved).open()


class _CalendarForm:
    def __init__(
        self, view: View, row: CalendarRow | None, countries: Mapping[str, Country], on_saved: Callable[[], Any]
    ) -> None:
        self._view = view
        self._row = row
        self._countries = countries
        self._on_saved = on_saved
        self._backend = CalendarsBackend(view.database, view.clock)

    def open(self) -> None:
        """Build the drawer and open it."""
        row = self._row
        first = Calendar("", None) if row is None or row.calendar is None else row.calendar
        with self._view.container:
            drawer = self._drawer = FormDrawer(
                "New calendar" if row is None else "Edit calendar",
                subtitle=row.name if row is not None else "",
                icon=ICON,
                save="Create" if row is None else "Save",
                on_save=self._save,
                address=self._view.form_address("new" if row is None else f"edit-{row.name}"),
            )
        with drawer.section("Open days"):
            hint = "Triggers name it." if row is None else "A name cannot be changed: triggers name it."
            with field("Name", hint=hint):
                self._name = text_input(
                    "Name", row.name if row else "", check=required("a name", NAME_LENGTH), marker="name"
                )
                self._name.set_enabled(row is None)
            with field("Working days"):
                days = dict(enumerate(times.LONG_DAYS))
                chosen = sorted(first.working_days) if row else sorted(MONDAY_TO_FRIDAY)
                self._days = choice(
                    "Working days", days, chosen, check=_check_days, multiple=True, marker="working-days"
                )
            with field("Holidays of", hint="Public holidays of this country are closed."):
                options = {_NONE: "No country"} | {code: each.name for code, each in self._countries.items()}
                country = first.country or _NONE
                options.setdefault(country, f"{country}, not known here")
                self._country = choice("Holidays of", options, country, marker="country")
            with field("Region", hint="Of a part of it.") as self._region_field:
                self._region = choice("Region", self._regions(first.region), first.region or _NONE, marker="region")
            with field("Also closed", note="dates, a line each"):
                self._closed = text_area(
                    "Also closed", dates_text(first.closed), check=check_dates, mono=True, marker="closed"
                ).props("placeholder=2026-12-24")
            with field("Open all the same", note="dates, a line each"):
                self._opened = text_area(
                    "Open all the same", dates_text(first.opened), check=check_dates, mono=True, marker="opened"
                )
        self._country.on_value_change(self._country_chosen)
        present = self._view.now().astimezone(self._view.zone).year
        with drawer.section("Year"):
            with field("Year"):
                years = [str(year) for year in range(present - 1, present + _YEARS_AHEAD + 1)]
                self._year = choice("Year", years, str(present), marker="year")
            with field("What is not as its weekday says", wide=True):
                self._preview = ui.element("div").classes("oo-col").mark("year-preview")
        for label, element in (
            ("Name", self._name),
            ("Working days", self._days),
            ("Holidays of", self._country),
            ("Region", self._region),
            ("Also closed", self._closed),
            ("Open all the same", self._opened),
        ):
            drawer.watch(label, element)
            element.on_value_change(self._show_year)
        self._year.on_value_change(self._show_year)
        self._region_field.set_visibility(len(self._regions(None)) > 1)
        (self._name if row is None else self._days).props("autofocus")
        self._show_year()
        drawer.settle()
        drawer.open()

    def _regions(self, stored: str | None) -> dict[str, str]:
        known = self._countries.get(str(self._country.value or ""))
        regions = known.regions if known is not None else ()
        return {_NONE: "The whole country"} | {each: each for each in (*regions, *([stored] if stored else []))}

    def _country_chosen(self) -> None:
        regions = self._regions(None)
        chosen = self._region.value if self._region.value in regions else _NONE
        self._region.set_options(regions, value=chosen)
        self._region_field.set_visibility(len(regions) > 1)

    def _calendar(self) -> Calendar:
        """Return what the fields say; the dates have to be right."""
        return Calendar(
            str(self._name.value or "").strip(),
            str(self._country.value or "") or None,
            str(self._region.value or "") or None,
            dates_of(self._closed.value),
            dates_of(self._opened.value),
            frozenset(self._days.value or ()),
        )

    def _show_year(self) -> None:
        self._preview.clear()
        with self._preview:
            try:
                months = year_of(self._calendar(), int(self._year.value))
            except ValueError as error:  # an InvalidInputError is one
                words = str(error) if isinstance(error, InvalidInputError) else "A date is wrong."
                ui.label(words).classes("oo-fg-failed")
                return
            ui.label(f"{sum(month.open_days for month in months)} open days").classes("oo-b").mark("open-days")
            for month in months:
                words = ", ".join(month.special) or "as its weekdays say"
                tone = "" if month.special else " oo-t3"
                ui.label(f"{month.name}, {month.open_days} open: {words}").classes(f"oo-sm{tone}")

    async def _save(self) -> bool:
        calendar = self._calendar()
        try:
            if self._row is None:
                await self._backend.create(calendar)
                feedback.done(f"{calendar.name} was created")
            elif not await self._update(self._row, calendar):
                return False
            else:
                feedback.done(f"{calendar.name} was saved")
        except OpenOrchestratorError as error:
            feedback.failed(f"{calendar.name} was not saved", str(error))
            return False
        self._on_saved()
        return True

    async def _update(self, row: CalendarRow, calendar: Calendar) -> bool:
        while not await self._backend.update(row, calendar):
            newer = await self._backend.get(row.name)
            if newer.calendar == calendar:
                return True  # somebody else saved the same
            way = await overwrite(
                f"Overwrite the changes to {row.name}?",
                ["Somebody else changed it while this form was open.", "Saving puts your values in their place."],
                _differences(newer.calendar, calendar),
                action="Overwrite",
            )
            if way == THEIRS:
                self._drawer.discard()
                open_form(self._view, newer, self._countries, self._on_saved)
            if way is None or way == THEIRS:
                return False
            row = self._row = newer
        return True


def _check_days(value: Any) -> str | None:
    return None if value else "Choose at least one weekday."


def _differences(theirs: Calendar | None, yours: Calendar) -> list[Difference]:
    if theirs is None:
        return []
    found = []
    for label, words in (
        ("Working days", lambda each: weekday_words(each.working_days)),
        ("Holidays of", country_words),
        ("Own dates", own_dates_words),
    ):
        before, after = words(theirs), words(yours)
        if before != after:
            found.append(Difference(label, before, after))
    return found
