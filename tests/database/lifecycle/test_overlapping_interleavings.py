"""The promises of ``test_interleavings`` hold as well where several jobs of one trigger run at the same time.

The same machine, on triggers that have two jobs at once. What is taken out here is what counts them, and what tells the
last one out from the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis.stateful import initialize, precondition, rule
from interleaved_fleet import BrokenInvariantError, Fleet
from test_interleavings import ANY, MORE, Interleavings, _some_process_lives, machine, run, run_from

from OpenOrchestrator.database import transitions
from OpenOrchestrator.database.lifecycle import failed_runs, overlapping_ends, run_endings, trigger_claims
from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.database.stores.running_triggers import ActiveJobs

pytestmark = pytest.mark.kinds("sqlite")

__all__ = ["machine"]


class Overlapping(Interleavings):
    """The machine with triggers of two jobs each, which come to overlap often."""

    def found(self) -> Fleet:
        return Fleet(self.database, most_jobs=2)

    @initialize()
    def begin_with_two(self) -> None:
        self.start_more(0)

    @precondition(_some_process_lives)
    @rule(which=ANY)
    def start_more(self, which: int) -> None:
        """What runs goes on, and more falls due."""
        for _ in range(2):
            self.fleet.add_element()
            self.fleet.pass_time(300)
            self.work(which, "begun")


@pytest.fixture
def overlapping(machine: type[Interleavings]) -> type[Interleavings]:
    """The machine with its databases."""
    return type("Overlapping", (Overlapping,), {"database": machine.database, "connection": machine.connection})


def test_every_promise_is_kept_where_jobs_overlap(overlapping: type[Interleavings]) -> None:
    run(overlapping, examples=MORE or 100, derandomize=not MORE)


def test_jobs_do_overlap(overlapping: type[Interleavings], monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the machine would show nothing."""
    end_among_others, ended = overlapping_ends.end_among_others, []

    def seen(*arguments: Any, **more: Any) -> Any:
        result = end_among_others(*arguments, **more)
        ended.append(result)
        return result

    monkeypatch.setattr(overlapping_ends, "end_among_others", seen)
    monkeypatch.setattr(run_endings, "end_among_others", seen)
    run(overlapping, examples=15, derandomize=True)
    assert TriggerStatus.RUNNING in ended


def _jobs_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    has_room = ActiveJobs.has_room

    def always(self: ActiveJobs, row: Any) -> bool:
        return row.status is TriggerStatus.RUNNING or has_room(self, row)

    monkeypatch.setattr(ActiveJobs, "has_room", always)


def _one_more_is_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    has_room = ActiveJobs.has_room

    def one_more(self: ActiveJobs, row: Any) -> bool:
        closed = row.trigger_id in self.closed
        return has_room(self, row) or (len(self.of(row.trigger_id)) == row.max_jobs == 2 and not closed)

    monkeypatch.setattr(ActiveJobs, "has_room", one_more)


def _claims_do_not_say_that_they_are_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    apply_where = trigger_claims.apply_where

    def unsaid(session: Any, event: Any, *where: Any, values: Any) -> int:
        return apply_where(session, event, *where, values={**values, "status_after": None})

    monkeypatch.setattr(trigger_claims, "apply_where", unsaid)


def _ends_ignore_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlapping_ends, "ALONE", sa.true())
    monkeypatch.setattr(run_endings, "ALONE", sa.true())


def _the_last_one_out_sees_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def apply_nothing(session: Any, event: Any, row_id: Any, *guards: Any, values: Any = None) -> bool:
        last = values is not None and "status_after" in values
        return last or transitions.apply(session, event, row_id, *guards, values=values)

    monkeypatch.setattr(overlapping_ends, "apply", apply_nothing)


def _the_retry_of_another_job_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_runs, "_waiting", lambda _row: None)


MUTANTS: dict[Callable[[pytest.MonkeyPatch], None], str] = {
    _jobs_are_not_counted: "I4|I5",
    _one_more_is_let_in: "I4|I5",
    _claims_do_not_say_that_they_are_beside: "I2",
    _ends_ignore_others: "I2",
    _the_last_one_out_sees_others: "I2|I5|I7",
    _the_retry_of_another_job_is_lost: "I6",
}
"""Which promises each of them breaks. What holds a trigger, and what has not begun, is in ``test_several_jobs``."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__.strip("_"))
def test_a_check_of_overlapping_jobs_that_is_taken_out_is_missed(
    overlapping: type[Interleavings],
    monkeypatch: pytest.MonkeyPatch,
    mutant: Callable[[pytest.MonkeyPatch], None],
) -> None:
    mutant(monkeypatch)
    with pytest.raises(BrokenInvariantError, match=f"^({MUTANTS[mutant]}): "):
        run_from(1, overlapping)
