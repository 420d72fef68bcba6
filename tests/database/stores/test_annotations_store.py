"""Notes, owner and tags on every kind of database: exact, guarded, and gone with what they are about."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from OpenOrchestrator.database.annotations import AnnotatedKind, Annotation
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Constant
from OpenOrchestrator.database.stores import constants, credentials, notes, triggers
from OpenOrchestrator.database.stores.notes import Annotated, Noted, Owner, StoredAnnotation

NOW = datetime(2026, 11, 23, 7, 12, 5, 250000, tzinfo=timezone.utc)
ANNA = Owner("Anna Bøgh 🦊", "anna+rpa@example.org", "https://wiki.example.org/run?book=1&x=ø")
FULL = Annotated("First line\nsecond 🤖", ANNA, ("finance", "nat", "øre"))
TRIGGER, QUEUE, CONSTANT, CREDENTIAL = AnnotatedKind


def read(database: Database, kind: AnnotatedKind, subject: str) -> StoredAnnotation:
    return database.read(lambda session: notes.read(session, kind, subject))


def save(
    database: Database,
    kind: AnnotatedKind,
    subject: str,
    values: Annotated = FULL,
    seen: StoredAnnotation | None = None,
) -> bool:
    seen = read(database, kind, subject) if seen is None else seen
    return database.write(lambda session: notes.save(session, kind, subject, values, seen=seen, now=NOW))


def rows(database: Database) -> int:
    counted = sa.select(sa.func.count()).select_from(Annotation)
    return int(database.read(lambda session: session.execute(counted).scalar_one()))


def make_constant(database: Database, name: str = "Limit") -> str:
    database.write(lambda session: constants.create(session, name, "v", now=database.site_now()))
    return name


def make_credential(database: Database, name: str = "ERP") -> str:
    def work(session: sa.orm.Session) -> None:
        stored = credentials.values(
            database.dialect_name,
            username="u",
            password="p",
            key=crypto_util.generate_key(),
            now=database.site_now(),
        )
        credentials.create(session, name, stored)

    database.write(work)
    return name


def make_thing(database: Database, kind: AnnotatedKind) -> str:
    """Make something of a kind and return its subject."""
    if kind is TRIGGER:
        return str(make.single(database))
    if kind is CONSTANT:
        return make_constant(database)
    return make_credential(database) if kind is CREDENTIAL else "Indbakke"


def delete_thing(database: Database, kind: AnnotatedKind, subject: str) -> None:
    def work(session: sa.orm.Session) -> object:
        if kind is TRIGGER:
            return triggers.delete(session, notes.validation.identifier(subject, "trigger"))
        return (constants if kind is CONSTANT else credentials).delete(session, subject)

    database.write(work)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Collect what is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    sa.event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("kind", AnnotatedKind)
def test_everything_that_is_noted_comes_back_and_can_be_taken_away(database: Database, kind: AnnotatedKind) -> None:
    subject = make_thing(database, kind)
    assert read(database, kind, subject) == StoredAnnotation()
    assert save(database, kind, subject)
    stored = read(database, kind, subject)
    assert (stored.values, stored.changed_at) == (FULL, NOW)
    assert save(database, kind, subject, Annotated(tags=("x",)))
    assert read(database, kind, subject).values == Annotated(tags=("x",))
    assert save(database, kind, subject, Annotated("  \n ", Owner(" ")))
    assert read(database, kind, subject) == StoredAnnotation()
    assert rows(database) == 0


def test_what_is_noted_about_one_kind_is_not_about_another(database: Database) -> None:
    make_constant(database, "ERP")
    make_credential(database, "ERP")
    for kind in (CONSTANT, CREDENTIAL, QUEUE):
        assert save(database, kind, "ERP", Annotated(f"about the {kind.value}"))
    assert {read(database, kind, "ERP").values.notes for kind in (CONSTANT, CREDENTIAL, QUEUE)} == {
        "about the constant",
        "about the credential",
        "about the queue",
    }


def test_names_are_compared_to_the_last_character(database: Database) -> None:
    names = [
        "mal",
        "Mal",
        "mål",
        "Mål",
        "mal ",
        " mal",
        "ma\u030al",
        "aa",
        "å",
        "ss",
        "ß",
        "\N{FULLWIDTH LATIN SMALL LETTER A}",
    ]
    for name in names:
        assert read(database, QUEUE, name) == StoredAnnotation()
        assert save(database, QUEUE, name, Annotated(f"<{name}>"))
    assert [read(database, QUEUE, name).values.notes for name in names] == [f"<{name}>" for name in names]
    found = database.read(lambda session: notes.overview(session, QUEUE))
    assert found == {QUEUE: {}}, "notes alone are nothing that lists show"


@pytest.mark.parametrize("kind", AnnotatedKind)
def test_a_change_of_somebody_else_is_not_overwritten(database: Database, kind: AnnotatedKind) -> None:
    subject = make_thing(database, kind)
    nothing = read(database, kind, subject)
    assert save(database, kind, subject, Annotated("first"), nothing)
    assert not save(database, kind, subject, Annotated("also first"), nothing)
    first = read(database, kind, subject)
    assert save(database, kind, subject, Annotated("second"), first)
    assert not save(database, kind, subject, Annotated("late"), first)
    assert not save(database, kind, subject, Annotated(), first), "taking it away is a change, too"
    assert read(database, kind, subject).values.notes == "second"
    second = read(database, kind, subject)
    assert save(database, kind, subject, Annotated(), second)
    assert save(database, kind, subject, Annotated("second"), nothing)
    assert not save(database, kind, subject, Annotated("late"), second), "it only looks the same"
    assert save(database, kind, subject, Annotated(), read(database, kind, subject))
    assert save(database, kind, subject, Annotated(), nothing), "nothing became of nothing"
    assert not save(database, kind, subject, Annotated("late"), second)
    assert rows(database) == 0


@pytest.mark.parametrize("kind", [TRIGGER, CONSTANT, CREDENTIAL])
def test_it_goes_with_what_it_is_about(database: Database, kind: AnnotatedKind) -> None:
    subject = make_thing(database, kind)
    make_constant(database, "Other")
    assert save(database, CONSTANT, "Other")
    assert save(database, kind, subject)
    delete_thing(database, kind, subject)
    assert read(database, kind, subject) == StoredAnnotation()
    assert rows(database) == 1
    with pytest.raises(NotFoundError, match=f"The {kind.value} is not there any more"):
        save(database, kind, subject)
    assert rows(database) == 1
    if kind is not TRIGGER:
        assert make_thing(database, kind) == subject
        assert read(database, kind, subject) == StoredAnnotation()


@pytest.mark.parametrize("kind", [CONSTANT, CREDENTIAL])
def test_what_an_older_program_left_is_not_about_the_next_of_the_name(database: Database, kind: AnnotatedKind) -> None:
    subject = make_thing(database, kind)
    assert save(database, kind, subject)
    table = "Constants" if kind is CONSTANT else "Credentials"
    database.write(lambda session: session.execute(sa.delete(sa.table(table))))
    assert rows(database) == 1
    assert make_thing(database, kind) == subject
    assert read(database, kind, subject) == StoredAnnotation()


def test_an_empty_queue_keeps_its_notes(database: Database) -> None:
    trigger_id = make.queue(database, queue_name="Q", elements=1)
    assert save(database, QUEUE, "Q")
    database.write(lambda session: triggers.delete(session, trigger_id))
    database.write(lambda session: session.execute(sa.delete(sa.table("Queues"))))
    assert read(database, QUEUE, "Q").values == FULL


def test_none_outlives_a_constant_that_is_deleted_at_the_same_time(database: Database) -> None:
    for number in range(12):
        name = make_constant(database, f"constant {number}")
        outcomes = at_once(
            lambda name=name: database.write(
                lambda session: notes.save(session, CONSTANT, name, FULL, seen=StoredAnnotation(), now=NOW)
            ),
            lambda name=name: database.write(lambda session: constants.delete(session, name)),
        )
        assert outcomes[1] is None
        assert outcomes[0] is True or isinstance(outcomes[0], NotFoundError)
        assert rows(database) == 0


def test_of_several_who_are_the_first_to_note_something_one_wins(database: Database) -> None:
    for number in range(6):
        outcomes = at_once(
            *(
                lambda number=number, each=each: save(
                    database, QUEUE, f"queue {number}", Annotated(f"by {each}"), StoredAnnotation()
                )
                for each in range(3)
            )
        )
        won = [outcome for outcome in outcomes if outcome is True]
        lost = [each for each in outcomes if each is False or isinstance(each, AlreadyExistsError)]
        assert (len(won), len(lost)) == (1, 2), outcomes
        assert read(database, QUEUE, f"queue {number}").values.notes == f"by {outcomes.index(True)}"


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run all at the same time; return what each returned or raised."""
    outcomes: list[Any] = [None] * len(works)
    gate = threading.Barrier(len(works))

    def run(number: int) -> None:
        gate.wait(30)
        try:
            outcomes[number] = works[number]()
        except Exception as error:
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


