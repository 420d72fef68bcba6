"""Why a trigger is not running: every reason there is, from the same pure functions by which schedulers choose.

Pure: facts in, reasons out. ``waiting_facts`` reads the facts. Must not decide what runs, nor change anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from uuid import UUID
from zoneinfo import ZoneInfo

from OpenOrchestrator.database.lifecycle.admission import asked_words, paused_words
from OpenOrchestrator.database.lifecycle.causes import NEARNESS, Cause
from OpenOrchestrator.database.lifecycle.pool_shares import waits_for
from OpenOrchestrator.database.lifecycle.required_labels import unmet_words
from OpenOrchestrator.database.lifecycle.screens import Holder
from OpenOrchestrator.database.lifecycle.selection import Candidate, may_run_on, select
from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.database.stores.cordons import Mark
from OpenOrchestrator.database.stores.due_triggers import is_allowed_on, scheduler_key
from OpenOrchestrator.database.stores.pools import EMPTY, PoolBook
from OpenOrchestrator.database.stores.site_pause import SitePause

__all__ = ["ActiveJob", "Cause", "Facts", "KnownScheduler", "Reason", "in_short", "why"]

_MOST_NAMED = 5
_STARTS_WITHIN = timedelta(seconds=60)
"""A trigger that is due is picked up within seconds where nothing hinders it."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason.

    Attributes:
        words: A sentence for people, in site time.
        until: When it ends by itself, aware UTC; None if nobody can tell.
        scheduler: The scheduler it is about; None if it is about the trigger.
        short: The same in a few words; empty unless it keeps a trigger that is due from starting.
        jobs: Those that the words name by id.
    """

    cause: Cause
    words: str
    until: datetime | None = None
    scheduler: str | None = None
    short: str = ""
    jobs: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class ActiveJob:
    """A job that has not ended.

    Attributes:
        scheduler: Where it runs.
        name: Of its trigger.
        since: Naive site time.
        is_blocking: Nothing else may run there meanwhile.
        is_starting: Its robot's files and environment are made ready; there is no robot yet.
    """

    job_id: UUID
    trigger_id: UUID | None
    scheduler: str
    name: str
    since: datetime
    is_blocking: bool
    is_starting: bool = False


@dataclass(frozen=True, slots=True)
class KnownScheduler:
    """A scheduler that ever reported.

    Attributes:
        is_live: Whether its lease lives.
        heard: Naive site time of its last report.
        slots: How many jobs it runs at once; None if it is of a version that does not say, nor obeys pause and cordon.
        cordon: Asked to start nothing.
        drain: Asked to end.
        stopping: Asked to end on its machine, by a signal.
        labels: What it carries; None if it is of a version that knows no labels.
        machine: What the screen of its machine is kept under.
    """

    name: str
    is_live: bool
    heard: datetime
    slots: int | None
    cordon: Mark | None = None
    drain: Mark | None = None
    stopping: Mark | None = None
    labels: tuple[str, ...] | None = ()
    machine: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known about one trigger and where it may run.

    Attributes:
        status: None if its row holds none.
        unreadable: What its row holds that cannot be read, as the end of a sentence; empty for nothing.
        due: The trigger as schedulers find it due; None if they do not.
        due_since: Since when it is due or somebody asked for its run, aware UTC; None if nobody can tell.
        now: Aware; None says nothing of how long it has been due.
        next_due: When it will be due by the clock, aware UTC.
        retry_at: When the retry is due that it waits for, aware UTC; None if it waits for none.
        retry_number: Which retry that is, from 1.
        retry_times: How many the trigger allows.
        rests_until: Until when its brake holds it, aware UTC.
        queue: Name of its queue; None if it has none.
        waiting: New elements there, counted no further than ``wanted``.
        wanted: How many it takes to start it.
        paused_by: Who paused it.
        paused_since: Naive site time.
        pause_reason: Why.
        paused_until: Aware UTC.
        whitelist: Names of the schedulers it may run on; empty for any.
        labels: What its scheduler has to carry; empty for nothing.
        site_pause: Keeps everything from starting, on schedulers that know of it.
        candidates: Every trigger that is due now, with where it may run.
        jobs: Everything that runs.
        pools: All pools and who holds them, where a trigger that is due needs some.
        missed: What becomes of due times that passed, in sentences.
        screens: Who has the screen of which machine; those that are free are left out.
        zone: The site's.
    """

    trigger_id: UUID
    name: str
    status: TriggerStatus | None
    unreadable: str = ""
    due: Candidate | None = None
    due_since: datetime | None = None
    now: datetime | None = None
    next_due: datetime | None = None
    retry_at: datetime | None = None
    retry_number: int = 0
    retry_times: int = 0
    rests_until: datetime | None = None
    queue: str | None = None
    waiting: int = 0
    wanted: int = 0
    paused_by: str | None = None
    paused_since: datetime | None = None
    pause_reason: str | None = None
    paused_until: datetime | None = None
    whitelist: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    site_pause: SitePause | None = None
    candidates: Sequence[Candidate] = ()
    schedulers: Sequence[KnownScheduler] = ()
    jobs: Sequence[ActiveJob] = ()
    pools: PoolBook = EMPTY
    missed: Sequence[str] = ()
    screens: Mapping[str, Holder] = field(default_factory=dict)
    zone: ZoneInfo


