"""What is done with jobs: killing one, and running it again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
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
        others_run = 0
        if row.trigger_id is not None:
            trigger_id = row.trigger_id
            found = await self._view.act(lambda: self._backend.running_of(trigger_id), name=f"Kill {row.name}")
            if found is None:
                return
            others_run = sum(job.id != row.id for job in found)
        if others_run:
            await self._kill_among(row, others_run)
            return
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
        await self._ask_scheduler(row, self._backend.kill if way == "kill" else self._backend.stop_run, way)

    async def _kill_among(self, row: JobRow, others_run: int) -> None:
        """Ask, then have the robot of one of several jobs of a trigger stopped, or those of all of them."""
        count = others_run + 1
        others = "does the other job" if others_run == 1 else f"do the {others_run} other jobs"
        sentences = [
            f"The robot of {row.name} on {row.scheduler} is stopped at once, wherever it is in its work.",
            f"If only this run is stopped, its trigger goes on, and so {others} of it.",
            f"If all {count} jobs are killed, the trigger will not run again before it is enabled.",
        ]
        alone = Way("stop-run", "Stop this run only", dangerous=True)
        way = await choose(f"Kill {row.name}?", sentences, alone, Way("kill", f"Kill all {count} jobs", dangerous=True))
        if way == "kill":
            await self._ask_scheduler(row, lambda job_id: self._backend.kill(job_id, with_others=True), way)
        elif way is not None:
            await self._ask_scheduler(row, self._backend.stop_run, way)

    async def stop_run(self, row: JobRow) -> None:
        """Have the robot of a job stopped, and its trigger go on, without a question."""
        await self._ask_scheduler(row, self._backend.stop_run, "stop-run")

    async def _ask_scheduler(self, row: JobRow, work: Callable[[UUID], Awaitable[bool]], way: str) -> None:
        asked = f"Kill of {row.name}" if way == "kill" else f"Stop of the run of {row.name}"
        await self._view.act(
            lambda: work(row.id),
            name=f"Kill {row.name}",
            done=f"{asked} was requested",
            lost="It has ended or another job began meanwhile, or somebody else asked. This page shows the new state.",
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
