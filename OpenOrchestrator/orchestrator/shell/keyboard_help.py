"""What the keys do."""

from __future__ import annotations

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import secondary

KEYS = (
    ("Ctrl K", "Go to a page, trigger, queue or case"),
    ("/", "Filter the list"),
    ("j  k", "Next and previous row"),
    ("x", "Select the row"),
    ("Enter", "Open the row"),
    ("r", "Run the row's trigger now"),
    ("p", "Pause or enable it"),
    ("e", "Edit it"),
    ("Esc", "Close, or clear the selection"),
    ("?", "This list"),
)


def keyboard_help() -> None:
    """Show the list of keys."""
    with ui.dialog(value=True) as dialog, ui.card().classes("oo-dialog").props("flat"):
        dialog.props["aria-label"] = "Keyboard"
        with ui.element("div").classes("oo-dialog-b"):
            with ui.element("h2"):
                ui.label("Keyboard")
            for keys, meaning in KEYS:
                with ui.element("div").classes("oo-row"):
                    with ui.element("span").style("width: 76px"):
                        ui.label(keys).classes("oo-kbd").style("display: inline-block")
                    ui.label(meaning).classes("oo-t2")
        with ui.element("div").classes("oo-dialog-f"):
            secondary("Close", dialog.close).props("autofocus")
    dialog.on_value_change(lambda event: None if event.value else ui.timer(0.4, dialog.delete, once=True))
