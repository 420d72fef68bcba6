"""The lines above a trigger's jobs that say what people did to it, and what failed runs made of it.

Owns drawing them. Must not know when that is needed, nor what the buttons do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, tzinfo
from functools import partial

from nicegui import ui

from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import secondary, tip
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.failure_words import count_words, waiting_words
from OpenOrchestrator.orchestrator.triggers.notes import pause_words, request_words, skip_words, skipped_of


def draw_notes(row: ListedTrigger, now: datetime, zone: tzinfo, on_action: Callable[[str], Awaitable[None]]) -> None:
    """Draw what there is to say; nothing where nobody did anything.

    Args:
        row: The trigger.
        now: Aware.
        zone: The site's.
        on_action: Called with ``cancel``, ``change-pause``, ``unskip``, ``give-up`` or ``reset-failures``.
    """

    def note(icon: str, words: str, hint: str, reason: str | None = None) -> ui.element:
        with ui.element("div").classes("oo-banner oo-did") as banner:
            ui.icon(icon).classes("oo-i20")
            with ui.element("div").classes("oo-col oo-grow"):
                tip(ui.label(words).mark("note"), hint)
                if reason:
                    ui.label(reason).classes("oo-t2 oo-pre").mark("pause-reason")
        return banner

    def button(words: str, action: str) -> None:
        secondary(words, partial(on_action, action), small=True, marker=action)

    if row.request is not None:
        with note("sym_r_play_arrow", request_words(row.request, now, zone), times.absolute(row.request.at, zone)):
            button("Cancel the run", "cancel")
    if row.retry is not None:
        with note("sym_r_replay", waiting_words(row.retry, now, zone), times.absolute(row.retry.at, zone)):
            if row.retry.first is not None:
                ui.link("First attempt", f"/jobs/{row.retry.first}").classes("oo-link").mark("first-attempt")
            button("Give up the retry", "give-up")
    counted = count_words(row)
    if counted:
        with note("sym_r_error", counted, "A good run counts from 0 again, and so does enabling the trigger."):
            button("Reset", "reset-failures")
    if row.pause is not None:
        hint = f"Since {times.absolute(row.pause.at, zone)}"
        if row.pause.until is not None:
            hint += f"\nUntil {times.absolute(row.pause.until, zone)}"
        with note("sym_r_pause", pause_words(row.pause, now, zone), hint, row.pause.reason):
            button("Change the pause", "change-pause")
    if row.unmet and row.status is TriggerStatus.IDLE:
        with note("sym_r_dns", row.unmet, f"Labels: {', '.join(row.labels)}"):
            pass
    skipped = skipped_of(row, now, zone)
    if skipped is not None:
        with note("sym_r_skip_next", skip_words(skipped, now, zone), times.absolute(skipped.due, zone)):
            button("Run it after all", "unskip")
