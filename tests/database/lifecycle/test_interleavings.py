"""Any interleaving of what schedulers, robots, admins and crashes do keeps the promises of the database.

A state machine takes the steps of a fleet in any order and looks at the tables after each. That the machine would find
a broken promise is shown by taking out the checks that keep it, one at a time: each of these mutants has to fail.

The ordinary run takes few examples, always the same. More of them, and others each time:
``INTERLEAVINGS=2000 python -m pytest tests/database/lifecycle/test_interleavings.py -k every_promise``
"""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from uuid import UUID

import pytest
import sqlalchemy as sa
from breaking_database import BreakingDatabase
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from interleaved_fleet import ADMIN, BEGIN, LABEL, BrokenInvariantError, Fleet, Process
from interleaved_tables import Tables, empty

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database import transitions
from OpenOrchestrator.database.engine import driver_errors
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.lifecycle import (
    claimed_runs,
    due_times,
    element_status,
    ownership,
    pool_limit,
    reaping,
    run_endings,
    runs,
    screens,
    trigger_claims,
)
from OpenOrchestrator.database.statuses import JobStatus, QueueStatus, TriggerStatus
from OpenOrchestrator.database.stores import pools, schedulers, trigger_rows, waiting_retries
from OpenOrchestrator.database.transitions import TriggerEvent

pytestmark = pytest.mark.kinds("sqlite")

MORE = int(os.environ.get("INTERLEAVINGS", "0"))
ANY = st.integers(0, 3)
ANY_RUN = st.integers(0, 5)
SILENCE = st.sampled_from([0, 31])
MEANWHILE = st.sampled_from(["nothing", "begin", "prolong", "finish"])
NAMES = st.sampled_from(["a", "b"])
T = TypeVar("T")


def _some_process_lives(machine: Any) -> bool:
    return any(process.alive for process in machine.fleet.processes)


def _recent(things: list[T], back: int) -> T:
    return things[-1 - back % len(things)]


