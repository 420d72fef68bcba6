"""The question why something is to be paused that others wait for, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Protocol

from nicegui import ui

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import ghost, primary
from OpenOrchestrator.orchestrator.components.forms.checks import at_most, check_end, end_of
from OpenOrchestrator.orchestrator.components.forms.confirm import question, take_away
from OpenOrchestrator.orchestrator.components.forms.fields import field, text_input
from OpenOrchestrator.orchestrator.components.forms.who import WhoField


@dataclass(frozen=True, slots=True)
class PauseWords:
    """What such a question says.

    Attributes:
        title: The question, with the name of what is paused.
        sentences: What a pause means.
        action: On the button.
        shown_at: Where the reason will stand.
        no_reason: Said where none was given.
        longest_reason: In characters.
        marker: What the markers of its fields begin with.
    """

    title: str
    sentences: Sequence[str]
    action: str
    shown_at: str
    no_reason: str
    longest_reason: int
    marker: str


class PresentPause(Protocol):
    """A pause that there is."""

    @property
    def reason(self) -> str:
        """Why."""

    @property
    def until(self) -> datetime | None:
        """Its end, aware; None for one that somebody has to end."""


@dataclass(frozen=True, slots=True)
class PauseAnswer:
    """What was answered; ``until`` is aware, or None for a pause that somebody has to end."""

    reason: str
    by: str | None
    until: datetime | None


async def ask_reason_and_end(
    words: PauseWords, present: PresentPause | None, *, now: datetime, zone: tzinfo
) -> PauseAnswer | None:
    """Ask within the container that is open, and return the answer; None if nothing is to be done.

    Args:
        words: What the question says.
        present: The pause that is changed; None for a new one.
        now: The present moment, aware.
        zone: Of the site.
    """
    first = "" if present is None or present.until is None else f"{present.until.astimezone(zone):%Y-%m-%dT%H:%M}"
    with question(words.title, words.sentences, role="dialog") as (dialog, body):
        with body:
            with field("Reason", hint=words.shown_at):
                why = text_input(
                    "Reason",
                    "" if present is None else present.reason,
                    check=at_most(words.longest_reason),
                    placeholder="SAP is closed for maintenance",
                    marker=f"{words.marker}-reason",
                )
            with field("Until", note=f"optional, {times.abbreviated(now, zone)}"):
                end = text_input("Until, date and time", first, marker=f"{words.marker}-until")
                end.props("type=datetime-local")
            who = WhoField()

        def accept() -> None:
            end.error = check_end(str(end.value or ""), now, zone)
            if not why.validate() or end.error is not None:
                return
            if not str(why.value or "").strip():
                why.error = words.no_reason
                return
            dialog.submit(PauseAnswer(str(why.value), who.take(), end_of(str(end.value or ""), zone)))

        with ui.element("div").classes("oo-dialog-f"):
            ghost("Cancel", lambda: dialog.submit(None), marker="cancel").props("autofocus")
            primary(words.action, accept, marker=f"confirm-{words.marker}")
    try:
        answer: PauseAnswer | None = await dialog
    finally:
        take_away(dialog)
    return answer
