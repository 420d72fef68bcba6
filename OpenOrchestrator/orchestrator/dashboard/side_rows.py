"""Running jobs and queues as rows of the lists at the side. Pure: facts in, words and links out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.progress import percent
from OpenOrchestrator.orchestrator.dashboard.backend.overview import RunningJob
from OpenOrchestrator.orchestrator.dashboard.backend.queues import COUNT_CAP, QueueDepth
from OpenOrchestrator.orchestrator.dashboard.links import link
from OpenOrchestrator.orchestrator.dashboard.side_list import SideRow
from OpenOrchestrator.orchestrator.dashboard.words import Moment
from OpenOrchestrator.orchestrator.queues.address import path_of

LONGER_BY = 1.5
"""A run that takes this many times as long as usual, and five minutes longer, is worth a look."""

OLD = timedelta(hours=2)
VERY_OLD = timedelta(days=1)


def running_rows(jobs: Sequence[RunningJob], moment: Moment) -> list[SideRow]:
    """Return the jobs that run, with how far they are, or how long they usually take, where that is known."""
    rows = []
    for job in jobs:
        seconds = moment.seconds_since(job.started)
        usual = job.usual_seconds
        slow = usual is not None and seconds > usual * LONGER_BY and seconds - usual > 300
        starting = job.status is JobStatus.STARTING
        note = "Starting" if starting else f"usually {times.duration(usual)}" if usual is not None else ""
        tip = None if usual is None or starting else "The median of its last runs that were done"
        share = None if usual is None or starting else max(2, min(100, round(100 * seconds / max(usual, 1))))
        if job.progress is not None:
            note, share = f"{percent(job.progress)} %", percent(job.progress)
            tip = job.progress_text or "As its robot says"
        rows.append(
            SideRow(
                id=str(job.job_id),
                name=job.name,
                href=f"/jobs/{job.job_id}",
                sub=f"{job.title} · {job.scheduler}" if job.title else job.scheduler,
                subTip=job.title,
                value=times.duration(seconds) if seconds >= 60 else "< 1 m",
                valueTip=f"Since {moment.full(job.started)}",
                note=note,
                noteTone="timeout" if slow else "",
                noteTip=tip,
                tone="timeout" if slow else "running",
                share=share,
            )
        )
    return rows


def queue_rows(depths: Sequence[QueueDepth], moment: Moment) -> list[SideRow]:
    """Return the queues with New elements: how many, how old, and how that changed."""
    rows = []
    for depth in depths:
        age = timedelta(seconds=moment.seconds_since(depth.oldest))
        tone = "failed" if age >= VERY_OLD else "timeout" if age >= OLD else ""
        new = times.capped(depth.new, COUNT_CAP)
        known = [value for value in depth.history if value is not None]
        rows.append(
            SideRow(
                id=depth.queue,
                name=depth.queue,
                href=link(path_of(depth.queue), status="new"),
                sub="oldest ",
                subStrong=times.duration(age.total_seconds() // 60 * 60) if age >= timedelta(minutes=1) else "< 1 m",
                subTone=tone,
                subTip=f"Made {moment.full(depth.oldest)}",
                value=new,
                note=_change(depth, known),
                tone=tone or "running",
                line=depth.history if len(known) > 1 else (depth.new, depth.new),
                lineLabel=f"New elements: {known[0]} then, {new} now",
            )
        )
    return rows


def _change(depth: QueueDepth, known: Sequence[int]) -> str:
    if depth.new >= COUNT_CAP or len(known) < len(depth.history):
        return ""
    change = depth.new - known[0]
    sign = "+" if change > 0 else "\N{MINUS SIGN}"
    return f"{sign}{times.number(abs(change))} in 12 h" if change else "as 12 h ago"
