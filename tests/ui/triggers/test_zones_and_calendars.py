"""Time zone and calendar of a trigger in the app: set in its form, shown with what they do, saved under guard."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timezone
from uuid import UUID

import pytest
import sqlalchemy as sa
import trigger_setup as make
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.common.schedules import ClosedDay, ClosedDays, Due
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import ScheduledTrigger, SiteCalendar, Trigger
from OpenOrchestrator.database.statuses import TriggerType
from OpenOrchestrator.database.stores import calendars
from OpenOrchestrator.orchestrator.coming.backend.coming import ComingBackend, Horizon
from OpenOrchestrator.orchestrator.triggers.backend.settings import TriggerSettings, TriggerSettingsBackend
from OpenOrchestrator.orchestrator.triggers.backend.triggers import TriggersBackend
from OpenOrchestrator.orchestrator.triggers.notes import following
from OpenOrchestrator.orchestrator.triggers.schedule_words import moved_words
from tests.ui.pages import cell, click, rows_of, until
from tests.ui.sample import NOW, add_trigger

WEEK = Calendar("Week", closed=frozenset({date(2026, 11, 24)}))  # NOW is Monday the 23rd
DANISH = Calendar("Denmark", "DK")
SCHEDULED = TriggerSettings(name="S", process="p", type=TriggerType.SCHEDULED, path="/r", cron="0 8 * * *")
AT = datetime(2026, 11, 1, tzinfo=timezone.utc)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]


def store(database: Database, *stored: Calendar) -> None:
    for each in stored:
        database.write(lambda s, each=each: calendars.insert(s, each, now=AT))


def texts(user: User, marker: str) -> list[str]:
    with user:
        parents = user.find(marker=marker).elements
        return [
            each.text
            for parent in parents
            for each in parent.descendants(include_self=True)
            if isinstance(each, ui.label)
        ]


def value_of(user: User, marker: str, value: object) -> None:
    with user:
        for element in user.find(marker=marker).elements:
            element.value = value  # type: ignore[attr-defined]


def add_lost(database: Database) -> UUID:
    at = datetime(2026, 11, 24, 8)
    return add_trigger(
        database, ScheduledTrigger, trigger_name="T", cron_expr="0 8 * * *", next_run=at, calendar="Gone"
    )


# --- backend


async def test_a_trigger_keeps_zone_and_calendar_and_is_due_by_them(database: Database, clock: SettableClock) -> None:
    store(database, Calendar("Week"))
    clock.now = utc(2026, 1, 2, 12)
    backend = TriggerSettingsBackend(database, clock)
    settings = replace(SCHEDULED, timezone="Asia/Tokyo", calendar="Week", closed_days=ClosedDays.NEXT)
    created = await backend.create(settings)
    assert (await backend.get(created)).settings == settings
    trigger = make.trigger(database, created)
    # 08:00 of Monday in Tokyo, to which those of Saturday and Sunday are moved.
    assert (trigger.due_at, trigger.next_run) == (utc(2026, 1, 4, 23), datetime(2026, 1, 5))


@pytest.mark.parametrize(
    "change",
    [
        {"cron": "0 9 * * *"},
        {"timezone": "Europe/London"},
        {"calendar": "Week"},
        {"calendar": "Week", "closed_days": ClosedDays.PREVIOUS},
    ],
)
async def test_a_changed_schedule_counts_from_now(database: Database, clock: SettableClock, change: dict) -> None:
    store(database, Calendar("Week"))
    backend = TriggerSettingsBackend(database, clock)
    clock.now = utc(2026, 1, 2, 12)
    created = await backend.create(SCHEDULED)
    clock.now = utc(2026, 1, 5, 12)  # it is overdue
    stored = await backend.get(created)
    assert await backend.update(stored, replace(SCHEDULED, name="Other"))
    assert make.trigger(database, created).due_at == utc(2026, 1, 3, 7)  # the same schedule: it stays due
    stored = await backend.get(created)
    assert await backend.update(stored, replace(SCHEDULED, name="Other", **change))
    assert utc(2026, 1, 6, 6) < make.trigger(database, created).due_at < utc(2026, 1, 6, 9)
    assert not await backend.update(stored, replace(SCHEDULED, name="Third"))  # somebody changed it since


async def test_what_an_older_row_says_of_closed_days_does_not_stand_in_the_way(
    database: Database, clock: SettableClock
) -> None:
    store(database, Calendar("Week"))
    backend = TriggerSettingsBackend(database, clock)
    made = make.scheduled(database, calendar="Week")  # closed_days is NULL
    stored = await backend.get(made)
    assert stored.settings.closed_days is ClosedDays.SKIP
    assert await backend.update(stored, replace(stored.settings, priority=4))
    assert make.trigger(database, made).priority == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"calendar": "Gone"}, "no calendar 'Gone'"),
        ({"timezone": "Mars/Olympus"}, "time zone 'Mars/Olympus' is not known"),
        ({"calendar": "Week", "cron": "0 8 * * SUN"}, "not due within 50 years"),
    ],
)
async def test_a_schedule_that_cannot_be_is_refused(
    database: Database, clock: SettableClock, change: dict, words: str
) -> None:
    store(database, Calendar("Week"))
    with pytest.raises(InvalidInputError, match=words):
        await TriggerSettingsBackend(database, clock).create(replace(SCHEDULED, **change))
    assert database.read(lambda s: s.scalars(sa.select(Trigger)).all()) == []


async def test_lists_and_coming_runs_know_the_schedule(database: Database, clock: SettableClock) -> None:
    store(database, Calendar("Week"))
    clock.now = utc(2026, 1, 2, 6)  # a Friday
    own = {"cron_expr": "0 8 * * *", "calendar": "Week", "timezone": "Europe/London"}
    made = make.scheduled(database, next_run=datetime(2026, 1, 2, 9), **own)
    make.scheduled(database, "lost", next_run=datetime(2026, 1, 2, 9), calendar="Gone")
    (row,) = await TriggersBackend(database, clock).rows([made])
    assert following(row, clock.now, database.zone) == utc(2026, 1, 5, 8)
    forecast = await ComingBackend(database, clock).forecast(Horizon.WEEK)
    starts = [start for run in forecast.runs for start in run.run.starts]
    assert starts == [utc(2026, 1, 2, 8), *(utc(2026, 1, day, 8) for day in (5, 6, 7, 8))]
    assert forecast.unreadable == ("lost",)


# --- words


@pytest.mark.parametrize(
    ("due", "way", "words"),
    [
        (Due(NOW), ClosedDays.NEXT, ""),
        (
            Due(NOW, False, (ClosedDay(date(2026, 12, 25), "Christmas Day"),)),
            ClosedDays.NEXT,
            "Moved from Fri 25 Dec (Christmas Day)",
        ),
        (
            Due(NOW, True, tuple(ClosedDay(date(2026, 11, day), "not a working day") for day in (28, 29))),
            ClosedDays.PREVIOUS,
            "Also for Sat 28 Nov and Sun 29 Nov (not a working day)",
        ),
        (
            Due(NOW, True, tuple(ClosedDay(date(2026, 11, day), "x") for day in range(1, 6))),
            ClosedDays.SKIP,
            "Not on Sun 1 Nov, Mon 2 Nov and Tue 3 Nov (x) and 2 more",
        ),
    ],
)
def test_what_moved_is_told_with_the_reason(due: Due, way: ClosedDays, words: str) -> None:
    assert moved_words(due, way) == words


# --- pages


async def test_the_form_previews_ten_runs_with_what_moved_and_why(user: User, site: Database) -> None:
    store(site, WEEK, DANISH)
    await user.open("/triggers")
    await click(user, "new-trigger")
    await user.should_see(marker="cron", retries=30)
    value_of(user, "cron", "0 8 * * *")
    assert len([each for each in texts(user, "next-runs") if each == "08:00"]) == 10
    await user.should_not_see(marker="closed-days")
    value_of(user, "calendar", "Week")
    await user.should_see(marker="closed-days")
    shown = texts(user, "next-runs")
    assert "Tue 24 Nov" not in shown
    assert "Not on Tue 24 Nov (closed on this date)" in shown
    value_of(user, "closed-days", ClosedDays.NEXT)
    assert "Also for Tue 24 Nov (closed on this date)" in texts(user, "next-runs")
    value_of(user, "timezone", "Asia/Tokyo")
    assert texts(user, "next-zone") == ["Asia/Tokyo, JST, UTC+9"]
    assert "Tue 24 Nov 00:00 at the site" in texts(user, "next-runs") or "Wed 25 Nov 00:00 at the site" in texts(
        user, "next-runs"
    )
    value_of(user, "calendar", "Denmark")
    value_of(user, "cron", "0 8 25 12 *")
    assert "Moved from Fri 25 Dec and Sat 26 Dec" not in texts(user, "next-runs")
    assert any(each.startswith("Moved from Fri 25 Dec (Christmas Day)") for each in texts(user, "next-runs"))
    for marker, value in (("name", "Tokyo"), ("process", "p"), ("path", "/r/main.py")):
        value_of(user, marker, value)
    await click(user, "save")
    await until(lambda: site.read(lambda s: s.scalar(sa.select(ScheduledTrigger.calendar))) == "Denmark")
    found = site.read(lambda s: s.execute(sa.select(ScheduledTrigger.timezone, ScheduledTrigger.closed_days)).one())
    assert found == ("Asia/Tokyo", "NEXT")


async def test_a_calendar_that_is_gone_stands_in_the_form_as_such(user: User, site: Database) -> None:
    made = add_trigger(
        site,
        ScheduledTrigger,
        trigger_name="T",
        cron_expr="0 8 * * *",
        next_run=datetime(2026, 11, 24, 8),
        calendar="Gone",
    )
    await user.open(f"/triggers/{made}")
    await click(user, "edit")
    await user.should_see(marker="calendar")
    await click(user, "save")
    await user.should_see("There is no calendar 'Gone' that can be used", retries=30)


async def test_list_and_page_show_zone_and_calendar_where_they_differ(user: User, site: Database) -> None:
    store(site, WEEK)
    own = {"cron_expr": "0 8 * * *", "next_run": datetime(2026, 11, 25, 0)}
    there = add_trigger(
        site, ScheduledTrigger, trigger_name="There", timezone="Asia/Tokyo", calendar="Week", closed_days="NEXT", **own
    )
    add_trigger(site, ScheduledTrigger, trigger_name="Here", timezone="Europe/Copenhagen", **own)
    await user.open("/triggers")
    rows = await rows_of(user, "triggers")
    shown = cell(rows["There"], "schedule")
    assert (shown["t"], shown["s"]) == ("Daily 08:00", "Asia/Tokyo")
    assert shown["tip"] == "0 8 * * *\nAsia/Tokyo\nWeek: moved to the next open day"
    assert "s" not in cell(rows["Here"], "schedule")
    at_site = "Wed 25 Nov 2026, 00:00:00\nEurope/Copenhagen, CET (UTC+1)"
    assert cell(rows["There"], "next")["tip"] == f"{at_site}\nWed 25 Nov 2026, 08:00:00\nAsia/Tokyo, JST (UTC+9)"
    assert cell(rows["Here"], "next")["tip"] == at_site
    await user.open(f"/triggers/{there}")
    await user.should_see("Daily 08:00, Asia/Tokyo", retries=30)
    await user.should_see("Also for Tue 24 Nov (closed on this date)")
    await user.should_see("Asia/Tokyo, JST (UTC+9)")
    await user.should_see("Week: moved to the next open day")


async def test_the_page_of_a_trigger_whose_calendar_is_gone_says_so(user: User, site: Database) -> None:
    made = add_trigger(
        site,
        ScheduledTrigger,
        trigger_name="T",
        cron_expr="0 8 * * *",
        next_run=datetime(2026, 11, 24, 8),
        calendar="Gone",
    )
    site.write(lambda s: s.execute(sa.delete(SiteCalendar)))
    await user.open(f"/triggers/{made}")
    await user.should_see("There is no calendar 'Gone' that can be used", retries=30)
