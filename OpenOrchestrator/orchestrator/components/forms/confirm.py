"""The question before what cannot be undone."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import danger, ghost, primary

MOST_NAMES = 6


def listing(names: Sequence[str]) -> str:
    """Return names as people list them: ``A, B and C``, at most six and how many more."""
    if len(names) > MOST_NAMES:
        return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more"
    if len(names) > 1:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    return names[0] if names else ""


async def confirm(title: str, sentences: Sequence[str], *, action: str, dangerous: bool = True) -> bool:
    """Ask, and return whether the action was confirmed.

    The focus is on Cancel, so that Enter by habit changes nothing.

    Args:
        title: The question with name or count: ``Delete 3 triggers?``
        sentences: What it does, naming what it does it to, and what stays.
        action: The button: verb and count again.
        dangerous: Whether it cannot be undone.
    """
    with ui.dialog().props("role=alertdialog") as dialog, ui.card().classes("oo-dialog").props("flat"):
        dialog.props["aria-label"] = title
        with ui.element("div").classes("oo-dialog-b"):
            with ui.element("h2"):
                ui.label(title)
            for sentence in sentences:
                ui.label(sentence).classes("oo-t2 oo-pre")
        with ui.element("div").classes("oo-dialog-f"):
            ghost("Cancel", lambda: dialog.submit(False), marker="cancel").props("autofocus")
            button = danger if dangerous else primary
            button(action, lambda: dialog.submit(True), marker="confirm")
    try:
        return bool(await dialog)
    finally:
        dialog.delete()
