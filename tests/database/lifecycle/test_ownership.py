"""What an instance of a scheduler has claimed and not begun, and which of it can be written now."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import ownership, runs
from OpenOrchestrator.database.models import Job, Trigger

HERE = Identity("here")


def test_unstarted_runs_are_those_of_one_instance_that_have_no_robot_yet(database: Database) -> None:
    for _ in range(3):
        make.single(database)
    begun, ended, unstarted = make.claim_all(database, HERE)
    assert runs.begin_run(database, begun)
    assert runs.give_back(database, ended, "no")
    make.claim_all(database, Identity("here"))  # another instance of the same name gets what was given back

    (found,) = ownership.unstarted_of(database, HERE)

    assert (found.job_id, found.fence, found.trigger_id) == (unstarted.job_id, unstarted.fence, unstarted.trigger_id)
    assert found.name == unstarted.trigger_name
    assert runs.give_back(database, found, "nobody follows it")
    assert ownership.unstarted_of(database, HERE) == ()


@pytest.mark.kinds("postgresql", "mariadb")
@pytest.mark.parametrize("model", [Job, Trigger])
def test_what_somebody_holds_locked_is_passed_over(database: Database, model: type[Job | Trigger]) -> None:
    for _ in range(2):
        make.single(database)
    make.claim_all(database, HERE)
    locked, free = ownership.unstarted_of(database, HERE)
    row_id = locked.job_id if model is Job else locked.trigger_id
    with database.connection(writing=True) as connection:
        connection.execute(sa.select(model.__table__.c.id).where(model.__table__.c.id == row_id).with_for_update())
        assert ownership.free_of_locks(database, [locked, free]) == (free,)
    assert ownership.free_of_locks(database, [locked, free]) == (locked, free)


def test_a_run_whose_trigger_is_gone_is_not_taken_for_locked(database: Database) -> None:
    make.single(database)
    make.claim_all(database, HERE)
    (run,) = ownership.unstarted_of(database, HERE)
    for table in ("Single_Triggers", "Triggers"):
        database.write(lambda session, name=table: session.execute(sa.delete(Trigger.metadata.tables[name])))
    assert ownership.free_of_locks(database, [run]) == (run,)


def test_nothing_is_asked_about_no_runs(database: Database) -> None:
    assert ownership.free_of_locks(database, ()) == ()
