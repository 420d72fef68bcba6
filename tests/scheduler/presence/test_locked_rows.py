"""Somebody leaves a transaction open for longer than a lease: no scheduler that is well loses anything."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import trigger_setup as make
from bench import Lines

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import runs
from OpenOrchestrator.database.lifecycle.element_claims import claim_next
from OpenOrchestrator.database.models import Job, QueueElement, Scheduler, Trigger
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.database.stores import schedulers
from OpenOrchestrator.database.stores.schedulers import Beat
from OpenOrchestrator.scheduler.contact import Contact
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.presence.lease_keeper import LeaseKeeper
from OpenOrchestrator.scheduler.presence.reaper import Reaper
from OpenOrchestrator.scheduler.runs.supervisor import Phase

pytestmark = pytest.mark.kinds("postgresql", "mariadb", "mssql")

LEASE = 4.0
"""Seconds; everything else is in proportion."""


@dataclass
class _Named:
    job_id: UUID


@dataclass
class Run:
    """What of a supervisor the keeper of leases looks at."""

    job: _Named
    phase: Phase = Phase.RUNNING
    lost: bool = False

    def lose(self) -> None:
        self.lost = True


@dataclass
class Owner:
    """A scheduler that is well, with runs, leases and heartbeats, and another one that would settle its jobs."""

    database: Database
    identity: Identity = field(default_factory=lambda: Identity("owner"))
    runs: list[Run] = field(default_factory=list)
    names_kept: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        events = Events(Lines())  # type: ignore[arg-type]
        contact = Contact(events)
        supervisors: Any = lambda: self.runs  # noqa: E731
        self.keeper = LeaseKeeper(
            self.database,
            self.identity,
            supervisors=supervisors,
            events=events,
            contact=contact,
            lease_seconds=LEASE,
        )
        self.reaper = Reaper(
            Database(self.database.connection_string, clock=SettableClock(self.database.utc_now())),
            Identity("other"),
            events,
            lease_seconds=LEASE,
            clock=time.monotonic,
        )
        self._over = threading.Event()
        self._others = threading.Thread(target=self._sweep, daemon=True)
        self.trouble: list[Exception] = []

    def start(self) -> None:
        self.keeper.keep()
        self.keeper.start()
        self._others.start()

    def stop(self) -> None:
        self._over.set()
        self._others.join(60)
        self.keeper.stop()

    def _sweep(self) -> None:
        while not self._over.wait(LEASE / 6):
            try:
                beat = schedulers.heartbeat(self.database, self.identity, running_jobs=2)
                self.names_kept.append(beat is not Beat.LOST)
                self.reaper.settle_if_safe()
            except Exception as error:
                self.trouble.append(error)


def test_a_transaction_that_stays_open_for_longer_than_a_lease_costs_nobody_a_job(database: Database) -> None:
    owner = Owner(database)
    schedulers.enroll(
        database,
        owner.identity,
        version="4",
        slots=3,
        pid=1,
        pid_started=0.0,
        host_name="here",
        previous_is_dead=lambda *_: False,
        is_silent=lambda _hold: True,
    )
    for number in range(3):
        make.single(database, str(number))
    # The one that is locked first comes first: whoever waits for it has locked none of the others yet.
    claimed = sorted(make.claim_all(database, owner.identity), key=lambda run: run.job_id)
    assert all(runs.begin_run(database, run) for run in claimed)
    make.add_elements(database, "Q", 1)
    assert claim_next(database, "Q", job_id=claimed[2].job_id) is not None
    owner.runs += [Run(_Named(run.job_id)) for run in claimed]
    owner.start()
    try:
        with database.connection(writing=True) as connection:
            for model, key in (
                (Job, Job.id == claimed[0].job_id),
                (Trigger, Trigger.id == claimed[1].trigger_id),
                (Scheduler, Scheduler.machine_name == "owner"),
                (QueueElement, QueueElement.job_id == claimed[2].job_id),
            ):
                row = sa.select(sa.literal(1)).select_from(model.__table__).where(key)
                assert connection.execute(row.with_for_update()).all()
            threading.Event().wait(2.5 * LEASE)
        threading.Event().wait(1.5 * LEASE)
    finally:
        owner.stop()
    assert [run.lost for run in owner.runs] == [False] * 3
    assert {make.job(database, run.job_id).status for run in claimed} == {JobStatus.RUNNING}
    assert all(owner.names_kept)
    assert owner.trouble == []
    assert len(owner.names_kept) > 5
