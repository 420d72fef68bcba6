"""Whatever the order of statements in transactions that run at once, the promises hold.

Where ``test_interleavings`` takes whole transactions in any order on SQLite, this takes their statements in any order
on servers, where transactions do run at once. That it would find a broken promise is shown by taking out the locks and
guards that keep it, one at a time. More orders than in the ordinary run: ``INTERLEAVINGS=2000``.
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

from OpenOrchestrator.common.errors import OwnershipLostError
from OpenOrchestrator.database import transitions
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.driver_cursor import DriverStatement
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import (
    element_deaths,
    element_statements,
    element_status,
    ownership,
    reaping,
    runs,
)
from OpenOrchestrator.database.lifecycle.element_claims import claim_next
from OpenOrchestrator.database.lifecycle.element_status import StatusWrite, write_status
from OpenOrchestrator.database.models import Job, Log, QueueElement, SingleTrigger, Trigger
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, BUSY_TRIGGER_STATUSES, JobStatus, QueueStatus

pytestmark = pytest.mark.kinds("postgresql", "mariadb")

MOST = int(os.environ.get("INTERLEAVINGS", "30"))
HERE, THERE = Identity("here"), Identity("there")
QUEUE = "Q"


class BrokenPromiseError(AssertionError):
    """Something that must always hold does not; the message says what, and what had happened."""


@dataclass(frozen=True)
class World:
    """What everybody finds: a running job that holds an element, its lease as it was read, and a New element."""

    job_id: UUID
    trigger_id: UUID
    lease: reaping.Lease
    held: UUID
    token: UUID
    new: UUID


Act = Callable[[Database, World], Any]


def make_world(database: Database) -> World:
    """Make everything anew."""
    for model in (Log, QueueElement, Job, SingleTrigger, Trigger):
        database.write(lambda session, table=model.__table__: session.execute(sa.delete(table)))
    trigger_id = make.single(database)
    (run,) = make.claim_all(database, HERE)
    assert runs.begin_run(database, run)
    make.add_elements(database, QUEUE, 2)
    held = claim_next(database, QUEUE, job_id=run.job_id)
    assert held is not None
    assert held.claim_token is not None
    (new,) = [one.id for one in elements(database) if one.status is QueueStatus.NEW]
    (lease,) = reaping.read_leases(database, THERE).leases
    return World(run.job_id, trigger_id, lease, held.id, held.claim_token, new)


def elements(database: Database) -> list[QueueElement]:
    return database.read(lambda session: list(session.scalars(sa.select(QueueElement))))


# --- who does what


def claim(database: Database, world: World) -> Any:
    return claim_next(database, QUEUE, job_id=world.job_id)


def claim_by_hand(database: Database, _world: World) -> Any:
    return claim_next(database, QUEUE)


def finish(database: Database, world: World) -> bool:
    return runs.finish(
        database,
        world.job_id,
        world.lease.fence,
        status=JobStatus.FAILED,
        exit_code=1,
        reason="why",
        error_log="its last words",
    )


def adopt(database: Database, world: World) -> int | None:
    return ownership.adopt(database, HERE, world.job_id, world.lease.fence)


def reap(database: Database, world: World) -> Any:
    return reaping.reap(database, world.lease, reaper=THERE)


def extend(database: Database, world: World) -> ownership.Extension:
    return ownership.extend(database, HERE, [world.job_id])


def _write(database: Database, world: World, element_id: UUID, status: QueueStatus, token: UUID | None) -> Any:
    wanted = StatusWrite(element_id=element_id, status=status, message=None, job_id=world.job_id, token=token)
    return write_status(database, wanted)


def write_done(database: Database, world: World) -> Any:
    return _write(database, world, world.held, QueueStatus.DONE, world.token)


def write_done_without_token(database: Database, world: World) -> Any:
    return _write(database, world, world.held, QueueStatus.DONE, None)


def set_in_progress(database: Database, world: World) -> Any:
    return _write(database, world, world.new, QueueStatus.IN_PROGRESS, None)


def admin_ends_element(database: Database, world: World) -> Any:
    update = sa.update(QueueElement).where(QueueElement.id == world.new, QueueElement.status == QueueStatus.NEW)
    done = update.values(status=QueueStatus.DONE)
    return database.write(lambda session: session.connection().execute(done).rowcount == 1, read_back=lambda _: None)


# --- what must hold


def check(database: Database, world: World, results: dict[str, Any], story: list[str]) -> None:
    """Raise if a promise is broken."""

    def require(holds: bool, what: str) -> None:
        if not holds:
            raise BrokenPromiseError("\n".join([what, *story, *(f"{one}: {got!r}" for one, got in results.items())]))

    for name, result in results.items():
        require(not isinstance(result, Exception) or isinstance(result, OwnershipLostError), f"{name} failed")
    job = make.job(database, world.job_id)
    is_active = job.status in ACTIVE_JOB_STATUSES
    rows = {one.id: one for one in elements(database)}
    stuck = [one for one in rows.values() if one.status is QueueStatus.IN_PROGRESS and one.job_id == world.job_id]
    require(is_active or not stuck, "an element is In Progress for a job that has ended")
    require(
        (make.status(database, world.trigger_id) in BUSY_TRIGGER_STATUSES) is is_active,
        "the trigger is not as its job is",
    )
    ends = [name for name in ("finish", "reap") if results.get(name) is True or _is_reaped(results.get(name))]
    require(len(ends) <= 1, "the job ended twice")
    require(is_active is not bool(ends), "the job is not as its end was answered")
    require(results.get("adopt") is None or not ends, "a job was ended by whoever had lost it")
    tokens = [one for one in rows.values() if one.status is QueueStatus.ABANDONED and one.claim_token is not None]
    require(not tokens, "a token outlived the claim it was for")
    extension = results.get("extend")
    if extension is not None and extension.prolonged:
        require("reap" not in ends, "a job was settled that was prolonged before")
        require(not is_active or job.lease_until > world.lease.until, "a lease was not prolonged")
    if "extend" in results and is_active:
        require(extension.ours == {world.job_id}, "an owner was told that a job is not its own any more")
    for name in ("write_done", "write_done_without_token"):
        if name in results:
            accepted = not isinstance(results[name], OwnershipLostError)
            held = rows[world.held]
            require((held.status is QueueStatus.DONE) is accepted, f"{name} is not what became of it")
            require(not accepted or held.message is None, "an element was written to after it had been taken away")
    got = [one for name, one in results.items() if name.startswith("claim") and isinstance(one, QueueElement)]
    require(len({one.id for one in got}) == len(got), "an element was handed out twice")
    for one in got:
        now = rows[one.id]
        kept = (now.status, now.claim_token) == (QueueStatus.IN_PROGRESS, one.claim_token)
        require(kept or (now.status is QueueStatus.ABANDONED and not is_active), "a claimed element is not held")
    if results.get("admin_ends_element"):
        require(rows[world.new].status is QueueStatus.DONE, "what an admin had ended was handed out")


def _is_reaped(result: Any) -> bool:
    return isinstance(result, reaping.ReapedJob)


SCENARIOS: dict[str, tuple[Act, ...]] = {
    "claim and finish": (claim, finish),
    "claim and reap": (claim, reap),
    "claim and claim": (claim, claim_by_hand),
    "claim, claim and finish": (claim, claim_by_hand, finish),
    "claim and an admin": (claim_by_hand, admin_ends_element),
    "write and finish": (write_done, finish),
    "write and reap": (write_done, reap),
    "write without token and finish": (write_done_without_token, finish),
    "write without token and reap": (write_done_without_token, reap),
    "set In Progress and finish": (set_in_progress, finish),
    "set In Progress and reap": (set_in_progress, reap),
    "finish and reap": (finish, reap),
    "adopt and finish": (adopt, finish),
    "extend and reap": (extend, reap),
    "extend and finish": (extend, finish),
    "extend, claim and reap": (extend, claim, reap),
}


def go_through(database: Database, scenario: str, *, most: int = MOST) -> int:
    """Go through the orders of a scenario, and return how many there were."""
    world = [make_world(database)]
    acts = {act.__name__: (lambda own, act=act: act(own, world[0])) for act in SCENARIOS[scenario]}
    schedules = Schedules(database, acts, most=most)
    try:
        for results, story in schedules:
            check(database, world[0], results, story)
            world[0] = make_world(database)
    finally:
        schedules.close()
    return schedules.count


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_promise_is_kept_in_any_order_of_statements(database: Database, scenario: str) -> None:
    assert go_through(database, scenario) > 1


# --- the orders find what is broken


def _without(words: str) -> Callable[[pytest.MonkeyPatch], None]:
    def take_out(monkeypatch: pytest.MonkeyPatch) -> None:
        def statement(dialect: sa.Dialect, sql: str, **more: Any) -> DriverStatement:
            for one in words.split("|"):
                sql = sql.replace(one, "")
            return DriverStatement(dialect, sql, **more)

        monkeypatch.setattr(element_statements, "_prepared", {})
        monkeypatch.setattr(element_statements, "DriverStatement", statement)

    return take_out


_claims_do_not_lock_the_job = _without(" FOR SHARE| LOCK IN SHARE MODE")


def _status_writes_do_not_lock_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(element_status, "_depends_on_job_alone", lambda _wanted: False)


def _tokens_stay_on_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the guard on the status hides: the token is not taken, but nobody can write with it."""
    apply_where = element_deaths.apply_where

    def with_token(session: Any, event: Any, *where: Any, values: dict[str, Any]) -> int:
        return apply_where(session, event, *where, values={k: v for k, v in values.items() if k != "claim_token"})

    monkeypatch.setattr(element_deaths, "apply_where", with_token)