def why(facts: Facts) -> tuple[Reason, ...]:
    """Return why a trigger is not running now, or that it is; never empty."""
    found = tuple(_reasons(facts))
    if facts.due is None and facts.status is TriggerStatus.IDLE and not facts.unreadable:
        found += tuple(_unmet(facts, facts.whitelist, facts.labels))
    pause = facts.site_pause
    reasons = [*found, *(Reason(Cause.MISSED, words) for words in facts.missed)]
    if pause is not None and not any(job.trigger_id == facts.trigger_id for job in facts.jobs):
        reasons.insert(0, _site_paused(pause, facts.zone, short="" if facts.due is None else "Site paused"))
    return tuple(reasons)


def in_short(reasons: Sequence[Reason]) -> str:
    """Return in a few words why a trigger that is due does not start; empty if nothing keeps it, or it is not due.

    Of several schedulers, the one that is nearest to starting it counts.
    """
    reasons = [reason for reason in reasons if reason.cause is not Cause.MISSED] or reasons
    nearest = min(reasons, key=lambda reason: NEARNESS.get(reason.cause, 0))
    if nearest.cause is Cause.SCHEDULER_SILENT and len(reasons) > 1:
        return "No live scheduler"
    return nearest.short


def _run_words(job: ActiveJob) -> str:
    if job.is_starting:
        return f"It starts: {_named(job)}, on {job.scheduler}. Its robot's files and environment are made ready."
    return f"It runs: {_named(job)}, on {job.scheduler}."


def _reasons(facts: Facts) -> Iterator[Reason]:
    own = next((job for job in facts.jobs if job.trigger_id == facts.trigger_id), None)
    if facts.unreadable:
        words = f"Its row in the database cannot be used: {facts.unreadable}."
        yield Reason(Cause.UNREADABLE, words, short="Unusable row")
    elif own is not None:
        yield Reason(Cause.RUNS, _run_words(own), scheduler=own.scheduler, jobs=(own.job_id,))
    elif facts.due is not None:
        yield from _where(facts, facts.due)
    elif facts.status is TriggerStatus.PAUSED:
        yield _paused(facts)
    elif facts.status in (TriggerStatus.FAILED, TriggerStatus.KILLED):
        word = facts.status.value.lower()
        yield Reason(Cause.HELD, f"Its last run {'failed' if word == 'failed' else 'was killed'}. Enable it.")
    elif facts.status is TriggerStatus.DONE:
        yield Reason(Cause.HAS_RUN, "It has run; a single trigger runs once.")
    elif facts.status is not TriggerStatus.IDLE:
        word = "none" if facts.status is None else facts.status.value
        yield Reason(Cause.HELD, f"Its status is {word}, but no job of it runs. Schedulers settle that within seconds.")
    elif facts.retry_at is not None:
        until = _at(facts.retry_at, facts.zone)
        of = f" of {facts.retry_times}" if facts.retry_number <= facts.retry_times else ""
        words = f"Its last run failed: back-off until {until}, then retry {facts.retry_number}{of}."
        yield Reason(Cause.BACK_OFF, words, facts.retry_at)
    elif facts.rests_until is not None:
        until = _at(facts.rests_until, facts.zone)
        words = f"Its last run took nothing from the queue, so it rests until {until} or the next new element."
        yield Reason(Cause.RESTS, words, facts.rests_until)
    elif facts.queue is not None:
        found = f"{facts.waiting} New element{'' if facts.waiting == 1 else 's'}"
        words = f"Its queue {facts.queue} has {found}, and it starts at {facts.wanted}."
        yield Reason(Cause.QUEUE_TOO_SHORT, words)
    elif facts.next_due is not None:
        yield Reason(Cause.NOT_DUE, f"It is not due before {_at(facts.next_due, facts.zone)}.", facts.next_due)
    elif facts.site_pause is None and not facts.missed:
        yield Reason(Cause.NOTHING, "Nothing hinders it: the next scheduler that looks starts it.")


