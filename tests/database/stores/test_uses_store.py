"""Where names are used, on every kind of database: exact, one row for each, the later day, and gone with the name."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from OpenOrchestrator.database.constants import Constant
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.statuses import Access, UsedKind
from OpenOrchestrator.database.stores import constants, uses
from OpenOrchestrator.database.stores.uses import LastUse, Use

TODAY = date(2026, 11, 23)
YESTERDAY = TODAY - timedelta(days=1)
CONSTANT, CREDENTIAL, QUEUE = UsedKind
READ, WRITE = Access


def note(database: Database, used: dict[Use, date]) -> None:
    with database.connection() as connection:
        missing = uses.find_missing(connection, used)
    with database.connection(writing=True) as connection:
        uses.note(connection, missing)


def of(database: Database, kind: UsedKind, name: str) -> list[tuple[str, Access, date]]:
    found = database.read(lambda session: uses.of(session, kind, name))
    assert all(isinstance(each, LastUse) for each in found)
    return [(each.process, each.access, each.day) for each in found]


def test_every_process_and_way_of_use_is_noted_apart_the_latest_first(database: Database) -> None:
    note(
        database,
        {
            Use(CONSTANT, "Limit", "Invoices", READ): YESTERDAY,
            Use(CONSTANT, "Limit", "Invoices", WRITE): TODAY,
            Use(CONSTANT, "Limit", "Audit", READ): TODAY,
            Use(CREDENTIAL, "Limit", "Mail", READ): TODAY,
            Use(QUEUE, "Limit", "Mail", WRITE): TODAY,
        },
    )
    assert of(database, CONSTANT, "Limit") == [
        ("Audit", READ, TODAY),
        ("Invoices", WRITE, TODAY),
        ("Invoices", READ, YESTERDAY),
    ]
    assert of(database, CREDENTIAL, "Limit") == [("Mail", READ, TODAY)]
    assert of(database, QUEUE, "Limit") == [("Mail", WRITE, TODAY)]
    assert of(database, QUEUE, "Other") == []


def test_a_day_goes_forward_and_never_back(database: Database) -> None:
    use = Use(QUEUE, "Inbox", "Invoices", READ)
    for day in (YESTERDAY, TODAY, YESTERDAY):
        note(database, {use: day})
    assert of(database, QUEUE, "Inbox") == [("Invoices", READ, TODAY)]
    with database.connection() as connection:
        assert uses.find_missing(connection, {use: TODAY}) == {}
        assert uses.find_missing(connection, {use: TODAY + timedelta(days=1)}) == {use: (date(2026, 11, 24), True)}


def test_what_others_note_between_look_and_write_is_no_trouble_and_keeps_the_later_day(database: Database) -> None:
    """All look before anybody writes, as robots of one process do that end at the same moment."""
    same, own = Use(CONSTANT, "a", "p", READ), [Use(CONSTANT, f"own {number}", "p", READ) for number in range(3)]
    looks = []
    for number, day in enumerate((YESTERDAY, TODAY, YESTERDAY)):
        with database.connection() as connection:
            looks.append(uses.find_missing(connection, {same: day, own[number]: day}))
    for found in looks:
        assert len(found) == 2
        with database.connection(writing=True) as connection:
            uses.note(connection, found)
    assert of(database, CONSTANT, "a") == [("p", READ, TODAY)]
    assert [len(of(database, CONSTANT, f"own {number}")) for number in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("name", ["Mål", "mal", "Mal", "Mål ", "Ma\u030al", "🦊" * 50, "/", "5/a"])
def test_names_are_compared_to_the_last_character(database: Database, name: str) -> None:
    others = {"Mål", "mal", "Mal", "Mål ", "Ma\u030al", "🦊" * 50, "/", "5/a"} - {name}
    note(database, {Use(CONSTANT, name, "p", READ): TODAY, **{Use(CONSTANT, n, "q", READ): YESTERDAY for n in others}})
    assert of(database, CONSTANT, name) == [("p", READ, TODAY)]
    last = database.read(lambda session: uses.last_reads(session, CONSTANT))
    assert last == {name: TODAY, **dict.fromkeys(others, YESTERDAY)}
    database.write(lambda session: uses.delete(session, CONSTANT, name))
    assert of(database, CONSTANT, name) == []
    assert database.read(lambda session: uses.last_reads(session, CONSTANT)) == dict.fromkeys(others, YESTERDAY)


def test_the_last_read_of_a_name_is_that_of_any_process_and_no_write(database: Database) -> None:
    note(
        database,
        {
            Use(CONSTANT, "a", "p", READ): YESTERDAY,
            Use(CONSTANT, "a", "q", READ): YESTERDAY - timedelta(days=9),
            Use(CONSTANT, "a", "q", WRITE): TODAY,
            Use(CONSTANT, "b", "q", WRITE): TODAY,
            Use(CREDENTIAL, "a", "q", READ): TODAY,
        },
    )
    assert database.read(lambda session: uses.last_reads(session, CONSTANT)) == {"a": YESTERDAY}


def test_a_deleted_constant_takes_its_uses_along_and_a_new_one_has_none(database: Database) -> None:
    used = {Use(CONSTANT, "a", "p", READ): TODAY, Use(CONSTANT, "b", "p", READ): TODAY}
    other = Use(CREDENTIAL, "a", "p", READ)
    for name in ("a", "b"):
        database.write(lambda s, name=name: constants.create(s, name, "v", now=database.site_now()))
    note(database, {**used, other: TODAY})
    database.write(lambda s: constants.delete(s, " a"))
    assert (of(database, CONSTANT, "a"), len(of(database, CONSTANT, "b")), len(of(database, CREDENTIAL, "a"))) == (
        [],
        1,
        1,
    )
    # A program of an earlier version deletes without knowing the table.
    database.write(lambda s: s.execute(sa.delete(Constant).where(Constant.name == "b")))
    assert of(database, CONSTANT, "b")
    database.write(lambda s: constants.create(s, "b", "v", now=database.site_now()))
    assert of(database, CONSTANT, "b") == []


def test_a_use_that_comes_after_its_name_was_deleted_brings_no_error(database: Database) -> None:
    use = Use(CONSTANT, "a", "p", READ)
    note(database, {use: YESTERDAY})
    with database.connection() as connection:
        found = uses.find_missing(connection, {use: TODAY})
    database.write(lambda session: uses.delete(session, CONSTANT, "a"))
    with database.connection(writing=True) as connection:
        uses.note(connection, found)
    assert of(database, CONSTANT, "a") == []


def test_what_was_not_used_for_400_days_is_forgotten(database: Database) -> None:
    kept, gone = Use(QUEUE, "kept", "p", READ), Use(QUEUE, "gone", "p", READ)
    note(database, {kept: TODAY - timedelta(days=400), gone: TODAY - timedelta(days=401)})
    assert database.write(lambda session: uses.forget_old(session, TODAY)) == 1
    assert (len(of(database, QUEUE, "kept")), of(database, QUEUE, "gone")) == (1, [])
    assert database.write(lambda session: uses.forget_old(session, TODAY)) == 0


@pytest.mark.kinds("sqlite")
@pytest.mark.parametrize("name", ["", "a" * 101, "a\0b", "a\ud800"])
def test_names_that_no_row_can_hold_are_not_noted(name: str) -> None:
    assert not uses.can_be_noted(Use(QUEUE, name, "p", READ), "postgresql")
    assert not uses.can_be_noted(Use(QUEUE, "q", name, READ), "postgresql")
    assert uses.can_be_noted(Use(QUEUE, "a" * 100, "p", READ), "postgresql")
    assert not uses.can_be_noted(Use(QUEUE, "🦊" * 51, "p", READ), "mssql")