def test_lists_get_owners_and_tags_of_all_kinds_in_one_statement(database: Database) -> None:
    trigger = make_thing(database, TRIGGER)
    assert save(database, TRIGGER, trigger)
    assert save(database, QUEUE, "Q", Annotated("only notes"))
    assert save(database, QUEUE, "R", Annotated(tags=("b", "a")))
    make_constant(database)
    assert save(database, CONSTANT, "Limit", Annotated(owner=Owner(mail="x@example.org")))
    with statements(database) as asked:
        found = database.read(lambda session: notes.overview(session, TRIGGER, QUEUE, CREDENTIAL))
    assert found == {TRIGGER: {trigger: Noted(ANNA, FULL.tags)}, QUEUE: {"R": Noted(tags=("a", "b"))}, CREDENTIAL: {}}
    assert [each for each in asked if "Annotations" in each] == [each for each in asked if "SELECT" in each.upper()]
    assert len([each for each in asked if "Annotations" in each]) == 1


@pytest.mark.kinds("sqlite")
def test_tags_are_short_words_in_small_letters() -> None:
    given = [" Finance,NAT; øre ", "nat", "ma\u030al", "MÅL"]
    assert notes.checked_tags(given) == ("finance", "mål", "nat", "øre")
    noted = {"1": Noted(tags=("finance",)), "2": Noted(tags=("nat", "øre")), "3": Noted()}
    assert notes.tagged(noted, ["Finance", "ØRE"]) == ["1", "2"]
    assert notes.tagged(noted, ["none"]) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (Annotated("x" * 10_001), "note is 10001 characters long"),
        (Annotated("a\0b"), "NUL"),
        (Annotated(owner=Owner("x" * 101)), "name of the owner is 101"),
        (Annotated(owner=Owner(mail="Anna <anna@example.org>")), "is no mail address"),
        (Annotated(owner=Owner(mail="anna@example.org?bcc=x@y")), "is no mail address"),
        (Annotated(owner=Owner(mail="anna")), "is no mail address"),
        (Annotated(owner=Owner(mail="a\u202e@b.c")), "is no mail address"),
        (Annotated(owner=Owner(mail=f"{'x' * 251}@b.c")), "mail address is 255"),
        (Annotated(owner=Owner(runbook="https://u:s3cret@wiki.example.org")), "holds a password"),
        (Annotated(owner=Owner(runbook="x" * 1001)), "link to the runbook is 1001"),
        (Annotated(tags=("x" * 31,)), "has 31 characters, but may have 30"),
        (Annotated(tags=("a\u202eb",)), "a character that is not shown"),
        (Annotated(tags=tuple(f"t{number}" for number in range(21))), "There are 21 tags, but 20 is the most"),
    ],
)
@pytest.mark.kinds("sqlite")
def test_what_cannot_be_stored_says_why_and_changes_nothing(database: Database, values: Annotated, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said) as refused:
        save(database, QUEUE, "Q", values)
    assert "s3cret" not in str(refused.value)
    assert rows(database) == 0


def test_as_much_as_may_be_stored_can_be(database: Database) -> None:
    owner = Owner("ø" * 100, f"{'x' * 248}@b.org", "ø" * 1000)
    tags = tuple(f"{number:02}{'🤖' * 14}" for number in range(20))
    values = Annotated("ø" * 10_000, owner, tags)
    assert save(database, QUEUE, "Q", values)
    assert read(database, QUEUE, "Q").values == values


def test_noting_something_leaves_the_thing_as_it_was(database: Database) -> None:
    old = database.site_now() - timedelta(days=3)
    database.write(lambda session: constants.create(session, "Limit", "v", now=old))
    assert save(database, CONSTANT, "Limit")
    constant = database.read(lambda session: session.get(Constant, "Limit"))
    assert constant is not None
    assert (constant.value, constant.changed_at) == ("v", old)


def test_ids_that_are_none_are_refused(database: Database) -> None:
    with pytest.raises(InvalidInputError, match="is not the id of a trigger"):
        save(database, TRIGGER, "no id")
    with pytest.raises(NotFoundError):
        save(database, TRIGGER, str(uuid4()))
