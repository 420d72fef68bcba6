"""Why a trigger that is due does not start: for each scheduler that may run it, by the rules of its own. Pure.

Must not know why a trigger is not due, nor what its own jobs have to do with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import takewhile

from OpenOrchestrator.database.lifecycle.admission import asked_words
from OpenOrchestrator.database.lifecycle.pool_shares import waits_for
from OpenOrchestrator.database.lifecycle.required_labels import unmet_words
from OpenOrchestrator.database.lifecycle.selection import Candidate, may_run_on, select
from OpenOrchestrator.database.lifecycle.waiting_reasons import (
    MOST_NAMED,
    Cause,
    Facts,
    KnownScheduler,
    Reason,
    listed,
    named,
    shown,
)
from OpenOrchestrator.database.stores.due_triggers import is_allowed_on, scheduler_key

_STARTS_WITHIN = timedelta(seconds=60)
"""A trigger that is due is picked up within seconds where nothing hinders it."""


def places(facts: Facts, due: Candidate) -> Iterator[Reason]:
    """Yield, for a trigger that is due, which pools it waits for, and what keeps each scheduler from starting it."""
    waits = waits_for(due.pools, facts.pools)
    yield from (Reason(Cause.POOL, one.words, short=one.short, jobs=one.jobs) for one in waits)
    allowed = [one for one in facts.schedulers if is_allowed_on(due.whitelist, one.name)]
    known = {scheduler_key(one.name) for one in facts.schedulers}
    unknown = [name for name in due.whitelist if scheduler_key(name) not in known]
    if unknown:
        listed = ", ".join(unknown)
        words = f"It may run on {listed}, which never reported."
        yield Reason(Cause.NO_SCHEDULER, words, scheduler=unknown[0], short=f"{unknown[0]} unknown")
    if not allowed and not unknown:
        yield Reason(Cause.NO_SCHEDULER, "No scheduler ever reported. Start one.", short="No scheduler")
    yield from unmet(facts, due.whitelist, due.labels)
    for scheduler in allowed:
        if not may_run_on(due, scheduler.name, scheduler.labels):
            continue
        if not scheduler.is_live:
            words = f"{scheduler.name} is not heard from since {shown(scheduler.heard)}."
            short = f"{scheduler.name} silent"
            yield Reason(Cause.SCHEDULER_SILENT, words, scheduler=scheduler.name, short=short)
        elif scheduler.drain is not None:
            asked = asked_words(scheduler.drain, facts.zone)
            words = f"{scheduler.name} is drained{asked}: it ends when its robots have."
            yield Reason(Cause.DRAINED, words, scheduler=scheduler.name, short=f"{scheduler.name} drained")
        elif scheduler.stopping is not None:
            asked = asked_words(scheduler.stopping, facts.zone)
            words = f"{scheduler.name} was asked to stop on its machine, and waits{asked} for its robots to end."
            yield Reason(Cause.STOPS, words, scheduler=scheduler.name, short=f"{scheduler.name} stopping")
        elif scheduler.cordon is not None:
            words = f"{scheduler.name} is cordoned{asked_words(scheduler.cordon, facts.zone)}. Uncordon it."
            yield Reason(Cause.CORDONED, words, scheduler=scheduler.name, short=f"{scheduler.name} cordoned")
        elif not waits and (facts.site_pause is None or scheduler.slots is None):
            yield _on(facts, due, scheduler)


def unmet(facts: Facts, whitelist: tuple[str, ...], labels: tuple[str, ...]) -> Iterator[Reason]:
    """Yield that no scheduler which is heard from carries some labels, if so."""
    live = {one.name: one.labels for one in facts.schedulers if one.is_live}
    words = unmet_words(whitelist, labels, live)
    if words:
        yield Reason(Cause.NO_LABELS, words, short=f"Nobody carries {', '.join(labels)}")


def _on(facts: Facts, due: Candidate, scheduler: KnownScheduler) -> Reason:
    """Return what keeps a live scheduler from starting a due trigger, by its own rules."""
    name = scheduler.name
    here = [job for job in facts.jobs if scheduler_key(job.scheduler) == scheduler_key(name)]
    first_jobs = tuple(job.job_id for job in here[:MOST_NAMED])
    blocking = next((job for job in here if job.is_blocking), None)
    holder = None if scheduler.labels is None else facts.screens.get(scheduler.machine)
    free = len(facts.candidates) + 1 if scheduler.slots is None else scheduler.slots - len(here)
    selection = select(
        facts.candidates,
        scheduler_name=name,
        whitelisted_only=False,
        free_slots=free,
        running=len(here),
        blocking_running=blocking is not None,
        pools=facts.pools,
        labels=scheduler.labels,
        screen_taken=holder is not None,
    )
    if any(claim.trigger_id == due.trigger_id for claim in selection.claims):
        return _unhindered(facts, due, name)
    if any(one.trigger_id == due.trigger_id for one in selection.waiting_for_pools):
        pool, first_in_line = _before_it(due, selection.waiting_for_pools, selection.claims)
        words = f"On {name}, {first_in_line} comes before it, and gets the pool {pool} first."
        return Reason(Cause.POOL, words, scheduler=name, short=f"{first_in_line} comes first")
    if blocking is not None:
        words = f"On {name} runs {named(blocking)}, which has to be alone there."
        short = f"Waits for {blocking.name}"
        return Reason(Cause.BLOCKED, words, scheduler=name, short=short, jobs=(blocking.job_id,))
    if free <= 0:
        words = f"All {scheduler.slots} slots of {name} are taken: {listed(here)}."
        return Reason(Cause.SLOTS_FULL, words, scheduler=name, short="All slots taken", jobs=first_jobs)
    if holder is not None and due.needs_screen:
        job = f"{holder.name} since {shown(holder.since)} (job {holder.job_id})"
        words = f"The screen of the machine of {name} is taken by {job}."
        short = f"Screen taken by {holder.name}"
        return Reason(Cause.SCREEN_TAKEN, words, scheduler=name, short=short, jobs=(holder.job_id,))
    first = selection.waiting_for_idle
    if first is not None and first.trigger_id == due.trigger_id:
        before = f"{listed(here)} run{'s' if len(here) == 1 else ''} there" if here else "others come before it"
        words = f"It has to be alone on {name}, and {before}."
        return Reason(Cause.WAITS_TO_BE_ALONE, words, scheduler=name, short="Waits to be alone", jobs=first_jobs)
    if first is not None:
        words = f"On {name}, {first.name} comes before it, and waits to be alone there."
        return Reason(Cause.BEHIND_BLOCKING, words, scheduler=name, short=f"{first.name} comes first")
    others = ", ".join(claim.name for claim in selection.claims[:MOST_NAMED])
    words = f"On {name} others come before it: {others}."
    return Reason(Cause.BEHIND, words, scheduler=name, short="Others come first")


def _before_it(due: Candidate, waiting: Sequence[Candidate], claims: Sequence[Candidate]) -> tuple[str, str]:
    """Return for which pool a trigger stands in line, and behind which other."""
    own = {pool for pool, _amount in due.pools}
    before = [*claims, *takewhile(lambda one: one.trigger_id != due.trigger_id, waiting)]
    shared = ((pool, one.name) for one in before for pool, _amount in one.pools if pool in own)
    return next(shared, (min(own), "another one"))


def _unhindered(facts: Facts, due: Candidate, scheduler: str) -> Reason:
    """Return that a scheduler is about to start a trigger, or that it should have by now."""
    since = facts.due_since
    if since is None or facts.now is None or facts.now - since <= _STARTS_WITHIN:
        words = f"Nothing hinders it on {scheduler}, which starts it at its next look."
        return Reason(Cause.NOTHING, words, scheduler=scheduler)
    words = f"Nothing hinders it on {scheduler}, which has not started it though. Its log says more."
    if not due.whitelist:
        words += " With --whitelisted-only it leaves alone what does not name it."
    return Reason(Cause.NOTHING, words, scheduler=scheduler, short=f"{scheduler} leaves it")
