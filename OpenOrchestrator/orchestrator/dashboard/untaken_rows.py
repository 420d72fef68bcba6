"""Work that nobody can take as rows: what waits, why nobody takes it, and what to do. Pure: facts in, words out."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.dashboard.attention import AttentionRow
from OpenOrchestrator.orchestrator.dashboard.backend.overview import Glance
from OpenOrchestrator.orchestrator.dashboard.backend.queues import COUNT_CAP as QUEUE_CAP
from OpenOrchestrator.orchestrator.dashboard.backend.untaken import (
    COUNT_CAP,
    UnservedQueue,
    UntakenTrigger,
    labels_words,
    lacks_labels,
    nobody_may,
    scheduler_key,
)
from OpenOrchestrator.orchestrator.dashboard.links import link
from OpenOrchestrator.orchestrator.dashboard.owned import owned
from OpenOrchestrator.orchestrator.dashboard.words import Moment, of_count, some
from OpenOrchestrator.orchestrator.queues.address import path_of


def untaken_rows(glance: Glance, unserved: Sequence[UnservedQueue], moment: Moment) -> list[AttentionRow]:
    """Return work that nobody can take: requested runs, then triggers, then queues."""
    requested = [each for each in glance.untaken if each.requested is not None]
    others = [each for each in glance.untaken if each.requested is None]
    rows = [_requested(each, glance, moment) for each in requested]
    rows += [_trigger(each, glance) for each in others]
    return rows + [_unserved(each, glance, moment) for each in unserved]


def cancelled_by(row_id: str, glance: Glance) -> UntakenTrigger | None:
    """Return the trigger whose requested run the button of a row cancels."""
    return next((each for each in glance.untaken if each.requested is not None and row_id == f"run {each.id}"), None)


def served_by(row_id: str, unserved: Sequence[UnservedQueue]) -> tuple[UUID, ...]:
    """Return the ids of the triggers of a queue that the button of a row enables."""
    found = next((each for each in unserved if row_id == f"queue {each.queue}"), None)
    return tuple(trigger_id for trigger_id, _ in found.triggers) if found is not None else ()


def why_not_taken(schedulers: Sequence[str], glance: Glance) -> str:
    """Return why no scheduler starts a trigger that may run on these; empty for anywhere."""
    if glance.is_paused:
        return "the site is paused"
    silent = {scheduler_key(scheduler.name) for scheduler in glance.silent}
    if len(silent) == glance.schedulers:
        return "no scheduler is heard from" if silent else "there is no scheduler yet"
    if not nobody_may(schedulers, glance.live):
        if _are_held(schedulers, glance):
            return "every scheduler that may is cordoned"
        return "no free scheduler has started it"
    named = some(schedulers)
    if silent.issuperset(map(scheduler_key, schedulers)):
        return f"{named} {'is' if len(schedulers) == 1 else 'are'} not heard from"
    return f"no scheduler named {named} is heard from"


def what_to_do(schedulers: Sequence[str], glance: Glance) -> str:
    """Return what lets a trigger be taken that may run on these schedulers; empty for anywhere."""
    if glance.is_paused:
        return "it waits until the site is resumed"
    if not nobody_may(schedulers, glance.live):
        if _are_held(schedulers, glance):
            return "uncordon one, or start another scheduler"
        return "wait until one is free, or start another scheduler"
    if not schedulers:
        return "start a scheduler"
    return f"start {some(schedulers) if len(schedulers) == 1 else 'one of them'}, or edit where it may run"


def _why(trigger: UntakenTrigger, glance: Glance) -> str:
    if not glance.is_paused and lacks_labels(trigger, glance.live):
        return f"no scheduler that is heard from carries {labels_words(trigger.labels)}"
    return why_not_taken(trigger.schedulers, glance)


def _advice(trigger: UntakenTrigger, glance: Glance) -> str:
    if not glance.is_paused and lacks_labels(trigger, glance.live):
        return "start a scheduler with --label, or edit what it requires"
    return what_to_do(trigger.schedulers, glance)


def _are_held(schedulers: Sequence[str], glance: Glance) -> bool:
    held = {each.name for each in glance.held}
    return nobody_may(schedulers, {name: labels for name, labels in glance.live.items() if name not in held})


def enable_words(count: int) -> str:
    """Return the words of a button that enables so many triggers; empty for none."""
    return "" if not count else "Enable" if count == 1 else f"Enable {count}"


def _requested(trigger: UntakenTrigger, glance: Glance, moment: Moment) -> AttentionRow:
    since = trigger.requested
    assert since is not None  # noqa: S101  (only those that were asked for come here)
    return AttentionRow(
        id=f"run {trigger.id}",
        icon="sym_r_play_disabled",
        tone="timeout",
        title=f"Run requested, but {_why(trigger, glance)}",
        who=f"{trigger.name}: {_advice(trigger, glance)}, or cancel the run",
        count="1",
        countOf="requested run",
        countHref=f"/triggers/{trigger.id}",
        first=moment.past(since),
        firstTip=f"Requested {moment.full(since)}",
        last=f"{times.span(moment.seconds_since(since))} waiting",
        lastTip=f"Requested {moment.full(since)}",
        link="Trigger",
        href=f"/triggers/{trigger.id}",
        action="Cancel run",
        actionIcon="sym_r_close",
        **owned(glance.owners.of_triggers([trigger.id])),
    )


def _trigger(trigger: UntakenTrigger, glance: Glance) -> AttentionRow:
    waits = trigger.queue is not None and trigger.waiting > 0
    path = link(path_of(trigger.queue), status="new") if waits and trigger.queue else f"/triggers/{trigger.id}"
    return AttentionRow(
        id=f"untaken {trigger.id}",
        icon="sym_r_play_disabled",
        tone="timeout" if waits else "paused",
        title=f"Cannot run{f' for queue {trigger.queue}' if trigger.queue else ''}: {_why(trigger, glance)}",
        who=f"{trigger.name}: {_advice(trigger, glance)}",
        count=times.capped(trigger.waiting, COUNT_CAP) if waits else "1",
        countOf=of_count(trigger.waiting, "New element") if waits else "trigger",
        countHref=path,
        link="Trigger",
        href=f"/triggers/{trigger.id}",
        **owned(glance.owners.of_triggers([trigger.id])),
    )


def _unserved(queue: UnservedQueue, glance: Glance, moment: Moment) -> AttentionRow:
    path = link(path_of(queue.queue), status="new")
    names = [name for _, name in queue.triggers]
    why = "no trigger runs for it" if not names else "no trigger of it is enabled"
    who = (
        f"Enable {some(names)}, or abandon the elements"
        if names
        else "No robot has taken one for a day: create a queue trigger for it"
    )
    return AttentionRow(
        id=f"queue {queue.queue}",
        icon="sym_r_stacks",
        tone="timeout",
        title=f"New elements wait in {queue.queue}, but {why}",
        who=who,
        count=times.capped(queue.new, QUEUE_CAP),
        countOf=of_count(queue.new, "New element"),
        countHref=path,
        first=moment.past(queue.oldest),
        firstTip=f"The oldest was made {moment.full(queue.oldest)}",
        last=f"{times.span(moment.seconds_since(queue.oldest))} waiting",
        lastTip=f"The oldest was made {moment.full(queue.oldest)}",
        link="Trigger" if len(names) == 1 else "Queue",
        href=f"/triggers/{queue.triggers[0][0]}" if len(names) == 1 else path,
        action=enable_words(len(names)),
        actionIcon="sym_r_play_arrow",
        **owned(glance.owners.of_queues([queue.queue])),
    )
