"""What is done with jobs: killing one, and running its trigger again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from OpenOrchestrator.orchestrator.components.forms.confirm import confirm
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
        sentence = f"The robot of {row.name} on {row.scheduler} is stopped at once, wherever it is in its work."
        if await confirm(f"Kill {row.name}?", [sentence], action=f"Kill {row.name}"):
            await self._view.act(
                lambda: self._backend.kill(row.id),
                name=f"Kill {row.name}",
                done=f"Kill of {row.name} was requested",
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
