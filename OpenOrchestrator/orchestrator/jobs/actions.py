"""What is done with jobs: killing one, and running its trigger again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from OpenOrchestrator.database.statuses import BUSY_TRIGGER_STATUSES, TriggerStatus
from OpenOrchestrator.orchestrator.components.forms.confirm import Way, choose
from OpenOrchestrator.orchestrator.jobs.backend.jobs import STOPPED_STATUSES, JobsBackend
from OpenOrchestrator.orchestrator.jobs.backend.rows import JobRow

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View


class JobActions:
    """Actions of one page.

    Args:
        view: The page.
        backend: Does them.
    """

    def __init__(self, view: View, backend: JobsBackend) -> None:
        self._view = view
        self._backend = backend

    async def kill(self, row: JobRow) -> None:
        """Ask, then have the robot of a job stopped."""
        sentences = [f"The robot of {row.name} on {row.scheduler} is stopped at once, wherever it is in its work."]
        if row.trigger_status in BUSY_TRIGGER_STATUSES:
            sentences.append("Its trigger will not run again before it is enabled.")
        others = []
        if row.trigger_status is TriggerStatus.RUNNING:
            sentences.append("If only this run is stopped, its trigger runs again when due.")
            others.append(Way("stop-run", "Stop this run only", dangerous=True))
        way = await choose(f"Kill {row.name}?", sentences, Way("kill", f"Kill {row.name}", dangerous=True), *others)
        if way is None:
            return
        work = self._backend.kill if way == "kill" else self._backend.stop_run
        asked = f"Kill of {row.name}" if way == "kill" else f"Stop of the run of {row.name}"
        await self._view.act(
            lambda: work(row.id),
            name=f"Kill {row.name}",
            done=f"{asked} was requested",
            lost="It has ended meanwhile, or somebody else asked for it. This page shows the new state.",
        )

    async def run_again(self, row: JobRow) -> bool:
        """Ask for a run of the trigger of a job; returns whether it was asked for."""
        trigger_id = row.trigger_id
        if trigger_id is None:
            return False
        stopped = row.trigger_status in STOPPED_STATUSES
        requested = await self._view.act(
            lambda: self._backend.run_again(trigger_id),
            name=f"Run {row.name}",
            done=f"{row.name} was enabled and a run requested" if stopped else f"A run of {row.name} was requested",
        )
        return bool(requested)
