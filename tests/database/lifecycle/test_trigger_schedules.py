"""Time zones and calendars of triggers: when they are due, what a claim sets, and what sets them aside."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.common.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import runs, trigger_claims, waiting_facts
from OpenOrchestrator.database.lifecycle.waiting import Cause
from OpenOrchestrator.database.models import ScheduledTrigger, SiteCalendar
from OpenOrchestrator.database.stores import calendars, skipping, trigger_schedules, triggers

HERE = Identity("here")
WEEK = Calendar("Week")  # Monday to Friday
MONDAY = datetime(2026, 1, 5)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]


def store(database, calendar=WEEK):
    database.write(lambda s: calendars.insert(s, calendars.checked(calendar, "sqlite"), now=database.utc_now()))


def change(database, calendar):
    def work(session):
        stored = {each.name: each for each in calendars.read_all(session.connection())}[calendar.name]
        assert calendars.update(session, calendar, stored.edition, now=database.utc_now())
        return trigger_schedules.follow_calendar(session, calendar.name, now=database.utc_now(), zone=database.zone)

    return database.write(work)


def next_run(database, trigger_id):
    trigger = make.trigger(database, trigger_id)
    return trigger.next_run, trigger.due_at


def poisoned(database):
    found = trigger_claims.due_triggers(database, scheduler_name="here")
    return [(each.name, each.reason) for each in found.poisoned]


# --- due


def test_a_claim_sets_the_next_run_by_the_clock_of_the_triggers_zone(database):
    made = make.scheduled(database, cron_expr="0 8 * * *", timezone="Asia/Tokyo")
    (run,) = make.claim_all(database)
    # 08:00 in Tokyo is 23:00 UTC of the day before, which is midnight at the site.
    assert next_run(database, made) == (datetime(2026, 1, 2), utc(2026, 1, 1, 23))
    assert runs.give_back(database, run, "x")
    assert next_run(database, made) == (datetime(2026, 1, 1, 1), utc(2026, 1, 1))


@pytest.mark.parametrize(
    ("closed_days", "expected"),
    [(None, utc(2026, 1, 5, 7)), ("SKIP", utc(2026, 1, 5, 7)), ("NEXT", utc(2026, 1, 5, 7)), ("PREVIOUS", None)],
)
def test_a_claim_sets_the_next_run_on_an_open_day(database, clock, closed_days, expected):
    store(database)
    clock.now = utc(2026, 1, 2, 7)  # a Friday; the run of Saturday would be moved to it
    made = make.scheduled(database, cron_expr="0 8 * * 5,6,1", calendar="Week", closed_days=closed_days)
    make.claim_all(database)
    assert next_run(database, made)[1] == (expected or utc(2026, 1, 5, 7))


def test_the_run_of_a_closed_day_is_on_the_open_day_before(database, clock):
    store(database)
    clock.now = utc(2026, 1, 1, 7)
    made = make.scheduled(database, cron_expr="0 8 * * 6", calendar="Week", closed_days="PREVIOUS")
    make.claim_all(database)
    assert next_run(database, made) == (datetime(2026, 1, 2, 8), utc(2026, 1, 2, 7))


def test_what_moves_on_a_trigger_follows_its_schedule(database, clock):
    store(database)
    clock.now = utc(2026, 1, 2, 6)
    at_eight = {"cron_expr": "0 8 * * *", "calendar": "Week", "timezone": "Europe/London"}
    friday = datetime(2026, 1, 2, 9)
    skipped = make.scheduled(database, "skipped", next_run=friday, **at_eight)
    enabled = make.scheduled(database, "enabled", next_run=datetime(2026, 1, 1), **at_eight)
    begun = make.scheduled(database, "begun", next_run=datetime(2026, 1, 2), **at_eight)
    now, zone = database.utc_now(), database.zone
    assert database.write(lambda s: skipping.skip_next(s, skipped, friday, by=None, now=now, zone=zone))
    assert database.write(lambda s: triggers.disable(s, enabled))
    assert database.write(lambda s: triggers.enable_from_next(s, enabled, now=now, zone=zone))
    assert database.write(lambda s: triggers.begin_scheduled(s, begun, now=now, zone=zone))
    assert next_run(database, skipped)[1] == utc(2026, 1, 5, 8)  # 08:00 in London, past the week-end
    assert next_run(database, enabled)[1] == next_run(database, begun)[1] == utc(2026, 1, 2, 8)


# --- set aside


@pytest.mark.parametrize(
    ("own", "reason"),
    [
        ({"timezone": "Mars/Olympus"}, "time zone 'Mars/Olympus' is not known"),
        ({"timezone": "../../etc/passwd"}, "is not known"),
        ({"calendar": "Gone"}, "no calendar 'Gone'"),
        ({"calendar": "Odd"}, "its calendar 'Odd' cannot be read: its column closed holds"),
        ({"calendar": "Nowhere"}, "No holidays are known of the country 'XX'"),
        ({"calendar": "Week", "closed_days": "SOMETIMES"}, "closed_days holds 'SOMETIMES'"),
        ({"calendar": "Week", "cron_expr": "0 8 * * SUN"}, "not due within 50 years"),
    ],
)
def test_a_trigger_whose_schedule_cannot_tell_is_set_aside_with_the_reason(database, own, reason):
    store(database)
    for odd in (Calendar("Odd"), Calendar("Nowhere", "XX")):
        database.write(lambda s, odd=odd: calendars.insert(s, odd, now=database.utc_now()))
    database.write(lambda s: s.execute(sa.update(SiteCalendar).where(SiteCalendar.name == "Odd").values(closed="[1")))
    make.scheduled(database, "bad", **own)
    make.scheduled(database, "good", calendar="Week")
    ((name, said),) = poisoned(database)
    assert name == "bad"
    assert reason in said
    assert make.due_names(database) == ["good"]
    assert [run.trigger_name for run in make.claim_all(database)] == ["good"]
    (explained,) = waiting_facts.explain(database, "bad")
    assert [each.cause for each in explained.reasons] == [Cause.UNREADABLE]
    with pytest.raises(InvalidInputError, match="The trigger 'bad' cannot run"):
        trigger_claims.claim_by_name(database, HERE, "bad")


def test_a_calendar_that_is_deleted_between_look_and_claim_lets_nothing_run(database):
    store(database)
    made = make.scheduled(database, calendar="Week")
    due = trigger_claims.due_triggers(database, scheduler_name="here").due
    database.write(lambda s: s.execute(sa.delete(SiteCalendar)))
    assert trigger_claims.claim(database, HERE, due) == ()
    assert next_run(database, made)[1] == utc(2026, 1, 1)


# --- what it costs


def statements(database, work):
    asked = []

    def note(conn, cursor, statement, *rest):
        asked.append(statement)

    sa.event.listen(database.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", note)
    return [each for each in asked if "Calendars" in each]


def test_calendars_are_read_once_and_only_where_a_due_trigger_names_one(database):
    store(database)
    for number in range(3):
        make.scheduled(database, f"plain {number}", timezone="Asia/Tokyo" if number else None)
    make.scheduled(database, "later", next_run=datetime(2026, 6, 1), calendar="Week")
    assert statements(database, lambda: make.due_names(database)) == []
    for number in range(3):
        make.scheduled(database, f"with calendar {number}", calendar="Week")
    assert len(statements(database, lambda: make.due_names(database))) == 1
    due = trigger_claims.due_triggers(database, scheduler_name="here").due
    assert len(statements(database, lambda: trigger_claims.claim(database, HERE, due))) == 1


# --- calendars


def test_a_calendar_is_read_as_it_was_stored(database):
    danish = Calendar(
        "Danmark Æ", "DK", None, frozenset({date(2026, 12, 24)}), frozenset({date(2026, 12, 25)}), frozenset({0, 1, 5})
    )
    store(database, danish)
    (stored,) = database.read(lambda s: calendars.read_all(s.connection()))
    assert (stored.calendar, stored.problem) == (danish, "")


@pytest.mark.parametrize(
    ("calendar", "words"),
    [
        (Calendar(" "), "empty"),
        (Calendar("x", working_days=frozenset()), "no working day"),
        (Calendar("x", "XX"), "No holidays are known of the country 'XX'"),
        (Calendar("x", "DNK"), "two letters"),
        (Calendar("x", "DE", "ZZ"), "the region 'ZZ' of the country 'DE'"),
        (Calendar("x", None, "BY"), "has a region, but no country"),
        (Calendar("x", closed=frozenset({date(2026, 1, 2)}), opened=frozenset({date(2026, 1, 2)})), "2026-01-02"),
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused(calendar, words):
    with pytest.raises(InvalidInputError, match=words):
        calendars.checked(calendar, "sqlite")


def test_a_name_is_taken_whatever_its_case(database):
    store(database)
    with pytest.raises(AlreadyExistsError, match="'Week' already"):
        store(database, Calendar("WEEK"))


def test_a_calendar_that_triggers_use_cannot_be_deleted(database):
    store(database)
    made = make.scheduled(database, "Invoices", calendar="Week")
    with pytest.raises(InvalidInputError, match="used by 'Invoices'"):
        database.write(lambda s: calendars.delete(s, "Week"))
    assert database.write(lambda s: triggers.update(s, made, {"calendar": None}))
    database.write(lambda s: calendars.delete(s, "Week"))
    assert database.read(lambda s: calendars.read_all(s.connection())) == ()
    with pytest.raises(NotFoundError):
        database.write(lambda s: calendars.delete(s, "Week"))


def test_a_change_names_what_it_starts_from(database):
    store(database)
    (stored,) = database.read(lambda s: calendars.read_all(s.connection()))
    change(database, Calendar("Week", working_days=frozenset({0})))
    assert not database.write(lambda s: calendars.update(s, WEEK, stored.edition, now=database.utc_now()))
    (newer,) = database.read(lambda s: calendars.read_all(s.connection()))
    assert newer.calendar.working_days == {0}


def test_next_runs_follow_a_changed_calendar_from_now_on(database):
    store(database)
    daily = {"cron_expr": "0 8 * * *", "calendar": "Week"}
    coming = make.scheduled(database, "coming", next_run=datetime(2026, 1, 2, 8), **daily)
    due = make.scheduled(database, "due", next_run=datetime(2026, 1, 1, 1), **daily)
    other = make.scheduled(database, "other", next_run=datetime(2026, 1, 2, 8), cron_expr="0 8 * * *")
    closed = Calendar("Week", closed=frozenset({date(2026, 1, 1), date(2026, 1, 2)}))
    assert change(database, closed) == 1
    assert next_run(database, coming) == (MONDAY.replace(hour=8), utc(2026, 1, 5, 7))
    assert next_run(database, due)[0] == datetime(2026, 1, 1, 1)  # what is due stays due
    assert next_run(database, other)[0] == datetime(2026, 1, 2, 8)


def test_a_skipped_run_stays_skipped_when_its_calendar_changes(database):
    store(database)
    friday = datetime(2026, 1, 2, 8)
    made = make.scheduled(database, next_run=friday, cron_expr="0 8 * * *", calendar="Week")
    now, zone = database.utc_now(), database.zone
    assert database.write(lambda s: skipping.skip_next(s, made, friday, by=None, now=now, zone=zone))
    change(database, Calendar("Week", opened=frozenset({date(2026, 1, 4)})))
    assert next_run(database, made)[0] == datetime(2026, 1, 4, 8)
    with database.engine.connect() as connection:
        skipped = connection.scalar(sa.select(ScheduledTrigger.skipped_due))
    assert skipped == utc(2026, 1, 2, 7)
