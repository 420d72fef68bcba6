"""The question which priority elements are to have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import ghost, primary
from OpenOrchestrator.orchestrator.components.forms.checks import whole
from OpenOrchestrator.orchestrator.components.forms.confirm import question, take_away
from OpenOrchestrator.orchestrator.components.forms.fields import field, text_input
from OpenOrchestrator.orchestrator.queues.backend.queue_settings import MOST_PRIORITY

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View


async def ask_priority(view: View, total: int, sentences: Sequence[str], *, present: int = 0) -> int | None:
    """Ask which priority elements are to have; None for none.

    Args:
        view: The page.
        total: How many they are.
        sentences: Which.
        present: What the field says at first.
    """
    count = f"{times.number(total)} element{'s' if total != 1 else ''}"
    with view.container, question(f"Set the priority of {count}?", sentences, role="dialog") as (dialog, body):
        with body, field("Priority", hint="A higher one is handed out first; 0 is usual."):
            entered = text_input(
                "Priority",
                str(present),
                check=whole("the priority", -MOST_PRIORITY, MOST_PRIORITY),
                marker="new-priority",
            )

        def accept() -> None:
            if entered.validate():
                dialog.submit(int(str(entered.value).strip()))

        entered.on("keydown.enter", accept)
        with ui.element("div").classes("oo-dialog-f"):
            ghost("Cancel", lambda: dialog.submit(None), marker="cancel")
            primary(f"Set the priority of {count}", accept, marker="confirm-priority")
    try:
        chosen: int | None = await dialog
        return chosen
    finally:
        take_away(dialog)
