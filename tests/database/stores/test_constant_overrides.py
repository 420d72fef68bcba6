"""A constant has other values on single schedulers: for the jobs there, and for nobody else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Constant, Job
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.database.stores import constant_overrides, constants

START = datetime(2026, 3, 1, 8)
LATER = START + timedelta(hours=1)


def create(database: Database, name: str, value: str, **overrides: str) -> None:
    database.write(lambda session: constants.create(session, name, value, now=START, overrides=overrides))


def job_on(database: Database, scheduler: str) -> UUID:
    identity = uuid4()
    job = {"id": identity, "process_name": "p", "scheduler_name": scheduler, "status": JobStatus.RUNNING}
    database.write(lambda session: session.execute(sa.insert(Job), {**job, "start_time": START}))
    return identity


def read(database: Database, name: str, job: UUID | None) -> str:
    return database.read(lambda session: constants.get_for_job(session, name, job)).value


def change(database: Database, name: str, value: str, job: UUID | None) -> None:
    database.write(lambda session: constants.update_for_job(session, name, value, job, now=LATER))


def all_of(database: Database) -> dict[str, dict[str, str]]:
    return database.read(constant_overrides.get_all)


def test_a_job_reads_the_value_of_its_scheduler_and_all_others_the_plain_one(database: Database) -> None:
    create(database, "Mål", "plain", **{"Wörker-1": "ø 😀", "worker-2": ""})
    create(database, "Mål 2", "another", **{"worker-1": "not this"})
    values = {
        name: read(database, "Mål", job_on(database, name))
        for name in ("Wörker-1", "wÖRKER-1", "worker-2", "worker-1", "worker-3")
    }
    assert values == {
        "Wörker-1": "ø 😀",
        "wÖRKER-1": "ø 😀",
        "worker-2": "",
        "worker-1": "plain",
        "worker-3": "plain",
    }
    assert (read(database, "Mål", None), read(database, "Mål", uuid4())) == ("plain", "plain")
    assert read(database, " Mål ", job_on(database, "worker-2")) == ""
    assert database.read(lambda session: constants.get(session, "Mål")).value == "plain"
    with pytest.raises(NotFoundError, match="Close to it: 'Mål'"):
        read(database, "Måls", job_on(database, "worker-2"))


def test_it_takes_one_statement(database: Database) -> None:
    create(database, "a", "plain", w1="1", w2="2", w3="3")
    job, sent = job_on(database, "w2"), []

    def note(*arguments: Any) -> None:
        if "Constant" in arguments[2]:
            sent.append(arguments[2])

    sa.event.listen(database.engine, "before_cursor_execute", note)
    assert read(database, "a", job) == "2"
    assert len(sent) == 1


def test_a_job_changes_the_value_that_it_reads(database: Database) -> None:
    create(database, "a", "plain", w1="1", w2="2")
    there, elsewhere = job_on(database, "W1"), job_on(database, "w3")
    change(database, "a", "new", there)
    assert all_of(database) == {"a": {"w1": "new", "w2": "2"}}
    plain = database.read(lambda session: constants.get(session, "a"))
    assert (plain.value, plain.changed_at) == ("plain", LATER)  # forms that are open notice it
    change(database, "a", "for all", elsewhere)
    change(database, "a", "for all others", None)
    assert (read(database, "a", there), read(database, "a", elsewhere)) == ("new", "for all others")
    with pytest.raises(InvalidInputError, match="value of the constant"):
        change(database, "a", "x" * 1001, there)
    with pytest.raises(NotFoundError):
        change(database, "b", "x", there)


def test_a_value_that_is_taken_away_while_a_job_changes_it_goes_to_all(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(database, "a", "plain", w1="1")
    job = job_on(database, "w1")
    monkeypatch.setattr(constant_overrides, "update", lambda *_: False)  # somebody else was faster
    change(database, "a", "new", job)
    assert database.read(lambda session: constants.get(session, "a")).value == "new"


def test_an_update_without_them_leaves_them_and_one_with_them_puts_them_in_their_place(database: Database) -> None:
    create(database, "a", "plain", w1="1", w2="2")
    database.write(lambda session: constants.update(session, "a", "new", now=LATER))
    assert all_of(database) == {"a": {"w1": "1", "w2": "2"}}
    database.write(lambda session: constants.update(session, " a ", "new", now=LATER, overrides={"w2": "3", "W3": ""}))
    assert all_of(database) == {"a": {"w2": "3", "W3": ""}}
    database.write(lambda session: constants.update(session, "a", "new", now=LATER, overrides={}))
    assert all_of(database) == {}


def test_they_go_with_their_constant_and_none_is_inherited_from_one_that_an_older_program_deleted(
    database: Database,
) -> None:
    create(database, "a", "plain", w1="1")
    create(database, "b", "plain", w1="2")
    database.write(lambda session: constants.delete(session, "a"))
    assert all_of(database) == {"b": {"w1": "2"}}
    database.write(lambda session: session.execute(sa.delete(Constant)))
    create(database, "b", "again")
    assert read(database, "b", job_on(database, "w1")) == "again"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({" ": "v"}, "name of the scheduler"),
        ({"x" * 101: "v"}, "name of the scheduler"),
        ({"w1": "x" * 1001}, "value of the constant on w1"),
        ({"w1": "1", "W1 ": "2"}, "'W1' has two values: it is also written 'w1'"),
    ],
)
def test_what_cannot_be_stored_is_refused_and_nothing_changes(
    database: Database, overrides: dict[str, str], words: str
) -> None:
    create(database, "a", "plain", w1="1")
    with pytest.raises(InvalidInputError, match=words):
        database.write(lambda session: constants.update(session, "a", "new", now=LATER, overrides=overrides))
    with pytest.raises(InvalidInputError, match=words):
        database.write(lambda session: constants.create(session, "b", "new", now=LATER, overrides=overrides))
    assert all_of(database) == {"a": {"w1": "1"}}
    assert read(database, "a", None) == "plain"
