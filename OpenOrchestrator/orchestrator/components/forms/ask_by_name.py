"""The question before something of which others see who did it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import ghost, primary
from OpenOrchestrator.orchestrator.components.forms.confirm import question
from OpenOrchestrator.orchestrator.components.forms.who import WhoField


@dataclass(frozen=True, slots=True)
class Answer:
    """That it is to be done.

    Attributes:
        by: Who wants it, as they call themselves; None if they did not say.
    """

    by: str | None


async def ask_by_name(title: str, sentences: Sequence[str], *, action: str) -> Answer | None:
    """Ask, and who asks; None if it is not to be done.

    Args:
        title: The question with the name: ``Drain worker-7?``
        sentences: What it means.
        action: The button: verb and name again.
    """
    with question(title, sentences, role="dialog") as (dialog, body):
        with body:
            who = WhoField()
        with ui.element("div").classes("oo-dialog-f"):
            ghost("Cancel", lambda: dialog.submit(None), marker="cancel").props("autofocus")
            primary(action, lambda: dialog.submit(Answer(who.take())), marker="confirm-by-name")
    try:
        answer: Answer | None = await dialog
        return answer
    finally:
        dialog.delete()
