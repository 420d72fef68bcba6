"""The question why a queue is to be paused, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import ghost, primary
from OpenOrchestrator.orchestrator.components.forms.checks import at_most, check_end, end_of
from OpenOrchestrator.orchestrator.components.forms.confirm import question, take_away
from OpenOrchestrator.orchestrator.components.forms.fields import field, text_input
from OpenOrchestrator.orchestrator.components.forms.who import WhoField
from OpenOrchestrator.orchestrator.queues.backend.queue_settings import LONGEST_REASON

if TYPE_CHECKING:
    from datetime import datetime

    from OpenOrchestrator.orchestrator.live.view import View
    from OpenOrchestrator.orchestrator.queues.backend.queue_settings import QueuePause, QueueSettingsBackend

_SENTENCES = (
    "Nothing is handed out from it, and its triggers do not start, before the pause ends or it is resumed.",
    "What robots have in hand is finished. Robots of versions before 4.0 do not know pauses of queues.",
)


async def ask_pause(view: View, backend: QueueSettingsBackend, queue: str, present: QueuePause | None) -> bool:
    """Ask why and until when a queue is to be paused, or its pause is to last, and do it. Return whether it was."""
    zone = view.zone
    first = "" if present is None or present.until is None else f"{present.until.astimezone(zone):%Y-%m-%dT%H:%M}"
    verb = f"Pause {queue}" if present is None else f"Change the pause of {queue}"
    with view.container, question(f"{verb}?", _SENTENCES, role="dialog") as (dialog, body):
        with body:
            with field("Reason", hint="Shown on its page and in the list."):
                reason = text_input(
                    "Reason",
                    "" if present is None else present.reason,
                    check=at_most(LONGEST_REASON),
                    placeholder="SAP is closed for maintenance",
                    marker="queue-pause-reason",
                )
            with field("Until", note=f"optional, {times.abbreviated(view.now(), zone)}"):
                until = text_input("Until, date and time", first, marker="queue-pause-until")
                until.props("type=datetime-local")
            who = WhoField()

        def accept() -> None:
            until.error = check_end(str(until.value or ""), view.now(), zone)
            if not reason.validate() or until.error is not None:
                return
            if not str(reason.value or "").strip():
                reason.error = "Say why: everybody who waits for its elements sees it."
                return
            dialog.submit((str(reason.value), who.take(), end_of(str(until.value or ""), zone)))

        with ui.element("div").classes("oo-dialog-f"):
            ghost("Cancel", lambda: dialog.submit(None), marker="cancel")
            primary("Pause" if present is None else "Change", accept, marker="confirm-queue-pause")
    try:
        wish: tuple[str, str | None, datetime | None] | None = await dialog
    finally:
        take_away(dialog)
    if wish is None:
        return False

    async def work() -> bool:
        await backend.pause(queue, *wish)
        return True

    done = f"{queue} is paused" if present is None else "The pause was changed"
    return bool(await view.act(work, name=verb, done=done))
