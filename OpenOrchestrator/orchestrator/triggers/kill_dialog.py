"""The question which of several jobs of a trigger is to be killed: one of them, or all.

Owns what is asked, and what the buttons say. Must not know how it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Literal
from uuid import UUID

from nicegui import ui

from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import danger, ghost, secondary
from OpenOrchestrator.orchestrator.components.forms.confirm import question, take_away
from OpenOrchestrator.orchestrator.jobs.backend.rows import JobRow
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger

ALL = "all"

Answer = UUID | Literal["kill", "stop_run"]
"""The job that alone is to be stopped; or all of them, and the trigger with them or not."""


def job_words(job: JobRow, zone: tzinfo) -> str:
    """Return how one of the jobs is told from the others: ``on worker-1 since 08:12:03``. Pure."""
    since = times.clock_time(job.started(zone), zone, seconds=True)
    return f"On {job.scheduler} since {since}" + (", being killed" if job.killing else "")


async def ask_kill(row: ListedTrigger, jobs: Sequence[JobRow], zone: tzinfo) -> Answer | None:
    """Ask which jobs of a trigger are to be killed; None for none.

    Args:
        row: The trigger.
        jobs: Those that have not ended, at least two.
        zone: The site's.
    """
    count = len(jobs)
    sentences = [
        "A robot is stopped at once, wherever it is in its work.",
        f"If all {count} are killed, {row.name} will not run again before it is enabled.",
        "If one run is stopped, the others go on, and so does the trigger.",
    ]
    with question(f"Kill which jobs of {row.name}?", sentences, role="dialog") as (dialog, body):
        with body:
            options = {ALL: f"All {count} jobs", **{str(job.id): job_words(job, zone) for job in jobs}}
            which = ui.radio(options, value=ALL).props("dense").mark("kill-which")
            which.props["aria-label"] = "Which jobs"
        with ui.element("div").classes("oo-dialog-f"):
            ghost("Cancel", lambda: dialog.submit(None), marker="cancel").props("autofocus")
            stop_all = secondary(f"Stop these {count} runs only", lambda: dialog.submit("stop_run"), marker="stop_run")
            stop_all.classes("oo-red")
            kill = danger(f"Kill all {count} jobs", lambda: dialog.submit("kill"), marker="confirm kill")
            stop = danger("Stop this run only", lambda: dialog.submit(UUID(which.value)), marker="confirm stop-run")

        def show() -> None:
            of_all = which.value == ALL
            kill.set_visibility(of_all)
            stop_all.set_visibility(of_all and row.status is TriggerStatus.RUNNING)
            stop.set_visibility(not of_all)

        which.on_value_change(show)
        show()
    try:
        answer: Answer | None = await dialog
        return answer
    finally:
        take_away(dialog)
