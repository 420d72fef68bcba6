"""The runs under way in this scheduler. Must not begin or end any."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from uuid import UUID

from OpenOrchestrator.database.lifecycle.claimed_runs import ClaimedRun
from OpenOrchestrator.scheduler.loop.bell import Bell
from OpenOrchestrator.scheduler.runs.supervised_job import SupervisedJob
from OpenOrchestrator.scheduler.runs.supervisor import Phase, Supervisor


@dataclass(frozen=True, slots=True)
class _Entry:
    supervisor: Supervisor
    claimed: ClaimedRun | None


class RunTable:
    """Who follows which run, and how those went that are over. Safe to use from all threads.

    Args:
        bell: Rung when a run is over, because its place is free then.
    """

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._lock = threading.Lock()
        self._entries: dict[UUID, _Entry] = {}
        self._left = 0
        self._all_succeeded = True

    @property
    def left(self) -> int:
        """How many robots were left to themselves."""
        return self._left

    @property
    def all_succeeded(self) -> bool:
        """Whether every run that is over did what it should."""
        return self._all_succeeded

    def add(self, supervisor: Supervisor, claimed: ClaimedRun | None) -> None:
        """Enter a run before its supervisor begins.

        Args:
            supervisor: Follows it.
            claimed: What was claimed here; None for a run that an earlier scheduler started.
        """
        with self._lock:
            self._entries[supervisor.job.job_id] = _Entry(supervisor, claimed)

    def remove(self, supervisor: Supervisor) -> bool:
        """Take a run out that is over, and ring the bell.

        Returns:
            Whether it was there. False: it was removed before.
        """
        with self._lock:
            if self._entries.pop(supervisor.job.job_id, None) is None:
                return False
            if supervisor.was_left:
                self._left += 1
            if supervisor.ending is None or not supervisor.ending.succeeded:
                self._all_succeeded = False
        self._bell.ring()
        return True

    def supervisors(self) -> list[Supervisor]:
        """Return who follows the runs under way."""
        with self._lock:
            return [entry.supervisor for entry in self._entries.values()]

    def jobs(self) -> list[SupervisedJob]:
        """Return the jobs of the runs under way."""
        return [supervisor.job for supervisor in self.supervisors()]

    def unstarted(self) -> list[tuple[Supervisor, ClaimedRun]]:
        """Return the runs that were claimed here and whose robot was not started yet."""
        with self._lock:
            entries = list(self._entries.values())
        return [
            (entry.supervisor, entry.claimed)
            for entry in entries
            if entry.claimed is not None and entry.supervisor.phase is Phase.PREPARING
        ]

    def host_ended(self, job_id: UUID) -> None:
        """Tell the supervisor of a job that the robot host, a child of this process, has ended."""
        with self._lock:
            entry = self._entries.get(job_id)
        if entry is not None:
            entry.supervisor.host_ended()
