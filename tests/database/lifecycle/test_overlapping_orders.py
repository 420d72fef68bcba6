"""Whatever the order of statements in transactions at once, a trigger has no more jobs than it may, and is as they are.

As ``test_statement_orders``, for triggers with several jobs: claims beside others, and ends among others. A trigger
that may have two or three jobs has one or two that run when the transactions begin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import trigger_setup as make
from statement_schedule import Schedules
from test_statement_orders import MOST, BrokenPromiseError

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import (
    overlapping_ends,
    reaping,
    run_endings,
    runs,
    trigger_claims,
)
from OpenOrchestrator.database.models import Job, Log, QueueElement, ScheduledTrigger, Trigger
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, BUSY_TRIGGER_STATUSES, JobStatus, TriggerStatus
from OpenOrchestrator.database.stores import triggers
from OpenOrchestrator.database.stores.due_triggers import DueTrigger
from OpenOrchestrator.database.stores.running_triggers import ActiveJobs

pytestmark = pytest.mark.kinds("postgresql", "mariadb")

HERE, THERE, ELSEWHERE = Identity("here"), Identity("there"), Identity("elsewhere")


@dataclass(frozen=True)
class World:
    """What everybody finds: a trigger with so many jobs that run, and due for another one."""

    trigger_id: UUID
    most: int
    runs: Sequence[trigger_claims.ClaimedRun]
    due: Sequence[DueTrigger]
    leases: dict[UUID, reaping.Lease]


Act = Callable[[Database, World], Any]


def make_world(database: Database, running: int, most: int) -> World:
    """Make everything anew."""
    for model in (Log, QueueElement, Job, ScheduledTrigger, Trigger):
        database.write(lambda session, table=model.__table__: session.execute(sa.delete(table)))
    clock = SettableClock(database.utc_now())
    own = Database(database.connection_string, clock=clock, pool_size=1)
    try:
        trigger_id = make.scheduled(own, max_jobs=most + 1)
        begun = []
        for _ in range(running):
            (run,) = make.claim_all(own, HERE)
            assert runs.begin_run(own, run)
            begun.append(run)
            clock.advance(timedelta(minutes=5))
        due = trigger_claims.due_triggers(own, scheduler_name="here").due
        assert own.write(lambda session: triggers.update(session, trigger_id, {"max_jobs": most}))
        leases = {lease.job_id: lease for lease in reaping.read_leases(own, THERE).leases}
    finally:
        own.close()
    return World(trigger_id, most, begun, due, leases)


def claim_here(database: Database, world: World) -> Any:
    return trigger_claims.claim(database, HERE, world.due)


def claim_there(database: Database, world: World) -> Any:
    return trigger_claims.claim(database, THERE, world.due)


def claim_elsewhere(database: Database, world: World) -> Any:
    return trigger_claims.claim(database, ELSEWHERE, world.due)


def _finish(database: Database, world: World, number: int, status: JobStatus) -> bool:
    run = world.runs[number]
    return runs.finish(database, run.job_id, run.fence, status=status, exit_code=0, reason="why")


def finish_first(database: Database, world: World) -> bool:
    return _finish(database, world, 0, JobStatus.DONE)


def finish_second(database: Database, world: World) -> bool:
    return _finish(database, world, 1, JobStatus.DONE)


def finish_third(database: Database, world: World) -> bool:
    return _finish(database, world, 2, JobStatus.DONE)


def fail_first(database: Database, world: World) -> bool:
    return _finish(database, world, 0, JobStatus.FAILED)


def reap_second(database: Database, world: World) -> bool:
    lease = world.leases[world.runs[1].job_id]
    return isinstance(reaping.reap(database, lease, reaper=THERE), reaping.ReapedJob)


def pause(database: Database, world: World) -> bool:
    return database.write(lambda session: triggers.disable(session, world.trigger_id), read_back=lambda _: None)


def check(database: Database, world: World, results: dict[str, Any], story: list[str]) -> None:
    """Raise if a promise is broken."""

    def require(holds: bool, what: str) -> None:
        if not holds:
            raise BrokenPromiseError("\n".join([what, *story, *(f"{one}: {got!r}" for one, got in results.items())]))

    for name, result in results.items():
        require(not isinstance(result, Exception), f"{name} failed")
    jobs = make.jobs(database)
    active = [job for job in jobs if job.status in ACTIVE_JOB_STATUSES]
    trigger = make.trigger(database, world.trigger_id)
    status = trigger.process_status
    require(len(active) <= world.most, f"{len(active)} jobs run at the same time")
    require((status in BUSY_TRIGGER_STATUSES) is bool(active), f"it is {status.value} with {len(active)} jobs")
    require(bool(active) or trigger.status_after is None, "the last one out left a mark")
    due_times = [job.due_at for job in jobs]
    require(len(set(due_times)) == len(due_times), "a due time was used twice")
    won = [name for name, result in results.items() if name.startswith("claim") and result]
    require(len(won) <= 1, "one due time was claimed twice")
    ended = [name for name in ("finish_first", "finish_second", "finish_third", "fail_first") if name in results]
    require(all(results[name] is True for name in ended), "an end was refused")
    is_lost = bool(results.get("reap_second"))
    if (is_lost or "fail_first" in results) and not active:
        require(status is TriggerStatus.FAILED, f"a run failed, and the trigger is {status.value}")
    if "pause" in results and results["pause"] and not active and status is not TriggerStatus.FAILED:
        require(status is TriggerStatus.PAUSED, f"it was paused, and is {status.value}")


SCENARIOS: dict[str, tuple[int, int, tuple[Act, ...]]] = {
    "two claims for one place": (1, 2, (claim_here, claim_there)),
    "three claims": (1, 2, (claim_here, claim_there, claim_elsewhere)),
    "a claim, and the end of the only job": (1, 2, (claim_here, finish_first)),
    "a claim, and the failure of the only job": (1, 2, (claim_here, fail_first)),
    "a claim, and the end of one of two": (2, 3, (claim_here, finish_first)),
    "a claim where all places are taken, and an end": (2, 2, (claim_here, finish_first)),
    "claims where all places are taken": (2, 2, (claim_here, claim_there)),
    "two ends": (2, 2, (finish_first, finish_second)),
    "three ends": (3, 3, (finish_first, finish_second, finish_third)),
    "two ends and a claim": (2, 3, (finish_first, finish_second, claim_there)),
    "an end and a failure": (2, 2, (fail_first, finish_second)),
    "a failure and a claim": (2, 3, (fail_first, claim_there)),
    "an end and a sweep": (2, 2, (finish_first, reap_second)),
    "a failure and a sweep": (2, 2, (fail_first, reap_second)),
    "a pause and two ends": (2, 2, (pause, finish_first, finish_second)),
    "a pause and a claim": (1, 2, (pause, claim_here)),
}
"""How many jobs run and how many may, and who does what."""


def go_through(database: Database, scenario: str, *, most: int = MOST) -> int:
    """Go through the orders of a scenario, and return how many there were."""
    running, places, chosen = SCENARIOS[scenario]
    world = [make_world(database, running, places)]
    acts = {act.__name__: (lambda own, act=act: act(own, world[0])) for act in chosen}
    schedules = Schedules(database, acts, most=most)
    try:
        for results, story in schedules:
            check(database, world[0], results, story)
            world[0] = make_world(database, running, places)
    finally:
        schedules.close()
    return schedules.count


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_trigger_is_as_its_jobs_are_in_any_order_of_statements(database: Database, scenario: str) -> None:
    assert go_through(database, scenario) > 1


# --- the orders find what is broken


def _ends_do_not_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of one of several counts the others before it has the trigger."""
    end_among_others = overlapping_ends.end_among_others

    def count_first(session: Any, event: Any, trigger_id: UUID, *, values: Any = None) -> Any:
        active = overlapping_ends.running_triggers.active_jobs(session.connection())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(overlapping_ends.running_triggers, "active_jobs", lambda _connection: active)
            return end_among_others(session, event, trigger_id, values=values)

    monkeypatch.setattr(overlapping_ends, "end_among_others", count_first)


def _ends_ask_for_no_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlapping_ends, "ALONE", sa.true())
    monkeypatch.setattr(run_endings, "ALONE", sa.true())


def _claims_count_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ActiveJobs, "has_room", lambda *_: True)
    monkeypatch.setattr(trigger_claims._Claiming, "_is_as_seen", lambda *_: True)


MUTANTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str, str]] = {
    "an end counts before it locks": (_ends_do_not_lock, "two ends", "it is"),
    "an end looks for no others": (_ends_ask_for_no_mark, "a claim, and the end of one of two", "it is"),
    "the same while another is claimed": (_ends_ask_for_no_mark, "a claim, and the end of the only job", "it is"),
    "a claim counts nothing": (_claims_count_nothing, "claims where all places are taken", "jobs run"),
}
"""What is taken out, in which scenario that is seen, and as what."""


@pytest.mark.parametrize("mutant", MUTANTS)
def test_what_is_taken_out_of_overlapping_jobs_is_missed(
    database: Database, monkeypatch: pytest.MonkeyPatch, mutant: str
) -> None:
    take_out, scenario, broken = MUTANTS[mutant]
    take_out(monkeypatch)
    with pytest.raises(BrokenPromiseError, match=broken):
        go_through(database, scenario, most=500)