class Interleavings(RuleBasedStateMachine):
    """Everything that anybody can do, one step at a time. ``which`` counts from the latest."""

    database: BreakingDatabase
    connection: sqlite3.Connection

    def __init__(self) -> None:
        super().__init__()
        empty(self.connection)
        self.database.clock.now = self.database.database_clock.now = BEGIN
        self.database.commit_breaks = None
        self.fleet = self.found()
        self.tables = Tables(self.fleet, self.connection)
        self.fleet.add_element()
        self.fleet.start("a")
        self.fleet.start("b")
        self.tables.check()

    def found(self) -> Fleet:
        """Return the fleet that does all this."""
        return Fleet(self.database)

    @invariant()
    def every_promise_is_kept(self) -> None:
        self.tables.check()

    def _process(self, which: int) -> Process:
        return _recent([process for process in self.fleet.processes if process.alive], which)

    @initialize(far=st.sampled_from(["not at all", "claimed", "begun"]))
    def begin_at_work(self, far: str) -> None:
        if far != "not at all":
            self.work(0, far)
        if far == "begun":
            self.fleet.take(self.fleet.runs[0])

    # --- schedulers

    @rule(name=NAMES, takes_over=st.booleans())
    def start(self, name: str, takes_over: bool) -> None:
        if takes_over:
            self.fleet.pass_time(31)
        process = self.fleet.start(name)
        if process is not None and takes_over:
            for job in self.fleet.find(process):
                self.fleet.adopt(process, job)

    @precondition(_some_process_lives)
    @rule(which=ANY)
    def crash(self, which: int) -> None:
        self.fleet.crash(self._process(which))

    @precondition(_some_process_lives)
    @rule(which=ANY, name=st.booleans())
    def prolong(self, which: int, name: bool) -> None:
        (self.fleet.prolong_name if name else self.fleet.prolong_jobs)(self._process(which))

    @precondition(_some_process_lives)
    @rule(which=ANY)
    def look(self, which: int) -> None:
        process = self._process(which)
        self.fleet.poll(process)
        self.fleet.find(process)

    @precondition(lambda self: self.fleet.living(self.fleet.views))
    @rule(which=ANY)
    def claim(self, which: int) -> None:
        views = self.fleet.living(self.fleet.views)
        self.fleet.claim(*views[which % len(views)])  # the older, the more may have changed since

    @precondition(_some_process_lives)
    @rule(which=ANY, trigger=ANY, requires=st.booleans())
    def change_labels_before_a_claim(self, which: int, trigger: int, requires: bool) -> None:
        process = self._process(which)
        due = self.fleet.poll(process)
        self.fleet.require_labels(_recent(list(self.fleet.triggers), trigger), *((LABEL,) if requires else ()))
        self.fleet.claim(process, due)

    @precondition(lambda self: self.fleet.living(self.fleet.found))
    @rule(which=ANY)
    def adopt(self, which: int) -> None:
        self.fleet.adopt(*_recent(self.fleet.living(self.fleet.found), which))

    @precondition(_some_process_lives)
    @rule(which=ANY, far=st.sampled_from(["claimed", "begun", "done"]))
    def work(self, which: int, far: str) -> None:
        process, before = self._process(which), len(self.fleet.runs)
        self.fleet.claim(process, self.fleet.poll(process))
        for run in self.fleet.runs[before:] if far != "claimed" else ():
            self.fleet.begin(run)
            if far == "done":
                self.fleet.finish(run, JobStatus.DONE)

    @precondition(lambda self: self.fleet.living_runs())
    @rule(which=ANY_RUN, what=st.sampled_from(["begin", "record", "give back"]))
    def go_on(self, which: int, what: str) -> None:
        act = {"begin": self.fleet.begin, "record": self.fleet.record, "give back": self.fleet.give_back}[what]
        act(_recent(self.fleet.living_runs(), which))

    @precondition(lambda self: self.fleet.living_runs())
    @rule(which=ANY_RUN, status=st.sampled_from([JobStatus.DONE, JobStatus.FAILED, JobStatus.KILLED]))
    def finish(self, which: int, status: JobStatus) -> None:
        run = _recent(self.fleet.living_runs(), which)
        self.fleet.finish(run, status if run.began or status is not JobStatus.DONE else JobStatus.FAILED)

    @precondition(_some_process_lives)
    @rule(
        silence=SILENCE, which=ANY, meanwhile=st.sampled_from(["nothing", "begin", "prolong", "finish"]), other=ANY_RUN
    )
    def sweep(self, silence: int, which: int, meanwhile: str, other: int) -> None:
        self.fleet.pass_time(silence)
        act: Callable[[], None] | None = None
        if self.fleet.living_runs() and meanwhile != "nothing":
            run = _recent(self.fleet.living_runs(), other)
            act = {
                "begin": lambda: self.fleet.begin(run),
                "prolong": lambda: self.fleet.prolong_jobs(run.process),
                "finish": lambda: self.fleet.finish(run, JobStatus.FAILED),
            }[meanwhile]
        self.fleet.sweep(self._process(which), act)

    # --- robots and their elements

    @rule(which=ANY, by_hand=st.booleans())
    def take(self, which: int, by_hand: bool) -> None:
        robots = [run for run in self.fleet.runs if run.began]
        self.fleet.take(None if by_hand or not robots else _recent(robots, which))

    @precondition(lambda self: self.fleet.held)
    @rule(which=ANY, status=st.sampled_from(QueueStatus))
    def write_element(self, which: int, status: QueueStatus) -> None:
        self.fleet.write_element(_recent(self.fleet.held, which), status)

    @rule(which=ANY, new=st.booleans())
    def supply(self, which: int, new: bool) -> None:
        if new:
            self.fleet.add_element()
        else:
            self.fleet.put_back(_recent(list(self.fleet.elements), which))

    # --- admins, time and the network

    @rule(which=ANY, what=st.sampled_from(sorted(ADMIN)))
    def decide(self, which: int, what: str) -> None:
        self.fleet.decide(_recent(list(self.fleet.triggers), which), what)

    @rule(which=ANY, scheduler=st.sampled_from([None, "a", "b"]))
    def want(self, which: int, scheduler: str | None) -> None:
        self.fleet.want(_recent(list(self.fleet.triggers), which), scheduler)

    @rule(seconds=st.sampled_from([10, 31, 300]))
    def pass_time(self, seconds: int) -> None:
        self.fleet.pass_time(seconds)

    @rule(hours=st.sampled_from([-24, -1, 1, 24]))
    def set_clocks(self, hours: int) -> None:
        self.fleet.set_clocks(hours)

    @rule(saved=st.booleans())
    def break_the_next_commit(self, saved: bool) -> None:
        self.fleet.break_the_next_commit(saved)


