"""What the tables have to hold after every step of a fleet, read past all of the product's own reading code."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from interleaved_fleet import BUSY, Fleet

from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES
from OpenOrchestrator.database.stores import pools

_JOBS = "SELECT id, trigger_id, status, fence, owner FROM Jobs"
_TRIGGERS = """SELECT t.id, t.process_status, coalesce(s.due_at, c.due_at) FROM Triggers t
    LEFT JOIN Single_Triggers s ON s.id = t.id LEFT JOIN Scheduled_Triggers c ON c.id = t.id"""
_REQUESTS = (
    "SELECT id, run_args, run_scheduler FROM Triggers WHERE run_requested_at IS NOT NULL AND run_args IS NOT NULL"
)
_RETRIES = "SELECT id, retry_of, retry_number FROM Triggers WHERE retry_at IS NOT NULL"
_ARGUMENTS = "SELECT id, process_args FROM Jobs"
_ELEMENTS = "SELECT id, status, job_id, claim_token FROM Queues"
_HELD = "SELECT pools FROM Jobs WHERE status IN ('STARTING', 'RUNNING') AND pools IS NOT NULL"
_TABLES = (
    "Pools",
    "Jobs",
    "Queues",
    "Single_Triggers",
    "Scheduled_Triggers",
    "Queue_Triggers",
    "Triggers",
    "Schedulers",
    "Screens",
)


def empty(connection: sqlite3.Connection) -> None:
    """Delete everything that a fleet left."""
    connection.executescript("BEGIN; " + " ".join(f"DELETE FROM {table};" for table in _TABLES) + " COMMIT")


@dataclass
class Tables:
    """Looks at the tables of a fleet; remembers which due times there were."""

    fleet: Fleet
    connection: sqlite3.Connection
    due_times: dict[UUID, list[str]] = field(default_factory=dict)

    def check(self) -> None:
        """Raise if anything does not hold that always must."""
        triggers = {
            UUID(row[0]): (str(row[1]), None if row[2] is None else str(row[2]))
            for row in self.connection.execute(_TRIGGERS)
        }
        self._check_jobs(triggers)
        self._check_due_times(triggers)
        self._check_wanted()
        self._check_retries()
        self._check_elements()
        self._check_pools()

    def _check_jobs(self, triggers: dict[UUID, tuple[str, str | None]]) -> None:
        fleet = self.fleet
        twice = [key for key, count in fleet.accepted_ends.items() if count > 1]
        fleet.require(not twice, "I1: two ends of a job were accepted for one fence")
        rows = {UUID(row[0]): row[1:] for row in self.connection.execute(_JOBS)}
        fleet.require(rows.keys() == fleet.jobs.keys(), "I4: there are jobs that nobody claimed")
        active: Counter[UUID] = Counter()
        for job_id, (trigger_id, status, fence, owner) in rows.items():
            job = fleet.jobs[job_id]
            fleet.require(status == job.status.name, f"I1: a job is {status} that ended as {job.status.name}")
            if job.holder is not None:
                held = (job.holder.claimed.fence, job.holder.process.identity.instance)
                fleet.require((fence, UUID(owner)) == held, "I3: a job has another holder than the one who was told so")
                active[UUID(trigger_id)] += 1
        at_screen = sum(active[trigger_id] for trigger_id in fleet.on_screen)
        fleet.require(at_screen <= 1, "I9: two robots have the screen of one machine")
        for trigger_id, (status, _due_at) in triggers.items():
            most = fleet.most.get(trigger_id, 1)
            fleet.require(
                active[trigger_id] <= most, f"I4: a trigger has {active[trigger_id]} jobs that have not ended"
            )
            fleet.require((status in BUSY) == bool(active[trigger_id]), f"I2: a trigger is {status} without cause")

    def _check_due_times(self, triggers: dict[UUID, tuple[str, str | None]]) -> None:
        fleet = self.fleet
        began: Counter[tuple[UUID, str]] = Counter()
        cared_for = {(trigger_id, _stored(due_at)) for trigger_id, due_at in fleet.merged}
        for job in fleet.jobs.values():
            if job.due_at is not None:
                key = job.trigger_id, _stored(job.due_at)
                began[key] += job.began
                if job.began or job.is_settled or job.status in ACTIVE_JOB_STATUSES:
                    cared_for.add(key)
        for (trigger_id, due_at), count in began.items():
            most = fleet.runs_allowed.get(trigger_id, 1)
            fleet.require(count <= most, f"I4: {count} runs began for the due time {due_at}")
        asked = {job.trigger_id for job in fleet.jobs.values() if job.due_at is None and job.began}
        for trigger_id, (status, due_at) in triggers.items():
            if due_at is None or (trigger_id == fleet.single and trigger_id in asked):
                continue  # somebody had the single trigger run before its time
            seen = self.due_times.setdefault(trigger_id, [])
            if due_at in seen:  # a start was lost: what was to come after it comes again
                del seen[seen.index(due_at) + 1 :]
            else:
                seen.append(due_at)
            for one in seen:
                still_due = one == due_at and status != "DONE"
                fleet.require(still_due or (trigger_id, one) in cared_for, f"I2: the due time {one} was lost")

    def _check_wanted(self) -> None:
        waiting = {(UUID(row[0]), str(row[1]), row[2]) for row in self.connection.execute(_REQUESTS)}
        arguments = {UUID(row[0]): row[1] for row in self.connection.execute(_ARGUMENTS)}
        expected = set()
        for text, wanted in self.fleet.wanted.items():
            if wanted.job_id is not None:
                self.fleet.require(arguments[wanted.job_id] == text, "I5: a job does not say what it runs with")
            elif not wanted.is_over:
                expected.add((wanted.trigger_id, text, wanted.scheduler))
        self.fleet.require(waiting == expected, "I5: a run that was asked for was lost, or is not wanted any more")

    def _check_retries(self) -> None:
        fleet = self.fleet
        waiting = {UUID(row[0]): (UUID(row[1]), row[2]) for row in self.connection.execute(_RETRIES)}
        expected = {trigger_id: (one.first, one.number) for trigger_id, one in fleet.retries.items()}
        fleet.require(waiting == expected, f"I6: these retries wait: {waiting}, and not these: {expected}")
        began = Counter(one for job_id, one in fleet.attempts.items() if one.number and fleet.jobs[job_id].began)
        fleet.require(all(count == 1 for count in began.values()), "I6: a retry began twice")

    def _check_pools(self) -> None:
        held: Counter[str] = Counter()
        for (text,) in self.connection.execute(_HELD):
            held.update(json.loads(text))
        for pool in self.fleet.sizes:
            expected = self.fleet.holding(pool)
            self.fleet.require(held[pool] == expected, f"I7: {held[pool]} of the pool {pool} is held, not {expected}")
            book = self.fleet.database.read(lambda s: pools.read_book(s.connection()))
            self.fleet.require(book.held(pool) == expected, f"I7: {book.held(pool)} of the pool {pool} counts as held")

    def _check_elements(self) -> None:
        rows = {UUID(row[0]): (str(row[1]), _id(row[2]), _id(row[3])) for row in self.connection.execute(_ELEMENTS)}
        expected = {
            element_id: (facts.status.name, facts.job_id, facts.token)
            for element_id, facts in self.fleet.elements.items()
        }
        self.fleet.require(rows == expected, "I2: the elements are not what the accepted writes made of them")


def _id(value: Any) -> UUID | None:
    return None if value is None else UUID(value)


def _stored(due_at: Any) -> str:
    return str(due_at.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds"))
