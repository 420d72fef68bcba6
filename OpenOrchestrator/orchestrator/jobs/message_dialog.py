"""The full text of one log message."""

from __future__ import annotations

from datetime import tzinfo

from nicegui import ui

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import copy_button, ghost
from OpenOrchestrator.orchestrator.components.forms.confirm import take_away
from OpenOrchestrator.orchestrator.components.vocabulary import LOG_LOOKS, pill
from OpenOrchestrator.orchestrator.jobs.backend.messages import JobMessage


async def show_message(row: JobMessage, zone: tzinfo) -> None:
    """Show a message until it is closed."""
    with ui.dialog() as dialog, ui.card().classes("oo-dialog oo-broad").props('flat role="dialog"') as card:
        card.props["aria-label"] = "Log message"
        with ui.element("div").classes("oo-dialog-b"):
            with ui.element("div").classes("oo-row"):
                pill(LOG_LOOKS[row.level])
                ui.label(times.full(times.from_site(row.time, zone), zone)).classes("oo-t2 oo-el")
                ui.element("span").classes("oo-sp")
                copy_button(row.message, "Copy the message")
            text = ui.label(row.message).classes("oo-message-text").mark("log-text")
            text.props["tabindex"] = "0"
        with ui.element("div").classes("oo-dialog-f"):
            ghost("Close", dialog.close, marker="close-log").props("autofocus")
    try:
        await dialog
    finally:
        take_away(dialog)