class InterleavingsOfPools(Interleavings):
    """The same, where the triggers need pools that are not enough for all of them, and whose sizes somebody changes."""

    def found(self) -> Fleet:
        needs = ({"A": 1}, {"A": 1, "B": 1}, {"B": 2})
        return Fleet(self.database, needs=needs, sizes={"A": 1, "B": 2})

    @rule(pool=st.sampled_from(["A", "B"]), size=st.integers(0, 2))
    def resize(self, pool: str, size: int) -> None:
        self.fleet.resize(pool, size)


@pytest.fixture
def machine(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Interleavings]]:
    """The machine on a database of its own, in which nothing depends on chance or on this machine's clock."""
    breaking = BreakingDatabase(database.connection_string, clock=SettableClock())
    connection = sqlite3.connect(str(breaking.engine.url.database), isolation_level=None)
    numbers = itertools.count(1)
    monkeypatch.setattr(claimed_runs, "uuid4", lambda: UUID(int=next(numbers)))
    monkeypatch.setattr(driver_errors, "is_disconnect", lambda error, _name: error.connection_invalidated)
    yield type("Interleavings", (Interleavings,), {"database": breaking, "connection": connection})
    connection.close()
    breaking.close()


def run(machine: type[Interleavings], *, examples: int, steps: int = 40, **more: Any) -> None:
    """Run the machine; quietly, because what is broken says itself what had happened."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if MORE else [Phase.generate],
        **more,
    )
    run_state_machine_as_test(machine, settings=chosen)


def run_from(start: int, machine: type[Interleavings]) -> None:
    """Run the machine from a seed that soon finds something with one version of Hypothesis, and later with others."""
    run(seed(start)(machine), examples=40)
    run(seed(start)(machine), examples=1000)


def test_every_promise_is_kept_in_any_interleaving(machine: type[Interleavings]) -> None:
    run(machine, examples=MORE or 100, derandomize=not MORE)


def test_every_promise_is_kept_where_pools_are_scarce(machine: type[Interleavings]) -> None:
    run(_of_pools(machine), examples=MORE or 60, derandomize=not MORE)


def _of_pools(machine: type[Interleavings]) -> type[Interleavings]:
    values = {"database": machine.database, "connection": machine.connection}
    return type("InterleavingsOfPools", (InterleavingsOfPools,), values)


# --- the machine finds what is broken


def _no_fence_of_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """All guards that runs hands over are about the fence."""

    def without_guards(session: Any, event: Any, row_id: UUID, *_guards: Any, values: Any = None) -> bool:
        return transitions.apply(session, event, row_id, values=values)

    monkeypatch.setattr(runs, "apply", without_guards)


def _finish_without_its_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is ended by whoever once had it; everything else about it is still fenced."""
    endings = frozenset(runs._JOB_EVENTS.values())

    def unfenced_ends(session: Any, event: Any, row_id: UUID, *guards: Any, values: Any = None) -> bool:
        return transitions.apply(session, event, row_id, *(() if event in endings else guards), values=values)

    monkeypatch.setattr(runs, "apply", unfenced_ends)


def _no_fence_of_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    guards = element_status.guards_of
    monkeypatch.setattr(element_status, "guards_of", lambda wanted: guards(wanted)[:-2])


def _leases_last_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every lease that is given is over at once."""
    now = ownership.DatabaseUtcNow
    for module in (ownership, runs, claimed_runs):
        monkeypatch.setattr(module, "DatabaseUtcNow", lambda seconds=0.0: now(min(seconds, 0.0)))


def _no_second_look_at_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep that settles whatever it found at its first look."""
    as_watched = reaping._as_watched
    monkeypatch.setattr(reaping, "_as_watched", lambda lease, reaper: as_watched(lease, reaper)[:1])


def _no_lease_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedulers, "_has_run_out", lambda _database: sa.true())


