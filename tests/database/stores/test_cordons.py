"""Cordons and drains of schedulers, on every kind of database."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import admission
from OpenOrchestrator.database.lifecycle.admission import Admission
from OpenOrchestrator.database.models import Scheduler
from OpenOrchestrator.database.stores import cordons, schedulers
from OpenOrchestrator.database.stores.cordons import Drained

HERE = Identity("here")


def held(database: Database, name: str = "here") -> Admission:
    return database.read(lambda session: admission.read(session, name))


def cordon(database: Database, **by: str) -> bool:
    return database.write(lambda session: cordons.cordon(session, "here", **by))


def uncordon(database: Database) -> bool:
    return database.write(lambda session: cordons.uncordon(session, "here"))


def drain(database: Database, **by: str) -> Drained:
    return database.write(lambda session: cordons.drain(session, "here", **by))


def row(database: Database) -> Scheduler:
    return database.read(lambda session: session.get_one(Scheduler, "here"))


def test_a_cordon_says_who_and_since_when_and_stays_until_it_is_taken_away(database: Database) -> None:
    make.enroll(database, HERE)
    assert held(database).starts
    assert cordon(database, by="  Åse  B ") is True
    mark = held(database).cordon
    assert mark is not None
    assert mark.by == "Åse B"
    assert cordon(database, by="Bo") is False
    assert held(database).cordon == mark, "whoever cordoned it first stays named"

    schedulers.heartbeat(database, HERE, running_jobs=0)
    schedulers.leave(database, HERE)
    make.enroll(database, Identity("here"))
    assert held(database).cordon == mark, "a restart does not take it away"

    assert uncordon(database) is True
    assert held(database).starts
    assert uncordon(database) is False


def test_a_drain_is_a_cordon_too_and_only_that_once_it_has_ended(database: Database) -> None:
    make.enroll(database, HERE)
    assert drain(database, by="Ann") == Drained(ends=True, is_new=True)
    assert drain(database, by="Bo") == Drained(ends=True, is_new=False)
    found = held(database)
    assert found.drain is not None
    assert found.cordon is not None
    assert (found.drain.by, found.cordon.by) == ("Ann", "Ann")

    schedulers.leave(database, HERE)
    left = held(database)
    assert left.drain is None
    assert left.cordon == found.cordon
    assert not left.starts


def test_a_drain_is_called_off_by_uncordon(database: Database) -> None:
    make.enroll(database, HERE)
    drain(database)
    assert uncordon(database) is True
    assert held(database) == Admission()


def test_one_that_does_not_run_is_cordoned_and_its_next_start_does_not_end(database: Database) -> None:
    make.enroll(database, HERE)
    schedulers.leave(database, HERE)
    assert drain(database) == Drained(ends=False, is_new=True)
    assert drain(database) == Drained(ends=False, is_new=False)
    assert held(database).drain is None
    assert held(database).cordon is not None


def test_a_drain_outlives_a_start_that_was_killed_and_can_be_taken_as_fulfilled(database: Database) -> None:
    make.enroll(database, HERE)
    drain(database)
    again = Identity("here")
    make.enroll(database, again)
    mark = held(database).drain
    assert mark is not None
    assert database.write(lambda session: cordons.end_drain(session, HERE, mark)) is False, "not its name any more"
    assert database.write(lambda session: cordons.end_drain(session, again, mark)) is True
    assert held(database).drain is None
    assert held(database).cordon is not None
    drain(database)
    assert database.write(lambda session: cordons.end_drain(session, again, mark)) is False, "another drain"


def test_a_drain_that_is_asked_for_again_is_another_one_for_a_start_that_knew_the_first(database: Database) -> None:
    make.enroll(database, HERE)
    drain(database, by="Ann")
    again = Identity("here")
    make.enroll(database, again)
    earlier = held(database).drain
    assert drain(database, by="Bo") == Drained(ends=True, is_new=False)
    found = held(database).drain
    assert earlier is not None
    assert found is not None
    assert found.since > earlier.since
    assert found.by == "Ann"
    assert database.write(lambda session: cordons.end_drain(session, again, earlier)) is False
    assert held(database).drain == found


def test_a_daemon_says_that_it_stops_and_neither_its_end_nor_another_start_keeps_that(database: Database) -> None:
    make.enroll(database, HERE)
    assert database.write(lambda session: cordons.tell_stopping(session, HERE)) is True
    assert isinstance(row(database).stopping_at, datetime)
    assert held(database).starts, "it is no wish of an admin"
    make.enroll(database, Identity("here"))
    assert row(database).stopping_at is None
    assert database.write(lambda session: cordons.tell_stopping(session, HERE)) is False
    assert row(database).stopping_at is None


def test_names_are_found_whatever_their_case_and_near_ones_are_told(database: Database) -> None:
    def resolve(name: str) -> str:
        return database.read(lambda session: cordons.resolve(session, name))

    with pytest.raises(NotFoundError, match="none ever reported to this database"):
        resolve("here")
    make.enroll(database, Identity("RPA-VM-01"))
    make.enroll(database, Identity("RPA-VM-02"))
    assert resolve(" rpa-vm-01 ") == "RPA-VM-01"
    with pytest.raises(NotFoundError, match=r"'RPA-VM-3'. Did you mean 'RPA-VM-0[12]' or 'RPA-VM-0[12]'?"):
        resolve("RPA-VM-3")
    with pytest.raises(NotFoundError, match="page Schedulers"):
        resolve("quite another")


def test_one_of_an_earlier_version_cannot_obey_and_that_is_said(database: Database) -> None:
    make.enroll(database, HERE)
    database.write(lambda session: schedulers.ping(session, "Old", site_now=database.site_now()))
    with pytest.raises(InvalidInputError, match="before 4"):
        database.read(lambda session: cordons.resolve(session, "old"))

    def disobedient(after: timedelta) -> tuple[str, ...]:
        now, site_now = database.utc_now() + after, database.site_now() + after
        return database.read(lambda session: cordons.disobedient(session, now=now, site_now=site_now))

    assert disobedient(timedelta(seconds=5)) == ("Old",)
    assert disobedient(timedelta(hours=5)) == (), "it is not heard from any more"


def test_rows_of_earlier_versions_are_neither_cordoned_nor_drained(database: Database) -> None:
    old = {"machine_name": "here", "last_update": database.site_now()}
    database.write(lambda session: session.execute(sa.insert(Scheduler).values(old)))
    assert held(database).starts
    assert held(database, "nobody").starts
