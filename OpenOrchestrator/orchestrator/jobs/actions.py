"""What is done with jobs: killing one, and running it again."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from OpenOrchestrator.database.statuses import BUSY_TRIGGER_STATUSES, TriggerStatus
from OpenOrchestrator.orchestrator.components.forms.confirm import Way, choose
from OpenOrchestrator.orchestrator.jobs.backend.jobs import JobsBackend
from OpenOrchestrator.orchestrator.jobs.backend.rows import JobRow
from OpenOrchestrator.orchestrator.jobs.backend.run_once import RunOnceBackend, RunPlan
from OpenOrchestrator.orchestrator.jobs.run_dialog import ask_run

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
        self._runs = RunOnceBackend(view.database, view.clock)

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
        """Ask with which arguments and where a job is to be run again; returns whether that was asked for."""
        plan = await self._view.act(lambda: self._runs.of_job(row.id), name=f"Run {row.name} again")
        return plan is not None and await self._run_once(plan)

    async def run_trigger_once(self, trigger_id: UUID, name: str) -> bool:
        """Ask with which arguments and where a trigger is to be run; returns whether that was asked for."""
        plan = await self._view.act(lambda: self._runs.of_trigger(trigger_id), name=f"Run {name} once")
        return plan is not None and await self._run_once(plan)

    async def _run_once(self, plan: RunPlan) -> bool:
        with self._view.container:
            wish = await ask_run(plan)
        if wish is None:
            return False
        enabled = f"{plan.name} was enabled and a run requested"
        return bool(
            await self._view.act(
                lambda: self._runs.ask(plan, wish),
                name=f"Run {plan.name}",
                done=enabled if wish.enable else f"A run of {plan.name} was requested",
                lost="It runs by now, or a run of it is waiting. This page shows the new state.",
            )
        )
