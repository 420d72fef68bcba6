"""Pools: a trigger gets all it needs or nothing, never more than there is, and whoever ends its job gives it back."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import trigger_setup as make

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import AlreadyExistsError, InvalidInputError, NotFoundError, TransientDatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import ownership, runs, trigger_claims, waiting_facts
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.lifecycle.waiting import Cause
from OpenOrchestrator.database.models import Job, Pool, Trigger
from OpenOrchestrator.database.statuses import JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import pools, triggers

HERE, THERE = Identity("here"), Identity("there")


def make_pool(database: Database, name: str = "SAP account", size: int = 1) -> None:
    database.write(lambda s: pools.insert(s, *pools.checked(name, size, database.dialect_name), now=database.utc_now()))


def resize(database: Database, name: str, size: int) -> None:
    (stored,) = (one for one in database.read(lambda s: pools.read_all(s.connection())) if one.name == name)
    assert database.write(lambda s: pools.update(s, name, size, stored.edition, now=database.utc_now()))


def needing(database: Database, name: str, text: str = '{"SAP account": 1}', **more: Any) -> UUID:
    return make.single(database, name, pools=text, **more)


def claimed(database: Database, identity: Identity = HERE) -> list[str]:
    return [run.trigger_name for run in make.claim_all(database, identity)]


def held(database: Database, pool: str = "SAP account") -> int:
    return database.read(lambda s: pools.read_book(s.connection()).held(pool))


def test_a_trigger_waits_until_what_it_needs_is_given_back_and_holds_up_no_other(database: Database) -> None:
    make_pool(database)
    needing(database, "A", priority=2)
    needing(database, "B", priority=1)
    make.single(database, "C")
    won = make.claim_all(database, HERE)
    assert [run.trigger_name for run in won] == ["A", "C"]
    assert held(database) == 1
    assert claimed(database, THERE) == []
    assert runs.finish(database, won[0].job_id, 1, status=JobStatus.DONE, exit_code=0, reason=None)
    assert held(database) == 0
    assert claimed(database, THERE) == ["B"]


def test_all_or_nothing_of_several_pools_and_amounts(database: Database) -> None:
    make_pool(database)
    make_pool(database, "OCR licences", 3)
    needing(database, "A", '{"OCR licences": 2, "SAP account": 1}', priority=4)
    needing(database, "B", '{"OCR licences": 1, "SAP account": 1}', priority=3)
    needing(database, "C", '{"OCR licences": 1}', priority=2)
    needing(database, "D", '{"OCR licences": 1}', priority=1)
    assert claimed(database) == ["A", "C"]
    assert (held(database), held(database, "OCR licences")) == (1, 3)


def _end(database: Database, run: ClaimedRun, way: str) -> None:
    if way == "give back":
        assert runs.give_back(database, run, "x")
    elif way == "reap a start":
        make.expire(database, run.job_id)
        assert make.reap(database)
    elif way == "reap a run":
        assert runs.begin_run(database, run)
        make.expire(database, run.job_id)
        assert make.reap(database)
    elif way == "by hand":  # as somebody who knows nothing of pools, and an older client, may end a job
        ended = sa.update(Job).where(Job.id == run.job_id).values(status=JobStatus.FAILED)
        database.write(lambda s: s.execute(ended))
    elif way == "deleted by hand":
        database.write(lambda s: s.execute(sa.delete(Job).where(Job.id == run.job_id)))
    else:
        assert runs.begin_run(database, run)
        assert runs.finish(database, run.job_id, run.fence, status=JobStatus[way], exit_code=1, reason=None)


@pytest.mark.parametrize(
    "way",
    [
        *("DONE", "FAILED", "KILLED", "TIMED_OUT", "LOST", "give back", "reap a start", "reap a run"),
        *("by hand", "deleted by hand"),
    ],
)
def test_every_end_of_a_job_gives_back(database: Database, way: str) -> None:
    make_pool(database)
    needing(database, "A")
    (run,) = make.claim_all(database, HERE)
    assert held(database) == 1
    _end(database, run, way)
    assert held(database) == 0


def test_an_adopted_job_goes_on_holding(database: Database) -> None:
    make_pool(database)
    needing(database, "A")
    (run,) = make.claim_all(database, HERE)
    assert ownership.adopt(database, Identity("here"), run.job_id, run.fence) is not None
    assert held(database) == 1


def test_a_pool_may_be_lowered_below_its_holders_and_nobody_gets_more_until_it_fits(database: Database) -> None:
    make_pool(database, size=2)
    needing(database, "A", priority=2)
    needing(database, "B", priority=1)
    won = make.claim_all(database, HERE)
    needing(database, "C")
    resize(database, "SAP account", 1)
    assert held(database) == 2
    assert claimed(database) == []
    assert runs.finish(database, won[0].job_id, 1, status=JobStatus.DONE, exit_code=0, reason=None)
    assert claimed(database) == []
    assert runs.finish(database, won[1].job_id, 1, status=JobStatus.DONE, exit_code=0, reason=None)
    assert claimed(database) == ["C"]


def test_the_claim_looks_again_at_what_the_choice_saw(database: Database) -> None:
    make_pool(database)
    needing(database, "A")
    needing(database, "B")
    due = trigger_claims.due_triggers(database, scheduler_name="here").due
    assert len(trigger_claims.claim(database, HERE, due[:1])) == 1
    assert trigger_claims.claim(database, THERE, due[1:]) == ()
    resize(database, "SAP account", 0)
    assert held(database) == 1


def test_a_pool_that_is_gone_sets_its_triggers_aside_with_the_reason(database: Database) -> None:
    make_pool(database)
    trigger_id = needing(database, "A")
    due = trigger_claims.due_triggers(database, scheduler_name="here").due
    database.write(lambda s: s.execute(sa.delete(Pool)))
    found = trigger_claims.due_triggers(database, scheduler_name="here")
    assert found.due == ()
    assert [(one.trigger_id, one.reason) for one in found.poisoned] == [
        (
            trigger_id,
            "it needs the pool 'SAP account', which does not exist. Create the pool, or take it out of the trigger",
        )
    ]
    assert trigger_claims.claim(database, HERE, due) == ()
    with pytest.raises(InvalidInputError, match="needs the pool SAP account, which does not exist"):
        trigger_claims.claim_by_name(database, HERE, "A")


@pytest.mark.kinds("sqlite")
def test_a_column_that_holds_garbage_sets_its_trigger_aside(database: Database) -> None:
    trigger_id = make.single(database, "A")
    make.single(database, "B")
    for garbage in ("[1]", "x", '{"a": 0}', '{"a": "1"}', '{"a": true}'):
        make.spoil(database, Trigger, trigger_id, "pools", garbage)
        found = trigger_claims.due_triggers(database, scheduler_name="here")
        assert [one.name for one in found.due] == ["B"]
        assert "its column pools holds" in found.poisoned[0].reason


@pytest.mark.kinds("sqlite")
def test_a_job_that_does_not_say_what_it_holds_holds_everything(database: Database) -> None:
    make_pool(database, size=3)
    needing(database, "A")
    (run,) = make.claim_all(database, HERE)
    make.spoil(database, Job, run.job_id, "pools", "garbage")
    needing(database, "B")
    assert held(database) == 3
    assert claimed(database) == []


def test_a_run_by_hand_is_told_who_holds_the_pool(database: Database) -> None:
    make_pool(database)
    needing(database, "A")
    make.claim_all(database, HERE)
    needing(database, "B")
    with pytest.raises(InvalidInputError, match=r"The trigger 'B' cannot run now\. The pool SAP account is held by A "):
        trigger_claims.claim_by_name(database, HERE, "B")


def test_why_names_the_holder_and_who_comes_first(database: Database) -> None:
    make.enroll(database, HERE)
    make_pool(database, size=2)
    needing(database, "A", priority=3)
    (run,) = make.claim_all(database, HERE)
    needing(database, "B", '{"SAP account": 2}', priority=2)
    needing(database, "C")
    (why_b,) = waiting_facts.explain(database, "B")
    (reason,) = why_b.reasons
    assert (reason.cause, reason.jobs) == (Cause.POOL, (run.job_id,))
    assert reason.words.startswith("It needs 2 of the pool SAP account, and 1 of 2 are free. Held by A since ")
    (why_c,) = waiting_facts.explain(database, "C")
    assert [one.words for one in why_c.reasons] == ["On here, B comes before it, and gets the pool SAP account first."]
    resize(database, "SAP account", 1)
    (why_b,) = waiting_facts.explain(database, "B")
    assert why_b.reasons[0].words.startswith("It needs 2 of the pool SAP account, which has 1.")


def test_a_pool_that_a_trigger_needs_cannot_be_deleted_and_none_that_is_gone_be_needed(database: Database) -> None:
    make_pool(database)
    trigger_id = needing(database, "A")
    with pytest.raises(InvalidInputError, match="needed by 'A'"):
        database.write(lambda s: pools.delete(s, "SAP account"))
    assert database.write(lambda s: triggers.update(s, trigger_id, {"pools": None}))
    database.write(lambda s: pools.delete(s, "SAP account"))
    with pytest.raises(NotFoundError):
        database.write(lambda s: pools.delete(s, "SAP account"))
    with pytest.raises(InvalidInputError, match="There is no pool 'SAP account'"):
        database.write(lambda s: triggers.update(s, trigger_id, {"pools": '{"SAP account": 1}'}))
    assert make.trigger(database, trigger_id).pools is None
    with pytest.raises(InvalidInputError, match="There is no pool"):
        needing(database, "B")


def test_changes_of_pools_are_guarded(database: Database) -> None:
    make_pool(database)
    (before,) = database.read(lambda s: pools.read_all(s.connection()))
    with pytest.raises(AlreadyExistsError):
        make_pool(database, " sap ACCOUNT ")
    resize(database, "SAP account", 5)
    now = database.utc_now()
    assert not database.write(lambda s: pools.update(s, "SAP account", 7, before.edition, now=now))
    with pytest.raises(InvalidInputError, match="changed meanwhile"):
        database.write(lambda s: pools.delete(s, "SAP account", before.edition))
    (after,) = database.read(lambda s: pools.read_all(s.connection()))
    assert after.size == 5
    for name, size in (("", 1), ("x" * 101, 1), ("a", -1), ("a", 1_000_001), ("a", True)):
        with pytest.raises(InvalidInputError):
            pools.checked(name, size, database.dialect_name)


def test_many_schedulers_at_once_never_hold_more_than_there_is(database: Database) -> None:
    """Each in a thread claims what is due and ends it, in two pools that triggers need in every combination."""
    make_pool(database, "A", 2)
    make_pool(database, "B", 1)
    needs = ['{"A": 1}', '{"A": 1, "B": 1}', '{"B": 1}', '{"A": 2}']
    made = [make.scheduled(database, f"T{n}", pools=needs[n % 4]) for n in range(12)]
    problems: list[BaseException] = []
    won: list[UUID] = []

    def look(own: Database) -> None:
        book = own.read(lambda s: pools.read_book(s.connection()))
        assert book.held("A") <= 2, book
        assert book.held("B") <= 1, book

    def work(name: str) -> None:
        own = Database(database.connection_string, clock=SettableClock(database.utc_now()), pool_size=1)
        identity = Identity(name)
        try:
            for _ in range(12):
                due = list(trigger_claims.due_triggers(own, scheduler_name=name).due)
                try:
                    got = trigger_claims.claim(own, identity, due[:: 1 if name < "s2" else -1])
                except TransientDatabaseError:
                    continue
                look(own)
                for run in got:
                    won.append(run.trigger_id)
                    assert runs.finish(own, run.job_id, run.fence, status=JobStatus.DONE, exit_code=0, reason=None)
                    now = own.utc_now()
                    own.write(lambda s, one=run.trigger_id, now=now: triggers.request_run(s, one, now=now))
        except BaseException as error:
            problems.append(error)
        finally:
            own.close()

    threads = [threading.Thread(target=work, args=(f"s{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems
    assert len(won) > 12
    assert {make.status(database, one) for one in made} == {TriggerStatus.IDLE}
    assert (held(database, "A"), held(database, "B")) == (0, 0)
