"""What needs attention as rows: what failed, who is silent, what is late or stuck. Pure: facts in, words out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from OpenOrchestrator.database.statuses import HELD_TRIGGER_STATUSES, JobStatus, TriggerStatus
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.choices import join_choice
from OpenOrchestrator.orchestrator.components.vocabulary import JOB_LOOKS, TRIGGER_LOOKS
from OpenOrchestrator.orchestrator.dashboard.attention import AttentionRow
from OpenOrchestrator.orchestrator.dashboard.backend.causes import Cause
from OpenOrchestrator.orchestrator.dashboard.backend.overview import (
    Glance,
    HeldScheduler,
    SilentScheduler,
    TroubledTrigger,
)
from OpenOrchestrator.orchestrator.dashboard.backend.queues import ElementCause
from OpenOrchestrator.orchestrator.dashboard.backend.untaken import UnservedQueue
from OpenOrchestrator.orchestrator.dashboard.broken_rows import broken_rows
from OpenOrchestrator.orchestrator.dashboard.links import bad_jobs, link, triggers_listed
from OpenOrchestrator.orchestrator.dashboard.owned import owned
from OpenOrchestrator.orchestrator.dashboard.told_rows import alert_rows, partial_rows
from OpenOrchestrator.orchestrator.dashboard.untaken_rows import enable_words, untaken_rows, why_not_taken
from OpenOrchestrator.orchestrator.dashboard.words import Moment, of_count, some
from OpenOrchestrator.orchestrator.queues.address import path_of

MOST_SILENT = 3
"""More schedulers than these are one line."""


def attention_rows(
    glance: Glance, elements: Sequence[ElementCause], moment: Moment, unserved: Sequence[UnservedQueue] = ()
) -> list[AttentionRow]:
    """Return everything that needs attention: alerts, what failed or is left undone, who is silent, late or stuck."""
    troubled = {trigger.id: trigger for trigger in glance.troubled}
    failures = [(cause.last, _failure(cause, troubled, glance, moment)) for cause in glance.causes]
    failures += [(cause.last, _elements(cause, glance, moment)) for cause in elements]
    rows = [*alert_rows(glance, moment), *broken_rows(glance, moment)]
    rows += [row for _, row in sorted(failures, key=lambda each: each[0], reverse=True)]
    rows += partial_rows(glance, moment)
    rows += _silent_ones(glance.silent, moment)
    rows += [_held_scheduler(each, moment) for each in glance.held]
    rows += untaken_rows(glance, unserved, moment)
    rows += _late([each for each in glance.troubled if each.late], glance, moment)
    rows += [_stuck(each, glance, moment) for each in glance.troubled if each.stuck]
    return rows + [row for held in HELD_TRIGGER_STATUSES for row in _held(glance, held, moment)]


def enabled_by(row_id: str, glance: Glance) -> tuple[TroubledTrigger, ...]:
    """Return the failed or killed triggers that the button of a row enables."""
    for status in HELD_TRIGGER_STATUSES:
        if row_id == _held_id(status):
            return tuple(_held_triggers(glance, status))
    cause = next((each for each in glance.causes if f"job {each.key}" == row_id), None)
    held = {each.id: each for each in glance.troubled if cause is not None and each.status is _left_by(cause)}
    return tuple(held[each] for each in cause.triggers if each in held) if cause else ()


def settled_by(row_id: str, glance: Glance) -> TroubledTrigger | None:
    """Return the stuck trigger that the button of a row settles."""
    return next((each for each in glance.troubled if each.stuck and f"stuck {each.id}" == row_id), None)


def _failure(cause: Cause, troubled: Mapping[UUID, TroubledTrigger], glance: Glance, moment: Moment) -> AttentionRow:
    look = JOB_LOOKS[cause.status]
    held = [each for each in cause.triggers if each in troubled and troubled[each].status is _left_by(cause)]
    who = some(cause.names)
    if cause.status is JobStatus.LOST:
        who = f"Lost: {who}, on {some(cause.schedulers)}"
    elif cause.status is JobStatus.TIMED_OUT:
        who = f"Timed out: {who}"
    elif cause.status is JobStatus.KILLED:
        who = f"Killed: {who}"
    listed = {"status": cause.status.name.lower(), "cause": cause.filter}
    return AttentionRow(
        id=f"job {cause.key}",
        icon=look.icon,
        tone=look.tone,
        title=cause.title,
        tip=cause.title,
        who=who,
        count=times.number(cause.count),
        countOf=f"{of_count(cause.count, 'job')}: {look.word}",
        countHref=bad_jobs(glance.since, **listed),
        first=moment.past(cause.first),
        firstTip=moment.full(cause.first),
        last=moment.past(cause.last),
        lastTip=moment.full(cause.last),
        link="Open job" if cause.count == 1 else "Last job",
        href=f"/jobs/{cause.newest}",
        action=enable_words(len(held)),
        actionIcon="sym_r_play_arrow",
        **owned(glance.owners.of_triggers(cause.triggers)),
    )


def _elements(cause: ElementCause, glance: Glance, moment: Moment) -> AttentionRow:
    path = link(path_of(cause.queue), status="failed", cause=cause.filter, ended=f"{cause.since:%Y-%m-%dT%H:%M}")
    return AttentionRow(
        id=f"element {cause.key}",
        icon="r_error",
        tone="failed",
        title=cause.title,
        tip=cause.title,
        who=f"Elements of queue {cause.queue}",
        count=times.number(cause.count),
        countOf=of_count(cause.count, "failed element"),
        countHref=path,
        first=moment.past(cause.first),
        firstTip=moment.full(cause.first),
        last=moment.past(cause.last),
        lastTip=moment.full(cause.last),
        link="Elements",
        href=path,
        **owned(glance.owners.of_queues([cause.queue])),
    )


def _silent_ones(silent: Sequence[SilentScheduler], moment: Moment) -> list[AttentionRow]:
    if len(silent) <= MOST_SILENT:
        return [_silent(scheduler, moment) for scheduler in silent]
    seen = sorted(scheduler.seen for scheduler in silent)
    return [
        AttentionRow(
            id="schedulers",
            icon="sym_r_link_off",
            tone="lost",
            title=f"{len(silent)} schedulers are not heard from",
            who=some([scheduler.name for scheduler in silent]),
            count=times.number(len(silent)),
            countOf="schedulers",
            countHref="/schedulers?segment=silent",
            first=moment.past(seen[0]),
            firstTip=f"Last heard from {moment.full(seen[0])}",
            last=moment.past(seen[-1]),
            lastTip=f"Last heard from {moment.full(seen[-1])}",
            link="Schedulers",
            href="/schedulers?segment=silent",
        )
    ]


def _silent(scheduler: SilentScheduler, moment: Moment) -> AttentionRow:
    path = link("/schedulers", name=join_choice((scheduler.name,), exclude=False))
    waiting = f"Only there: {some(scheduler.waiting)}" if scheduler.waiting else "No trigger waits for it alone"
    return AttentionRow(
        id=f"scheduler {scheduler.name}",
        icon="sym_r_link_off",
        tone="lost",
        title=f"{scheduler.name} is not heard from",
        who=waiting,
        count="1",
        countOf="scheduler",
        countHref=path,
        first=moment.past(scheduler.seen),
        firstTip=f"Last heard from {moment.full(scheduler.seen)}",
        last=f"{times.span(moment.seconds_since(scheduler.seen))} silent",
        link="Scheduler",
        href=path,
    )


def _held_scheduler(scheduler: HeldScheduler, moment: Moment) -> AttentionRow:
    path = link("/schedulers", name=join_choice((scheduler.name,), exclude=False))
    by = f" by {scheduler.by}" if scheduler.by else ""
    return AttentionRow(
        id=f"held {scheduler.name}",
        icon="sym_r_hourglass_top" if scheduler.ends else "sym_r_block",
        tone="paused",
        title=f"{scheduler.name} is {'drained' if scheduler.ends else 'cordoned'}{by}, and starts nothing",
        who="It ends when its robots have" if scheduler.ends else "Uncordon it to let it start robots",
        count="1",
        countOf="scheduler",
        countHref=path,
        first=moment.past(scheduler.since),
        firstTip=f"Since {moment.full(scheduler.since)}",
        last=f"since {times.span(moment.seconds_since(scheduler.since))}",
        link="Scheduler",
        href=path,
    )


def _late(late: Sequence[TroubledTrigger], glance: Glance, moment: Moment) -> list[AttentionRow]:
    groups: dict[str, list[TroubledTrigger]] = {}
    for trigger in late:
        groups.setdefault(why_not_taken(trigger.schedulers, glance), []).append(trigger)
    rows = []
    for why, members in groups.items():
        dues = sorted(each.due for each in members if each.due is not None)
        one = len(members) == 1
        path = triggers_listed([each.id for each in members], "/triggers?trouble=late", [each.id for each in late])
        rows.append(
            AttentionRow(
                id=f"late {why}",
                icon="sym_r_schedule",
                tone="timeout",
                title=f"Late: {why}",
                who=some([each.name for each in members]),
                count=times.number(len(members)),
                countOf=of_count(len(members), "late trigger"),
                countHref=path,
                first=moment.past(dues[0]),
                firstTip=f"Due {moment.full(dues[0])}",
                last=f"{times.span(moment.seconds_since(dues[0]))} late",
                lastTip=f"Due {moment.full(dues[0])}",
                link="Trigger" if one else "Triggers",
                href=f"/triggers/{members[0].id}" if one else path,
                **owned(glance.owners.of_triggers(each.id for each in members)),
            )
        )
    return rows


def _stuck(trigger: TroubledTrigger, glance: Glance, moment: Moment) -> AttentionRow:
    settled = "paused" if trigger.status is TriggerStatus.PAUSING else "killed"
    seen = trigger.since
    return AttentionRow(
        id=f"stuck {trigger.id}",
        icon="sym_r_hourglass_disabled",
        tone="paused",
        title=f"Stuck in {trigger.status.value}, but no job of it runs",
        who=trigger.name,
        count="1",
        countOf="stuck trigger",
        countHref=f"/triggers/{trigger.id}",
        first=moment.past(seen) if seen else "",
        firstTip=f"Last started {moment.full(seen)}" if seen else None,
        last=f"since {times.span(moment.seconds_since(seen))}" if seen else "",
        link="Trigger",
        href=f"/triggers/{trigger.id}",
        action=f"Set {settled}",
        actionIcon="sym_r_pause" if settled == "paused" else "sym_r_block",
        **owned(glance.owners.of_triggers([trigger.id])),
    )


def _left_by(cause: Cause) -> TriggerStatus:
    """Return the status in which the jobs of a cause leave their triggers, unless somebody does something."""
    return TriggerStatus.KILLED if cause.status is JobStatus.KILLED else TriggerStatus.FAILED


def _held_id(status: TriggerStatus) -> str:
    return f"held {status.name.lower()}"


def _held_triggers(glance: Glance, status: TriggerStatus) -> list[TroubledTrigger]:
    explained = {trigger for cause in glance.causes if _left_by(cause) is status for trigger in cause.triggers}
    return [each for each in glance.troubled if each.status is status and each.id not in explained]


def _held(glance: Glance, status: TriggerStatus, moment: Moment) -> list[AttentionRow]:
    held = _held_triggers(glance, status)
    if not held:
        return []
    look = TRIGGER_LOOKS[status]
    every = [each.id for each in glance.troubled if each.status is status]
    listed = triggers_listed([each.id for each in held], f"/triggers?status={status.name.lower()}", every)
    seen = sorted(each.since for each in held if each.since is not None)
    return [
        AttentionRow(
            id=_held_id(status),
            icon=look.icon,
            tone=look.tone,
            title=f"{look.word} earlier, and will not run before {'it is' if len(held) == 1 else 'they are'} enabled",
            who=some([each.name for each in held]),
            count=times.number(len(held)),
            countOf=of_count(len(held), f"{look.word.lower()} trigger"),
            countHref=listed,
            first=moment.past(seen[0]) if seen else "",
            firstTip=moment.full(seen[0]) if seen else None,
            last=moment.past(seen[-1]) if seen else "",
            lastTip=moment.full(seen[-1]) if seen else None,
            link="Trigger" if len(held) == 1 else "Triggers",
            href=f"/triggers/{held[0].id}" if len(held) == 1 else listed,
            action=enable_words(len(held)),
            actionIcon="sym_r_play_arrow",
            **owned(glance.owners.of_triggers(each.id for each in held)),
        )
    ]