def _no_status_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every event is possible in every state; from where it was not, it leads where it usually does."""
    moves_of = transitions.moves_of

    def from_anywhere(event: Any) -> dict[Any, Any]:
        moves = moves_of(event)
        usual = next(iter(moves.values()))
        return {state: moves.get(state, usual) for state in type(usual)}

    monkeypatch.setattr(transitions, "moves_of", from_anywhere)


def _due_times_are_not_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_times, "_set_next", lambda *_: True)


def _elements_stay_with_ended_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaping, "abandon_elements", lambda *_: None)
    monkeypatch.setattr(runs, "abandon_elements", lambda *_: None)


def _retries_are_not_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_retries, "NONE", {})


def _killed_runs_are_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry is decided on whatever was asked for meanwhile."""
    moves_of = transitions.moves_of

    def also_from_killing(event: Any) -> Any:
        moves = dict(moves_of(event))
        return moves | {TriggerStatus.KILLING: TriggerStatus.IDLE} if event is TriggerEvent.FAIL_AND_RETRY else moves

    monkeypatch.setattr(transitions, "moves_of", also_from_killing)


def _nobody_sees_that_a_run_is_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trigger_rows, "waiting_retry", lambda _values: None)


def _a_retry_that_did_not_begin_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_endings, "_wait_again", lambda *_: None)


def _the_screen_is_free_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens.OneScreen, "_lock", lambda _self: True)


def _who_has_the_screen_is_not_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens, "note_holder", lambda *_, **__: None)


def _one_claim_takes_the_screen_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens.OneScreen, "take", lambda *_: None)


def _a_claim_does_not_look_at_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trigger_claims, "missing", lambda *_: ())


MUTANTS = {
    _the_screen_is_free_for_all: ("I9", 0),
    _who_has_the_screen_is_not_noted: ("I9", 0),
    _one_claim_takes_the_screen_twice: ("I9", 0),
    _a_claim_does_not_look_at_labels: ("I8", 0),
    _no_fence_of_jobs: ("I1|I3", 1),
    _finish_without_its_fence: ("I1", 1),
    _no_fence_of_elements: ("I1", 4),
    _leases_last_no_time: ("I3", 1),
    _no_second_look_at_the_lease: ("I3", 1),
    _no_lease_of_names: ("I3", 0),
    _no_status_guard: ("I1|I2|I3|I4|I6", 0),
    _due_times_are_not_used_up: ("I4", 4),
    _elements_stay_with_ended_jobs: ("I2", 6),
    _retries_are_not_used_up: ("I6", 0),
    _killed_runs_are_retried: ("I6", 2),
    _nobody_sees_that_a_run_is_a_retry: ("I6", 0),
    _a_retry_that_did_not_begin_is_forgotten: ("I6", 11),
}
"""Which promises each of them breaks, and a seed that comes to it within 40 examples; others need up to hundreds."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__.strip("_"))
def test_a_check_that_is_taken_out_is_missed(
    machine: type[Interleavings], monkeypatch: pytest.MonkeyPatch, mutant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    promises, start = MUTANTS[mutant]
    mutant(monkeypatch)
    with pytest.raises(BrokenInvariantError, match=f"^({promises}): "):
        run_from(start, machine)


def _claims_do_not_look_at_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_limit.PoolLimit, "has_room", lambda *_: True)


def _ended_jobs_go_on_holding(monkeypatch: pytest.MonkeyPatch) -> None:
    every = sa.select(*pools._HOLDERS.selected_columns).where(pools._JOBS.c.pools.is_not(None))
    monkeypatch.setattr(pools, "_HOLDERS", every)


def _taken_is_not_counted_within_a_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_limit.PoolShares, "take", lambda *_: None)


MUTANTS_OF_POOLS = (
    _claims_do_not_look_at_pools,
    _ended_jobs_go_on_holding,
    _taken_is_not_counted_within_a_claim,
)


@pytest.mark.parametrize("mutant", MUTANTS_OF_POOLS, ids=lambda mutant: mutant.__name__.strip("_"))
def test_a_check_of_pools_that_is_taken_out_is_missed(
    machine: type[Interleavings], monkeypatch: pytest.MonkeyPatch, mutant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    mutant(monkeypatch)
    with pytest.raises(BrokenInvariantError, match=r"^I7: "):
        run_from(0, _of_pools(machine))
