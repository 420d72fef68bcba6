"""Why a trigger is not running: a strip on the page of one that is due and does not start, and a dialog on demand.

Owns drawing what the backend answers, with a link for each job that it names. Must not judge anything itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Any
from uuid import UUID

from nicegui import ui

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import ghost, secondary, tip
from OpenOrchestrator.orchestrator.components.forms.confirm import question, take_away
from OpenOrchestrator.orchestrator.triggers.backend.waits import MOST_REASONS, Cause, Reason, Wait


def draw_wait(wait: Wait, now: datetime, zone: tzinfo, on_all: Callable[[], Any]) -> None:
    """Draw since when a trigger is due and what keeps each scheduler from starting it.

    Args:
        wait: Why it does not start.
        now: Aware.
        zone: The site's.
        on_all: Called for all reasons, where the strip has not the room.
    """
    with ui.element("div").classes("oo-banner oo-did oo-why").mark("wait"):
        ui.icon("sym_r_hourglass_empty").classes("oo-i20")
        with ui.element("div").classes("oo-col oo-grow"):
            words = f"Due for {times.span((now - wait.since).total_seconds())}, and does not start"
            tip(ui.label(words).mark("wait-since"), f"Due {times.absolute(wait.since, zone)}")
            for reason in wait.reasons[:MOST_REASONS]:
                _draw_reason(reason)
        more = len(wait.reasons) - MOST_REASONS
        if more > 0:
            secondary(f"{more} more", on_all, small=True, marker="all-reasons")


async def show_why(name: str, reasons: Sequence[Reason]) -> None:
    """Show why a trigger is not running until that is closed."""
    title = f"{name} is running" if _runs(reasons) else f"Why is {name} not running?"
    with question(title, (), role="dialog") as (dialog, body):
        with body:
            for reason in reasons:
                _draw_reason(reason)
        with ui.element("div").classes("oo-dialog-f"):
            ghost("Close", dialog.close, marker="close-why").props("autofocus")
    try:
        await dialog
    finally:
        take_away(dialog)


def pieces(words: str, jobs: Sequence[UUID]) -> list[tuple[str, UUID | None]]:
    """Return a sentence in pieces, with the job where a piece is its id. Pure."""
    ids = {str(job): job for job in jobs}
    if not ids:
        return [(words, None)]
    parts = re.split("(" + "|".join(map(re.escape, ids)) + ")", words)
    return [(part, ids.get(part)) for part in parts if part]


def _runs(reasons: Sequence[Reason]) -> bool:
    return any(reason.cause in (Cause.RUNS, Cause.LIMIT_OF_JOBS) for reason in reasons)


def _draw_reason(reason: Reason) -> None:
    with ui.element("div").classes("oo-t2 oo-reason").mark("why"):
        for words, job in pieces(reason.words, reason.jobs):
            if job is None:
                ui.label(words).classes("oo-inline")
            else:
                tip(ui.link(words[:8], f"/jobs/{job}").classes("oo-link oo-inline"), f"Job {job}")
