"""Something that is done with very many elements, step by step."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from nicegui import ui

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.orchestrator.components import feedback, times
from OpenOrchestrator.orchestrator.components.buttons import ghost
from OpenOrchestrator.orchestrator.components.forms.confirm import take_away
from OpenOrchestrator.orchestrator.queues.elements.words import TARGETS, said, verb

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View
    from OpenOrchestrator.orchestrator.queues.backend.matching_elements import (
        BulkStep,
        Matching,
        MatchingElementsBackend,
    )


class BulkProgress:
    """A bulk action on its way: how far it is, and a way to stop it.

    Args:
        view: The page's.
        backend: Does the steps.
        matching: With what.
        action: ``new``, ``abandon``, ``delete`` or ``priority``.
        total: How many there were at first.
        priority: The new one, for ``priority``.
    """

    def __init__(
        self,
        view: View,
        backend: MatchingElementsBackend,
        matching: Matching,
        action: str,
        total: int,
        *,
        priority: int = 0,
    ) -> None:
        self._view = view
        self._backend = backend
        self._matching = matching
        self._action = action
        self._total = total
        self._priority = priority
        self._stopped = False

    async def run(self) -> None:
        """Do it step by step, and say how it went."""
        with self._view.container, ui.dialog().props("persistent") as dialog:
            dialog.props["aria-label"] = verb(self._action)
            with ui.card().classes("oo-dialog").props("flat"):
                with ui.element("div").classes("oo-dialog-b"):
                    with ui.element("h2"):
                        ui.label(f"{verb(self._action)}…")
                    self._text = ui.label().classes("oo-t2").mark("progress")
                    with ui.element("div").classes("oo-progress"):
                        self._bar = ui.element("div").style("width: 0%")
                with ui.element("div").classes("oo-dialog-f"):
                    ghost("Stop", self._stop, marker="stop")
        done = 0
        try:
            done = await self._steps(dialog)
        finally:
            dialog.close()
            take_away(dialog)
            self._view.refresh()
        with self._view.container:
            if self._stopped:
                feedback.done(f"Stopped: {said(self._action, done)}", "What was done stays done.")
            else:
                feedback.done(said(self._action, done))
            if done < self._total and not self._stopped:
                left = times.number(self._total - done)
                feedback.changed_meanwhile(f"{left} of {times.number(self._total)} elements", "They were left alone.")

    async def _steps(self, dialog: ui.dialog) -> int:
        done = 0
        after: tuple[datetime, UUID] | None = None
        shown = False
        while not self._stopped:
            try:
                step = await self._next(after)
            except DatabaseError as error:
                self._stopped = True
                with self._view.container:
                    feedback.failed(f"{verb(self._action)}: the database does not answer", str(error))
                break
            done += step.changed
            after = step.last
            if after is None:
                break
            self._text.set_text(f"{times.number(done)} of {times.number(self._total)}")
            self._bar.style(f"width: {min(100, 100 * done // max(self._total, 1))}%")
            if not shown and done < self._total:
                dialog.open()
                shown = True
        return done

    async def _next(self, after: tuple[datetime, UUID] | None) -> BulkStep:
        if self._action == "delete":
            return await self._backend.delete_next(self._matching, after)
        if self._action == "priority":
            return await self._backend.set_priority_next(self._matching, self._priority, after)
        return await self._backend.set_status_next(self._matching, TARGETS[self._action], after)

    def _stop(self) -> None:
        self._stopped = True