def _tokens_outlive_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    _tokens_stay_on_the_row(monkeypatch)
    monkeypatch.setattr(element_status, "_NOBODYS", ())


def _ends_are_not_fenced(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_guards(session: Any, event: Any, row_id: UUID, *_guards: Any, values: Any = None) -> bool:
        return transitions.apply(session, event, row_id, values=values)

    monkeypatch.setattr(runs, "apply", without_guards)


def _reaps_what_was_prolonged(monkeypatch: pytest.MonkeyPatch) -> None:
    as_watched = reaping._as_watched
    monkeypatch.setattr(reaping, "_as_watched", lambda lease, reaper: as_watched(lease, reaper)[:1])


IN_PROGRESS_FOR_EVER = "In Progress for a job that has ended"
TOKEN_LEFT = "a token outlived the claim"
TAKEN_AWAY = "written to after it had been taken away"
MUTANTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str, str]] = {
    "a claim reads its job without a lock": (_claims_do_not_lock_the_job, "claim and finish", IN_PROGRESS_FOR_EVER),
    "the same while others settle it": (_claims_do_not_lock_the_job, "claim and reap", IN_PROGRESS_FOR_EVER),
    "a status write does not lock its job": (
        _status_writes_do_not_lock_the_job,
        "set In Progress and finish",
        IN_PROGRESS_FOR_EVER,
    ),
    "the same without a token": (
        _status_writes_do_not_lock_the_job,
        "write without token and finish",
        TAKEN_AWAY,
    ),
    "tokens outlive the job": (_tokens_outlive_the_job, "write and finish", f"{TAKEN_AWAY}|{TOKEN_LEFT}"),
    "tokens stay on the row": (_tokens_stay_on_the_row, "write and finish", TOKEN_LEFT),
    "the same where a sweep ends the job": (_tokens_stay_on_the_row, "write and reap", TOKEN_LEFT),
    "whoever lost a job ends it": (_ends_are_not_fenced, "adopt and finish", "ended by whoever had lost it"),
    "a sweep takes what was prolonged": (_reaps_what_was_prolonged, "extend and reap", "prolonged before"),
}
"""What is taken out, in which scenario that is seen, and as what."""


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_lock_or_guard_that_is_taken_out_is_missed(
    database: Database, monkeypatch: pytest.MonkeyPatch, mutant: str
) -> None:
    take_out, scenario, broken = MUTANTS[mutant]
    take_out(monkeypatch)
    with pytest.raises(BrokenPromiseError, match=broken):
        go_through(database, scenario, most=500)


@pytest.mark.kinds("postgresql")  # where nothing but the lock on the candidate keeps its status as it was read
def test_a_candidate_that_is_not_locked_is_missed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    _without(" FOR UPDATE SKIP LOCKED")(monkeypatch)
    with pytest.raises(BrokenPromiseError, match=r"handed out|not held"):
        go_through(database, "claim and an admin", most=500)
