"""Calendars in the app: made, changed, previewed for a year, deleted; and what that does to their triggers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timezone

import pytest
import sqlalchemy as sa
import trigger_setup as make
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import ScheduledTrigger, SiteCalendar
from OpenOrchestrator.database.stores import calendars
from OpenOrchestrator.orchestrator.calendars.backend import CalendarsBackend
from OpenOrchestrator.orchestrator.calendars.words import (
    check_dates,
    country_words,
    dates_of,
    dates_text,
    own_dates_words,
    weekday_words,
    year_of,
)
from tests.ui.pages import act_on, cell, click, rows_of, until
from tests.ui.sample import add_trigger

AT = datetime(2026, 11, 1, tzinfo=timezone.utc)
DANISH = Calendar("Denmark", "DK", None, frozenset({date(2026, 12, 24)}), frozenset({date(2026, 12, 26)}))


def store(database: Database, calendar: Calendar) -> None:
    database.write(lambda s: calendars.insert(s, calendar, now=AT))


def stored(database: Database) -> list[Calendar | None]:
    return [each.calendar for each in database.read(lambda s: calendars.read_all(s.connection()))]


def value_of(user: User, marker: str, value: object) -> None:
    with user:
        for element in user.find(marker=marker).elements:
            element.value = value  # type: ignore[attr-defined]


def texts(user: User, marker: str) -> list[str]:
    with user:
        (parent,) = user.find(marker=marker).elements
        return [each.text for each in parent.descendants() if isinstance(each, ui.label)]


# --- words


def test_dates_are_read_as_people_write_them() -> None:
    assert dates_of(" 2026-12-24,2026-12-31\n2027-01-02; ") == {
        date(2026, 12, 24),
        date(2026, 12, 31),
        date(2027, 1, 2),
    }
    assert dates_text(dates_of("2026-12-31 2026-12-24")) == "2026-12-24\n2026-12-31"
    assert dates_of(None) == frozenset()
    assert check_dates("2026-12-24") is None
    assert "2026-02-30 is no date" in str(check_dates("2026-12-24 2026-02-30"))


def test_a_calendar_in_words() -> None:
    assert [weekday_words(days) for days in (range(5), range(7), (0, 2, 5), (5, 6), (3,))] == [
        "Mon to Fri",
        "Every day",
        "Mon, Wed, Sat",
        "Sat, Sun",
        "Thu",
    ]
    assert (country_words(DANISH), country_words(Calendar("x")), country_words(Calendar("x", "DE", "BY"))) == (
        "DK",
        "None",
        "DE, BY",
    )
    assert (own_dates_words(DANISH), own_dates_words(Calendar("x"))) == ("1 closed, 1 open", "None")


def test_a_year_tells_what_is_not_as_its_weekday_says() -> None:
    months = year_of(DANISH, 2026)
    assert len(months) == 12
    december = months[-1]
    assert december.special == ("Thu 24: closed on this date", "Fri 25: Christmas Day", "Sat 26: open")
    # 23 days from Monday to Friday, less two, and a Saturday.
    assert (december.name, december.open_days) == ("December", 22)
    assert (months[1].special, months[1].open_days) == ((), 20)


# --- backend


async def test_a_change_moves_the_next_runs_and_is_refused_to_the_second(
    database: Database, clock: SettableClock
) -> None:
    clock.now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    backend = CalendarsBackend(database, clock)
    await backend.create(Calendar(" Week "))
    made = make.scheduled(database, cron_expr="0 8 * * *", next_run=datetime(2026, 1, 1, 8), calendar="Week")
    (row,) = await backend.rows()
    assert (row.name, row.users, row.problem, row.changed) == ("Week", ("scheduled",), "", clock.now)
    week = Calendar("Week", closed=frozenset({date(2026, 1, 1)}))
    assert await backend.update(row, week)
    assert make.trigger(database, made).next_run == datetime(2026, 1, 2, 8)
    assert not await backend.update(row, replace(week, closed=frozenset()))
    assert make.trigger(database, made).next_run == datetime(2026, 1, 2, 8)
    with pytest.raises(InvalidInputError, match="no working day"):
        await backend.update(await backend.get("Week"), replace(week, working_days=frozenset()))
    with pytest.raises(InvalidInputError, match="used by 'scheduled'"):
        await backend.delete("Week")
    database.write(lambda s: s.execute(sa.delete(ScheduledTrigger.__table__)))
    await backend.delete("Week")
    with pytest.raises(NotFoundError):
        await backend.get("Week")


async def test_what_cannot_be_used_says_why(database: Database, clock: SettableClock) -> None:
    for each in (Calendar("A", "XX"), Calendar("B")):
        store(database, each)
    database.write(lambda s: s.execute(sa.update(SiteCalendar).where(SiteCalendar.name == "B").values(opened="?")))
    unknown, odd = await CalendarsBackend(database, clock).rows()
    assert "holidays of its country" in unknown.problem
    assert "its column opened holds '?'" in odd.problem


async def test_countries_have_names_and_regions(database: Database, clock: SettableClock) -> None:
    countries = await CalendarsBackend(database, clock).countries()
    assert (countries["DK"].name, countries["DK"].regions) == ("Denmark", ())
    assert "BY" in countries["DE"].regions


# --- page


async def test_a_calendar_is_made_with_a_preview_of_its_year(user: User, site: Database) -> None:
    await user.open("/calendars")
    await user.should_see("No calendars yet", retries=30)
    await click(user, "new-calendar")
    await user.should_see(marker="country", retries=50)
    value_of(user, "name", "Denmark")
    assert "December, 23 open: as its weekdays say" in texts(user, "year-preview")
    value_of(user, "country", "DK")
    value_of(user, "closed", "2026-12-24")
    value_of(user, "opened", "2026-12-26")
    assert "December, 22 open: Thu 24: closed on this date, Fri 25: Christmas Day, Sat 26: open" in texts(
        user, "year-preview"
    )
    value_of(user, "year", "2027")
    assert "December, 23 open: as its weekdays say" in texts(user, "year-preview")
    value_of(user, "opened", "tomorrow")
    assert texts(user, "year-preview") == ["A date is wrong."]
    await click(user, "save")
    await user.should_see("tomorrow is no date", retries=30)
    assert stored(site) == []
    value_of(user, "opened", "2026-12-26")
    await click(user, "save")
    await user.should_see("Denmark was created", retries=50)
    assert stored(site) == [DANISH]
    row = (await rows_of(user, "calendars"))["Denmark"]
    assert (cell(row, "days")["t"], cell(row, "country")["t"], cell(row, "dates")["t"]) == (
        "Mon to Fri",
        "DK",
        "1 closed, 1 open",
    )


async def test_regions_are_those_of_the_country(user: User, site: Database) -> None:
    await user.open("/calendars?form=new")
    await user.should_see(marker="country", retries=50)
    await user.should_not_see(marker="region")
    value_of(user, "country", "DE")
    await user.should_see(marker="region")
    value_of(user, "region", "BY")
    value_of(user, "country", "AT")
    (region,) = user.find(marker="region").elements
    assert region.value == ""  # type: ignore[attr-defined]


async def test_a_changed_calendar_asks_before_it_overwrites(user: User, site: Database) -> None:
    store(site, DANISH)
    await user.open("/calendars")
    await act_on(user, "calendars", "edit", "Denmark")
    await user.should_see(marker="working-days", retries=50)
    newer = replace(DANISH, country=None)
    (row,) = site.read(lambda s: calendars.read_all(s.connection()))
    assert row.edition is not None
    edition = row.edition
    assert site.write(lambda s: calendars.update(s, newer, edition, now=AT))
    value_of(user, "working-days", [0, 1, 2])
    await click(user, "save")
    await user.should_see("Overwrite the changes to Denmark?", retries=50)
    await user.should_see("Mon to Wed")
    await click(user, "overwrite")
    await until(lambda: stored(site) == [replace(DANISH, working_days=frozenset({0, 1, 2}))])


async def test_a_calendar_that_triggers_use_is_not_offered_for_deletion(user: User, site: Database) -> None:
    store(site, DANISH)
    store(site, Calendar("Free"))
    at = datetime(2026, 11, 24, 8)
    add_trigger(site, ScheduledTrigger, trigger_name="Invoices", cron_expr="0 8 * * *", next_run=at, calendar="Denmark")
    await user.open("/calendars")
    rows = await rows_of(user, "calendars")
    assert rows["Denmark"]["a"]["delete"] == "Used by Invoices"
    assert rows["Free"]["a"]["delete"] == ""
    await act_on(user, "calendars", "delete", "Free")
    await user.should_see("Delete Free?", retries=30)
    await click(user, "confirm")
    await until(lambda: stored(site) == [DANISH])
