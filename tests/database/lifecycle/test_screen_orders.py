"""Whatever the order of statements in claims that run at once, one robot at a time has the screen of a machine.

As ``test_statement_orders`` does for elements and ends of jobs, on servers where transactions run at once.
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

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import runs, screens, trigger_claims
from OpenOrchestrator.database.models import Job, Screen, SingleTrigger, Trigger
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus
from OpenOrchestrator.database.stores.due_triggers import DueTrigger

pytestmark = pytest.mark.kinds("postgresql", "mariadb")

MOST = int(os.environ.get("INTERLEAVINGS", "40"))
HERE, THERE = Identity("here", machine="M"), Identity("there", machine="M")


class BrokenPromiseError(AssertionError):
    """Two robots have the screen, or nobody could get it; the message says what had happened."""


@dataclass(frozen=True)
class World:
    """Two triggers that need the screen, as they were found due, and perhaps a run that has it."""

    first: DueTrigger
    second: DueTrigger
    holder: trigger_claims.ClaimedRun | None


def make_world(database: Database, begin: str) -> World:
    """Make everything anew.

    Args:
        database: Where.
        begin: ``new`` for a machine whose screen nobody ever had, ``free``, or ``taken``.
    """
    for model in (Screen, Job, SingleTrigger, Trigger):
        database.write(lambda session, table=model.__table__: session.execute(sa.delete(table)))
    holder = None
    if begin != "new":
        make.single(database, "before", desktop="SCREEN")
        (holder,) = make.claim_all(database, HERE)
        assert runs.begin_run(database, holder)
        if begin == "free":
            assert _finish(database, holder)
            holder = None
    make.single(database, "first", desktop="SCREEN")
    make.single(database, "second", desktop="SCREEN")
    found = {one.name: one for one in trigger_claims.due_triggers(database, scheduler_name=None).due}
    return World(found["first"], found["second"], holder)


def _finish(database: Database, run: trigger_claims.ClaimedRun) -> bool:
    return runs.finish(database, run.job_id, run.fence, status=JobStatus.DONE, exit_code=0, reason=None)


def claim_here(database: Database, world: World) -> Any:
    return trigger_claims.claim(database, HERE, [world.first])


def claim_there(database: Database, world: World) -> Any:
    return trigger_claims.claim(database, THERE, [world.second])


def end(database: Database, world: World) -> Any:
    assert world.holder is not None
    return _finish(database, world.holder)


def check(database: Database, world: World, results: dict[str, Any], story: list[str]) -> None:
    """Raise if the screen was given away twice, or a claim failed."""

    def require(holds: bool, what: str) -> None:
        if not holds:
            raise BrokenPromiseError("\n".join([what, *story, *(f"{one}: {got!r}" for one, got in results.items())]))

    for name, result in results.items():
        require(not isinstance(result, Exception), f"{name} failed")
    active = sa.select(Job.id).where(Job.status.in_(list(ACTIVE_JOB_STATUSES)))
    jobs: set[UUID] = set(database.read(lambda session: session.scalars(active).all()))
    require(len(jobs) <= 1, "two robots have the screen of one machine")
    holders = database.read(screens.holders)
    require({one.job_id for one in holders.values()} == jobs, "the screen is not noted for the job that has it")
    won = [run for name, got in results.items() if name.startswith("claim") for run in got]
    require(len(won) <= 1, "the screen was given away twice")
    require(bool(won) or "end" in results or world.holder is not None, "two claims kept each other from a free screen")


SCENARIOS: dict[str, tuple[str, tuple[Callable[[Database, World], Any], ...]]] = {
    "two claims on a machine whose screen nobody ever had": ("new", (claim_here, claim_there)),
    "two claims of a free screen": ("free", (claim_here, claim_there)),
    "two claims while its robot ends": ("taken", (claim_here, claim_there, end)),
}


def go_through(database: Database, scenario: str, *, most: int = MOST) -> int:
    """Go through the orders of a scenario, and return how many there were."""
    begin, chosen = SCENARIOS[scenario]
    world = [make_world(database, begin)]
    acts = {act.__name__: (lambda own, act=act: act(own, world[0])) for act in chosen}
    schedules = Schedules(database, acts, most=most)
    try:
        for results, story in schedules:
            check(database, world[0], results, story)
            world[0] = make_world(database, begin)
    finally:
        schedules.close()
    return schedules.count


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_one_robot_has_the_screen_in_any_order_of_statements(database: Database, scenario: str) -> None:
    assert go_through(database, scenario) > 1


def test_a_row_of_a_screen_that_is_not_locked_is_missed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens, "free_only", lambda query, _table: query)
    with pytest.raises(BrokenPromiseError, match=r"two robots|given away twice"):
        go_through(database, "two claims of a free screen", most=500)
