"""The one vocabulary of states: colour, icon and word for each, the same on every page."""

from __future__ import annotations

from dataclasses import dataclass

from nicegui import ui

from OpenOrchestrator.database.statuses import JobStatus, LogLevel, QueueStatus, TriggerStatus, TriggerType


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is shown.

    Attributes:
        word: What people read.
        tone: Name of its colours in tokens.css.
        icon: sym_r_ for outlines, r_ for filled icons, because only those are bundled.
        quiet: Whether it has no background in a status column: nothing that somebody should look at.
        turns: Whether its icon turns.
    """

    word: str
    tone: str
    icon: str
    quiet: bool = False
    turns: bool = False


_FAILED = Look("Failed", "failed", "r_error")
_DONE = Look("Done", "done", "sym_r_check_circle", quiet=True)
_RUNNING = Look("Running", "running", "sym_r_progress_activity", turns=True)
_KILLED = Look("Killed", "killed", "sym_r_block")

TRIGGER_LOOKS: dict[TriggerStatus, Look] = {
    TriggerStatus.IDLE: Look("Idle", "idle", "sym_r_radio_button_unchecked", quiet=True),
    TriggerStatus.RUNNING: _RUNNING,
    TriggerStatus.FAILED: _FAILED,
    TriggerStatus.DONE: _DONE,
    TriggerStatus.PAUSED: Look("Paused", "paused", "r_pause_circle"),
    TriggerStatus.PAUSING: Look("Pausing", "paused", "sym_r_pause_circle"),
    TriggerStatus.KILLING: Look("Killing", "killed", "sym_r_block"),
    TriggerStatus.KILLED: _KILLED,
}

JOB_LOOKS: dict[JobStatus, Look] = {
    JobStatus.STARTING: Look("Starting", "running", "sym_r_hourglass_top"),
    JobStatus.RUNNING: _RUNNING,
    JobStatus.DONE: _DONE,
    JobStatus.FAILED: _FAILED,
    JobStatus.KILLED: _KILLED,
    JobStatus.TIMED_OUT: Look("Timed out", "timeout", "r_timer_off"),
    JobStatus.LOST: Look("Lost", "lost", "sym_r_link_off"),
    JobStatus.SKIPPED: Look("Skipped", "idle", "sym_r_skip_next", quiet=True),
}

PARTIALLY_DONE = Look("Partially done", "timeout", "sym_r_rule")
"""A job that is Done, and whose robot said that something was left undone."""

ELEMENT_LOOKS: dict[QueueStatus, Look] = {
    QueueStatus.NEW: Look("New", "idle", "sym_r_inbox", quiet=True),
    QueueStatus.IN_PROGRESS: Look("In Progress", "running", "sym_r_progress_activity", turns=True),
    QueueStatus.DONE: _DONE,
    QueueStatus.FAILED: _FAILED,
    QueueStatus.ABANDONED: Look("Abandoned", "abandoned", "sym_r_cancel"),
}

WAITING = Look("Waiting", "idle", "sym_r_schedule", quiet=True)
"""An element In Progress that is held by nobody until its time has come."""

LOG_LOOKS: dict[LogLevel, Look] = {
    LogLevel.TRACE: Look("Trace", "idle", "sym_r_notes", quiet=True),
    LogLevel.INFO: Look("Info", "running", "sym_r_info", quiet=True),
    LogLevel.ERROR: Look("Error", "failed", "r_error"),
}

TYPE_ICONS: dict[TriggerType, str] = {
    TriggerType.SINGLE: "sym_r_looks_one",
    TriggerType.SCHEDULED: "sym_r_calendar_clock",
    TriggerType.QUEUE: "sym_r_stacks",
}


def pill(look: Look, *, quiet: bool | None = None) -> ui.element:
    """Show a state.

    Args:
        look: From one of the tables here.
        quiet: Without background; None leaves it to the state.
    """
    plain = look.quiet if quiet is None else quiet
    with ui.element("span").classes(f"oo-pill oo-p-{look.tone}" + (" oo-q" if plain else "")) as element:
        icon = ui.icon(look.icon)
        if look.turns:
            icon.classes("oo-turn")
        ui.label(look.word)
    return element


class Pill:
    """A state that is drawn anew when it changes."""

    def __init__(self) -> None:
        self._element = ui.element("span")
        self._look: Look | None = None

    def show(self, look: Look) -> None:
        """Show a state."""
        if look == self._look:
            return
        self._look = look
        self._element.clear()
        with self._element:
            pill(look, quiet=False).mark("state")
