"""What is done with triggers, one or many: the questions before, the toasts after, and why something cannot be done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.statuses import BUSY_TRIGGER_STATUSES, TriggerStatus, TriggerType
from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm, listing
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.backend.triggers import TriggersBackend
from OpenOrchestrator.orchestrator.triggers.reasons import reasons

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View

_VERBS = {"run": "Run", "enable": "Enable", "disable": "Pause", "kill": "Kill", "delete": "Delete"}
_DONE = {
    "run": "A run of {} was requested",
    "enable": "{} was enabled",
    "disable": "{} was paused",
    "kill": "Kill of {} was requested",
    "delete": "{} was deleted",
}
_DONE_MANY = {
    "run": "Runs of {} triggers were requested",
    "enable": "{} triggers were enabled",
    "disable": "{} triggers were paused",
    "kill": "Kill of {} triggers was requested",
    "delete": "{} triggers were deleted",
}


class TriggerActions:
    """Actions of one page.

    Args:
        view: The page.
        backend: Does them.
    """

    def __init__(self, view: View, backend: TriggersBackend) -> None:
        self._view = view
        self._backend = backend
        self._requested: dict[UUID, datetime] = {}

    async def one(self, action: str, row: ListedTrigger) -> None:
        """Do something with one trigger: ``run``, ``enable``, ``disable``, ``kill`` or ``delete``."""
        if not await self._meant(action, [row]):
            return
        done = _DONE[action].format(row.name)
        if action == "disable" and row.status is TriggerStatus.RUNNING:
            done = f"{row.name} is paused when its job ends"
        work = self._work(action)
        if (
            await self._view.act(lambda: work(row.id), name=f"{_VERBS[action]} {row.name}", done=done)
            and action == "run"
        ):
            self._requested[row.id] = self._latest(row)

    async def many(self, action: str, rows: Sequence[ListedTrigger]) -> bool:
        """Do something with several triggers, each on its own; returns whether it was begun."""
        possible = [row for row in rows if action == "delete" or not reasons(row)[action]]
        if not possible:
            feedback.failed(f"{_VERBS[action]}: none of the selected triggers allows it now")
            return False
        if not await self._meant(action, possible):
            return False
        lost: list[str] = []
        work = self._work(action)
        try:
            for row in possible:
                if not await work(row.id):
                    lost.append(row.name)
                elif action == "run":
                    self._requested[row.id] = self._latest(row)
        except DatabaseError as error:
            feedback.failed(f"{_VERBS[action]}: the database does not answer", str(error))
            return False
        finally:
            self._view.refresh()
        count = len(possible) - len(lost)
        if count:
            done = _DONE[action].format(possible[0].name) if len(possible) == 1 else _DONE_MANY[action].format(count)
            skipped = len(rows) - len(possible)
            feedback.done(done, f"{skipped} did not allow it." if skipped else None)
        if lost:
            feedback.changed_meanwhile(f"{_VERBS[action]} {listing(lost)}")
        return True

    def seen(self, rows: Sequence[ListedTrigger]) -> None:
        """Look whether a run that was asked for here has started, and offer its job."""
        for row in rows:
            before = self._requested.get(row.id)
            if before is not None and row.runs and row.runs[-1].started > before:
                del self._requested[row.id]
                feedback.done(f"{row.name} was started", link=("Open job", f"/jobs/{row.runs[-1].job_id}"))

    def _latest(self, row: ListedTrigger) -> datetime:
        return row.runs[-1].started if row.runs else datetime.min  # noqa: DTZ901  (site time is naive)

    def _work(self, action: str) -> Callable[[UUID], Awaitable[bool]]:
        backend = self._backend
        works: dict[str, Callable[[UUID], Awaitable[bool]]] = {
            "run": backend.run_now,
            "enable": backend.enable,
            "disable": backend.disable,
            "kill": backend.kill,
            "delete": backend.delete,
        }
        return works[action]

    async def _meant(self, action: str, rows: Sequence[ListedTrigger]) -> bool:
        names = listing([row.name for row in rows])
        what = rows[0].name if len(rows) == 1 else f"{len(rows)} triggers"
        if action == "delete":
            running = [row.name for row in rows if row.status in BUSY_TRIGGER_STATUSES]
            sentences = [f"{names} will not run again.", "The jobs and logs stay."]
            if running:
                sentences.append(f"{listing(running)}: the robot that runs now is not stopped.")
            return await confirm(f"Delete {what}?", sentences, action=f"Delete {what}")
        if action == "kill":
            return await confirm(
                f"Kill {what}?",
                [f"The robot of {names} is stopped at once, wherever it is in its work."],
                action=f"Kill {what}",
            )
        if action == "enable":
            again = [row for row in rows if row.type is TriggerType.SINGLE and self._is_past(row)]
            if again:
                return await confirm(
                    f"Enable {what}?",
                    [f"The date of {listing([row.name for row in again])} is past: it runs at once."],
                    action=f"Enable {what}",
                    dangerous=False,
                )
        return True

    def _is_past(self, row: ListedTrigger) -> bool:
        now = self._view.now().astimezone(self._view.zone).replace(tzinfo=None)
        return row.next_run is not None and row.next_run <= now
