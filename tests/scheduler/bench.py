"""What the tests of supervisor and keeper share: everything a supervisor needs, without a daemon."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from scheduler_site import Site

from OpenOrchestrator.database.leases import LEASE_SECONDS, Identity
from OpenOrchestrator.database.lifecycle import trigger_claims
from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.database.stores import schedulers
from OpenOrchestrator.scheduler.contact import Contact, elapsed
from OpenOrchestrator.scheduler.events import Events
from OpenOrchestrator.scheduler.presence.keeper import Enrolment, Keeper
from OpenOrchestrator.scheduler.presence.lease_keeper import LeaseKeeper
from OpenOrchestrator.scheduler.presence.reaper import Reaper
from OpenOrchestrator.scheduler.runs.screenshots import Screenshots
from OpenOrchestrator.scheduler.runs.services import Services
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob
from OpenOrchestrator.scheduler.runs.supervisor import Supervisor
from OpenOrchestrator.scheduler.workspace.preparation import RobotPreparation


class Lines:
    """A stream that keeps what is written."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None: ...


class Bench:
    """Everything a supervisor needs, without a daemon."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.identity = Identity("bench")
        self.lines = Lines()
        self.events = Events(self.lines, secrets=[site.key])  # type: ignore[arg-type]
        self.contact = Contact(self.events)
        self.over = threading.Event()
        self.current: Supervisor | None = None
        self.screenshots: Screenshots | None = None
        self.prepare: Any = RobotPreparation(
            site.workspace,
            sys.executable,
            connection_string=site.database.connection_string,
            crypto_key=site.key,
            on_end=lambda _job_id: self.current and self.current.host_ended(),
        )

    def claim(self) -> ClaimedRun:
        due = trigger_claims.due_triggers(self.site.database, scheduler_name="bench").due
        (run,) = trigger_claims.claim(self.site.database, self.identity, due)
        return run

    def supervise(self, run: ClaimedRun) -> Supervisor:
        services = Services(
            database=self.site.database,
            events=self.events,
            contact=self.contact,
            prepare=self.prepare,
            on_over=lambda _supervisor: self.over.set(),
            screenshots=self.screenshots,
        )
        self.current = Supervisor(
            SupervisedJob.of(run),
            services,
        )
        return self.current

    def start(self) -> Supervisor:
        run = self.claim()
        started = self.supervise(run)
        started.start(run)
        return started

    def await_end(self) -> None:
        assert self.over.wait(30), self.site.state() + self.lines.text

    def keeper(self, regain: Callable[[], bool], *, clock: Callable[[], float] = elapsed) -> Keeper:
        return Keeper(
            self.site.database,
            self.identity,
            running_jobs=lambda: len(self.supervisors()),
            events=self.events,
            contact=self.contact,
            enrolment=Enrolment(regain, Reaper(self.site.database, self.identity, self.events, clock=clock)),
            clock=clock,
        )

    def lease_keeper(self, *, lease_seconds: float = LEASE_SECONDS) -> LeaseKeeper:
        return LeaseKeeper(
            self.site.database,
            self.identity,
            supervisors=self.supervisors,
            events=self.events,
            contact=self.contact,
            lease_seconds=lease_seconds,
        )

    def supervisors(self) -> list[Supervisor]:
        return [self.current] if self.current is not None else []

    def enroll(self, identity: Identity) -> None:
        schedulers.enroll(
            self.site.database,
            identity,
            version="4",
            slots=1,
            pid=1,
            pid_started=0.0,
            host_name="here",
            previous_is_dead=lambda *_: False,
            is_silent=lambda _hold: True,
        )
