"""What the jobs of a trigger that run have to do with why it has not one more of them. Pure.

Must not know when its next job is due, nor which scheduler could start it.
"""

from __future__ import annotations

from collections.abc import Sequence

from OpenOrchestrator.database.lifecycle.waiting_reasons import (
    MOST_NAMED,
    ActiveJob,
    Cause,
    Facts,
    Reason,
    named,
    shown,
)
from OpenOrchestrator.database.statuses import TriggerStatus


def own_jobs(facts: Facts) -> tuple[ActiveJob, ...]:
    """Return the jobs of a trigger that have not ended, the longest running first."""
    return tuple(job for job in facts.jobs if job.trigger_id == facts.trigger_id)


def may_have_more(facts: Facts, own: Sequence[ActiveJob]) -> bool:
    """Tell whether a trigger with these jobs may have one more of them by its limit."""
    return len(own) < facts.most_jobs


def running(facts: Facts, own: Sequence[ActiveJob]) -> Reason:
    """Return that a trigger runs, with which jobs; where it may have several, whether its limit is reached."""
    ids = tuple(job.job_id for job in own[:MOST_NAMED])
    if len(own) == 1 and facts.most_jobs == 1:
        return Reason(Cause.RUNS, _run_words(own[0]), scheduler=own[0].scheduler, jobs=ids)
    count = f"{len(own)} of {facts.most_jobs}"
    if may_have_more(facts, own):
        verb = "runs" if len(own) == 1 else "run"
        return Reason(Cause.RUNS, f"{count} jobs {verb}: {_listed(own)}.", jobs=ids)
    words = f"Limit of jobs reached ({count}): {_listed(own)}."
    return Reason(Cause.LIMIT_OF_JOBS, words, short="Limit of jobs reached", jobs=ids)


def hindrance(facts: Facts, own: Sequence[ActiveJob]) -> Reason | None:
    """Return what keeps a trigger from having one more job though its limit allows it, however due that is.

    None where nothing does: then it is a matter of whether the next one is due, and where it may run.
    """
    if facts.status is TriggerStatus.PAUSING:
        by = f" by {facts.paused_by}" if facts.paused_by else ""
        return Reason(Cause.PAUSED, f"It was paused{by}: no other starts, and it is Paused when these have ended.")
    if facts.status is TriggerStatus.KILLING:
        return Reason(Cause.HELD, "It is being killed, with all of its jobs.")
    if facts.will_be is not None:
        state = facts.will_be.value
        words = f"A job beside these did not end well: no other starts, and it becomes {state} when they have ended."
        return Reason(Cause.HELD, f"{words} Enable it to let it go on.", short=f"Will be {state}")
    alone = next((job for job in own if job.is_once), None)
    if alone is not None:
        words = f"Nothing starts beside job {alone.job_id}, which was asked for with arguments of its own."
        return Reason(Cause.RUNS_ALONE, words, short="Runs with other arguments", jobs=(alone.job_id,))
    starting = next((job for job in own if job.is_starting), None)
    if starting is not None:
        words = f"The next one starts when job {starting.job_id} has begun: one start follows the other."
        return Reason(Cause.ONE_STARTS, words, jobs=(starting.job_id,))
    return None


def queue_words(facts: Facts, jobs: int) -> str:
    """Return how many elements a queue trigger waits for, with so many jobs running."""
    found = f"{facts.waiting} New element{'' if facts.waiting == 1 else 's'}"
    if jobs == 0:
        return f"Its queue {facts.queue} has {found}, and it starts at {facts.wanted}."
    work = "1 job works" if jobs == 1 else f"{jobs} jobs work"
    return f"{work} on its queue {facts.queue}; one more starts from {facts.wanted} New elements on. It has {found}."


def _run_words(job: ActiveJob) -> str:
    if job.is_starting:
        return f"It starts: {named(job)}, on {job.scheduler}. Its robot's files and environment are made ready."
    return f"It runs: {named(job)}, on {job.scheduler}."


def _listed(jobs: Sequence[ActiveJob]) -> str:
    more = len(jobs) - MOST_NAMED
    each = ", ".join(
        f"since {shown(job.since)} on {job.scheduler} (job {job.job_id}{', starting' if job.is_starting else ''})"
        for job in jobs[:MOST_NAMED]
    )
    return f"{each} and {more} more" if more > 0 else each
