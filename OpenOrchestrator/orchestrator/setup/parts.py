"""Parts of the first run: its title, messages, and the step that starts a scheduler."""

from __future__ import annotations

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import copy_button
from OpenOrchestrator.orchestrator.setup.steps import SetupStep

_LINES = (
    "OpenOrchestratorConnString=<the connection string>",
    "OpenOrchestratorKey=<the key>",
    "python -m OpenOrchestrator scheduler",
)


def title(title: str, sentence: str, *, marker: str = "setup-title") -> None:
    """Say how things stand, above the steps."""
    with ui.element("div").classes("oo-setup-title"):
        with ui.element("div").classes("oo-setup-icon"):
            ui.icon("sym_r_database")
        with ui.element("div"):
            ui.label(title).classes("oo-setup-h").mark(marker)
            ui.label(sentence).classes("oo-t2")


def scheduler_step() -> SetupStep:
    """Build the last step: lines to copy to a worker machine."""
    step = SetupStep(
        4, "Start a scheduler", "On each worker machine. It appears under Schedulers when it is heard from.", last=True
    )
    with step.content, ui.element("div").classes("oo-code oo-setup-lines"):
        with ui.element("div").classes("oo-grow"):
            for each in _LINES:
                ui.label(each)
        copy_button("\n".join(_LINES), "Copy these lines")
    with step.content:
        ui.label(
            "The first two lines go into its environment, or into a file .env. They let this app start connected, too: "
            "it forgets both when it is stopped."
        ).classes("oo-hint")
    return step


def line(icon: str, tone: str, words: str, *, marker: str | None = None) -> None:
    """Say how something went, in the colours of a state."""
    with ui.element("div").classes(f"oo-row oo-sm oo-fg-{tone} oo-setup-line"):
        ui.icon(icon).classes("oo-i16")
        label = ui.label(words).classes("oo-pre")
        if marker:
            label.mark(marker)
