"""The whole life of runs and elements while the driver raises its own errors at random calls."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
import sqlalchemy as sa
import trigger_setup as make
from breaking_driver import LOST, UNDONE, Moment, break_driver

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import element_claims, element_status, ownership, runs, trigger_claims
from OpenOrchestrator.database.models import QueueElement
from OpenOrchestrator.database.statuses import JobStatus, QueueStatus, TriggerStatus

RUNS = 4
ELEMENTS = 12
HERE, THERE = Identity("here"), Identity("there")


class Dice:
    """Raises an error of the driver at one in so many calls; always the same ones for a seed."""

    def __init__(self, kind: str, seed: int, one_in: int) -> None:
        self._kind = kind
        self._random = random.Random(seed)
        self._one_in = one_in
        self.raised: Counter[tuple[Moment, str]] = Counter()
        self.is_on = True

    def __call__(self, moment: Moment, sql: str) -> BaseException | None:
        if not self.is_on or self._random.randrange(self._one_in) or sql.startswith(("SET", "PRAGMA")):
            return None
        lost, undone = LOST[self._kind], UNDONE[self._kind]
        errors = lost if moment is Moment.AFTER_COMMIT else (*lost, *undone)
        error = self._random.choice(errors)()
        self.raised[moment, type(error).__name__] += 1
        return error


@pytest.mark.kinds("sqlite", "postgresql", "mariadb")
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost_or_done_twice_whatever_the_driver_raises(
    database: Database, clock: SettableClock, seed: int
) -> None:
    own = Database(database.connection_string, clock=clock)
    dice = Dice(own.dialect_name, seed, one_in=5)
    waits: list[float] = []
    own._attempts = replace(own._attempts, sleep=waits.append)
    break_driver(own, dice)
    triggers = [make.single(database, f"trigger {number}") for number in range(RUNS)]
    make.add_elements(database, "Q", ELEMENTS)

    due = trigger_claims.due_triggers(own, scheduler_name="here").due
    claimed = trigger_claims.claim(own, HERE, due)
    assert {run.trigger_id for run in claimed} == set(triggers)
    assert trigger_claims.claim(own, THERE, due) == ()
    for run in claimed:
        assert runs.begin_run(own, run)
    ids = {run.job_id for run in claimed}
    assert ownership.extend(own, HERE, ids).prolonged == ids

    lost, *alive = claimed
    taken = []
    while (element := element_claims.claim_next(own, "Q", job_id=alive[len(taken) % len(alive)].job_id)) is not None:
        taken.append(element.id)
        wanted = element_status.StatusWrite(
            element_id=element.id,
            status=QueueStatus.DONE,
            message=None,
            job_id=element.job_id,
            token=element.claim_token,
        )
        assert element_status.write_status(own, wanted) is None
    assert len(taken) == len(set(taken)) == ELEMENTS

    make.expire(database, lost.job_id)
    assert [job.job_id for job in make.reap(own, "there")] == [lost.job_id]
    accepted = [
        runs.finish(own, run.job_id, run.fence, status=status, exit_code=code, reason=None)
        for run in claimed
        for status, code in ((JobStatus.DONE, 0), (JobStatus.FAILED, 1))
    ]
    assert accepted == [False, False, *[True, False] * len(alive)]
    own.close()

    jobs = {job.id: job.status for job in make.jobs(database)}
    assert jobs == {lost.job_id: JobStatus.LOST, **{run.job_id: JobStatus.DONE for run in alive}}
    assert make.trigger(database, lost.trigger_id).process_status is TriggerStatus.FAILED
    statuses = database.read(lambda session: Counter(session.scalars(sa.select(QueueElement.status))))
    assert statuses == {QueueStatus.DONE: ELEMENTS}
    assert sum(dice.raised.values()) > 10, "the errors did not reach the calls"
    assert len(waits) <= sum(dice.raised.values()), "more was tried again than was refused"