def _site_paused(pause: SitePause, zone: ZoneInfo, *, short: str) -> Reason:
    words = f"The site is {paused_words(pause, zone)}, so nothing starts."
    if pause.until is None:
        words += " Resume it."
    return Reason(Cause.SITE_PAUSED, words, pause.until, short=short)


def _paused(facts: Facts) -> Reason:
    words = "It is paused"
    if facts.paused_by:
        words += f" by {facts.paused_by}"
    if facts.paused_since is not None:
        words += f" since {_shown(facts.paused_since)}"
    if facts.pause_reason:
        words += f" ({facts.pause_reason})"
    if facts.paused_until is not None:
        return Reason(Cause.PAUSED, f"{words}, until {_at(facts.paused_until, facts.zone)}.", facts.paused_until)
    return Reason(Cause.PAUSED, f"{words}. Enable it.")


def _where(facts: Facts, due: Candidate) -> Iterator[Reason]:
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
    yield from _unmet(facts, due.whitelist, due.labels)
    for scheduler in allowed:
        if not may_run_on(due, scheduler.name, scheduler.labels):
            continue
        if not scheduler.is_live:
            words = f"{scheduler.name} is not heard from since {_shown(scheduler.heard)}."
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


def _unmet(facts: Facts, whitelist: tuple[str, ...], labels: tuple[str, ...]) -> Iterator[Reason]:
    live = {one.name: one.labels for one in facts.schedulers if one.is_live}
    words = unmet_words(whitelist, labels, live)
    if words:
        yield Reason(Cause.NO_LABELS, words, short=f"Nobody carries {', '.join(labels)}")


def _on(facts: Facts, due: Candidate, scheduler: KnownScheduler) -> Reason:
    """Return what keeps a live scheduler from starting a due trigger, by its own rules."""
    name = scheduler.name
    here = [job for job in facts.jobs if scheduler_key(job.scheduler) == scheduler_key(name)]
    named = tuple(job.job_id for job in here[:_MOST_NAMED])
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
        words = f"On {name} runs {_named(blocking)}, which has to be alone there."
        short = f"Waits for {blocking.name}"
        return Reason(Cause.BLOCKED, words, scheduler=name, short=short, jobs=(blocking.job_id,))
    if free <= 0:
        words = f"All {scheduler.slots} slots of {name} are taken: {_listed(here)}."
        return Reason(Cause.SLOTS_FULL, words, scheduler=name, short="All slots taken", jobs=named)
    if holder is not None and due.needs_screen:
        job = f"{holder.name} since {_shown(holder.since)} (job {holder.job_id})"
        words = f"The screen of the machine of {name} is taken by {job}."
        short = f"Screen taken by {holder.name}"
        return Reason(Cause.SCREEN_TAKEN, words, scheduler=name, short=short, jobs=(holder.job_id,))
    first = selection.waiting_for_idle
    if first is not None and first.trigger_id == due.trigger_id:
        before = f"{_listed(here)} run{'s' if len(here) == 1 else ''} there" if here else "others come before it"
        words = f"It has to be alone on {name}, and {before}."
        return Reason(Cause.WAITS_TO_BE_ALONE, words, scheduler=name, short="Waits to be alone", jobs=named)
    if first is not None:
        words = f"On {name}, {first.name} comes before it, and waits to be alone there."
        return Reason(Cause.BEHIND_BLOCKING, words, scheduler=name, short=f"{first.name} comes first")
    others = ", ".join(claim.name for claim in selection.claims[:_MOST_NAMED])
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


def _named(job: ActiveJob) -> str:
    return f"{job.name} since {_shown(job.since)} (job {job.job_id})"


def _listed(jobs: Sequence[ActiveJob]) -> str:
    more = len(jobs) - _MOST_NAMED
    names = ", ".join(_named(job) for job in jobs[:_MOST_NAMED])
    return f"{names} and {more} more" if more > 0 else names


def _shown(site_time: datetime) -> str:
    return f"{site_time:%Y-%m-%d %H:%M:%S}"


def _at(instant: datetime, zone: ZoneInfo) -> str:
    return _shown(instant.astimezone(zone).replace(tzinfo=None))
