"""Whatever the order of statements in transactions that run at once, no more of a pool is held than there is.

As ``test_statement_orders``, for claims that need pools, and for admins who change what pools there are. On servers,
where transactions do run at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import trigger_setup as make
from statement_schedule import Schedules

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import pool_limit, runs, trigger_claims
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.models import Job, Log, Pool, SingleTrigger, Trigger
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.database.stores import pools, triggers
from OpenOrchestrator.database.stores.due_triggers import DueTrigger

pytestmark = pytest.mark.kinds("postgresql", "mariadb")

MOST = int(os.environ.get("INTERLEAVINGS", "30"))
SIZES = {"A": 1, "B": 2}


class BrokenPromiseError(AssertionError):
    """More of a pool is held than there is, or something failed; the message says what had happened."""


@dataclass(frozen=True)
class World:
    """What everybody finds: a job that holds A, and triggers that were found due, by name."""

    holder: ClaimedRun
    due: dict[str, DueTrigger]
    plain: UUID


Act = Callable[[Database, World], Any]


def make_world(database: Database) -> World:
    for model in (Log, Job, SingleTrigger, Trigger, Pool):
        database.write(lambda session, table=model.__table__: session.execute(sa.delete(table)))
    for name, size in SIZES.items():
        database.write(lambda s, one=name, size=size: pools.insert(s, one, size, now=database.utc_now()))
    make.single(database, "holder", pools='{"A": 1}')
    (holder,) = make.claim_all(database, Identity("before"))
    needs = {"a": '{"A": 1}', "b": '{"A": 1, "B": 1}', "c": '{"B": 2}', "d": '{"A": 1, "B": 2}'}
    for name, text in needs.items():
        make.single(database, name, pools=text)
    due = trigger_claims.due_triggers(database, scheduler_name="here").due
    plain = make.single(database, "plain")
    return World(holder, {one.name: one for one in due}, plain)


def _claiming(scheduler: str, names: str) -> Act:
    def claim(database: Database, world: World) -> Any:
        return trigger_claims.claim(database, Identity(scheduler), [world.due[name] for name in names])

    return claim


def finish(database: Database, world: World) -> bool:
    return runs.finish(database, world.holder.job_id, 1, status=JobStatus.DONE, exit_code=0, reason=None)


def lower(database: Database, _world: World) -> bool:
    (stored,) = (one for one in database.read(lambda s: pools.read_all(s.connection())) if one.name == "B")
    return database.write(lambda s: pools.update(s, "B", 1, stored.edition, now=database.utc_now()))


def delete_unused(database: Database, _world: World) -> Any:
    return database.write(lambda s: pools.delete(s, "spare"))


def need_it(database: Database, world: World) -> bool:
    return database.write(lambda s: triggers.update(s, world.plain, {"pools": '{"spare": 1}'}))


SCENARIOS: dict[str, dict[str, Act]] = {
    "two claims": {"here": _claiming("here", "ac"), "there": _claiming("there", "b")},
    "two claims in another order": {"here": _claiming("here", "cb"), "there": _claiming("there", "da")},
    "two claims and an end": {"here": _claiming("here", "a"), "there": _claiming("there", "b"), "finish": finish},
    "a claim and a lower size": {"here": _claiming("here", "c"), "lower": lower},
    "a pool is needed and deleted": {"need": need_it, "delete": delete_unused},
}


def check(database: Database, scenario: str, results: dict[str, Any], story: list[str]) -> None:
    def require(holds: bool, what: str) -> None:
        if not holds:
            raise BrokenPromiseError("\n".join([what, *story, *(f"{one}: {got!r}" for one, got in results.items())]))

    for name, result in results.items():
        require(not isinstance(result, Exception) or isinstance(result, InvalidInputError), f"{name} failed")
    book = database.read(lambda s: pools.read_book(s.connection()))
    for pool, size in SIZES.items():
        require(book.held(pool) <= size, f"{book.held(pool)} of the pool {pool} is held, of which there is {size}")
    if scenario == "a pool is needed and deleted":
        needed = "spare" in database.read(pools.needs_by_pool)
        require(not needed or "spare" in book.sizes, "a trigger needs a pool that was deleted")
        refused = [one for one in results.values() if isinstance(one, InvalidInputError)]
        require(len(refused) == 1, "one of both had to be refused")
    if scenario == "two claims and an end":
        require(results["finish"] is True, "an end was refused")


def go_through(database: Database, scenario: str, *, most: int = MOST) -> int:
    def world_of() -> World:
        world = make_world(database)
        database.write(lambda s: pools.insert(s, "spare", 1, now=database.utc_now()))
        if scenario.startswith("two claims") and "end" not in scenario:
            assert finish(database, world)
        return world

    world = [world_of()]
    acts = {name: (lambda own, act=act: act(own, world[0])) for name, act in SCENARIOS[scenario].items()}
    schedules = Schedules(database, acts, most=most)
    try:
        for results, story in schedules:
            check(database, scenario, results, story)
            world[0] = world_of()
    finally:
        schedules.close()
    return schedules.count


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_never_more_is_held_than_there_is_in_any_order_of_statements(database: Database, scenario: str) -> None:
    assert go_through(database, scenario) > 1


def test_a_lock_that_is_taken_out_is_missed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_limit, "free_only", lambda query, _table: query)
    with pytest.raises(BrokenPromiseError, match="is held, of which there is"):
        go_through(database, "two claims", most=500)


def test_a_pool_that_is_not_held_while_a_trigger_is_given_it_is_missed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "shared", lambda query, _table: query)
    with pytest.raises(BrokenPromiseError, match=r"needs a pool that was deleted|one of both"):
        go_through(database, "a pool is needed and deleted", most=500)
