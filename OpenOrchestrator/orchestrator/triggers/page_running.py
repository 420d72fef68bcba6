"""The card on a trigger's page with all of its jobs that run now, where it may have several. No page of its own.

Owns drawing it. Must not know when that is needed, nor what a click on a button does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, tzinfo
from functools import partial

from nicegui import ui

from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import secondary, tip
from OpenOrchestrator.orchestrator.components.vocabulary import JOB_LOOKS, TRIGGER_LOOKS, Pill
from OpenOrchestrator.orchestrator.jobs.backend.rows import JobRow
from OpenOrchestrator.orchestrator.jobs.job_rows import why_not_kill
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.overlap_words import run_words


def draw_running(
    row: ListedTrigger,
    jobs: Sequence[JobRow],
    now: datetime,
    zone: tzinfo,
    on_kill: Callable[[JobRow], Awaitable[None]],
) -> None:
    """Draw the jobs that run, the longest running first, with a button for each that stops it.

    Args:
        row: The trigger.
        jobs: Those that have not ended.
        now: Aware.
        zone: The site's.
        on_kill: Asks, and has one of them killed.
    """
    with ui.element("h2"):
        ui.label(run_words(row)[:1].upper() + run_words(row)[1:]).mark("running-count")
    if row.will_be is not None:
        words = f"Nothing more starts: it becomes {row.will_be.value} when these have ended. Enable it to let it go on."
        ui.label(words).classes("oo-t2 oo-sm").mark("will-be")
    for job in jobs:
        with ui.element("div").classes("oo-row").style("gap: 10px; padding: 6px 0").mark("running-job"):
            Pill().show(TRIGGER_LOOKS[TriggerStatus.KILLING] if job.killing else JOB_LOOKS[job.status])
            started = job.started(zone)
            with ui.element("div").classes("oo-col oo-grow"):
                link = ui.link(f"Since {times.clock_time(started, zone, seconds=True)}", f"/jobs/{job.id}")
                tip(link.classes("oo-link"), f"Since {times.absolute(started, zone)}\nJob {job.id}")
                seconds = job.seconds(now, zone)
                length = "just started" if seconds < 60 else f"{times.duration(seconds // 60 * 60)} running"
                ui.label(f"{job.scheduler}, {length}").classes("oo-t3 oo-sm")
            button = secondary("Kill", partial(on_kill, job), small=True, marker="kill-job").classes("oo-red")
            why_not = why_not_kill(job)
            button.set_enabled(not why_not)
            tip(button, why_not or "Stop the robot of this job at once")
