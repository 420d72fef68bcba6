"""Which changes of state are allowed, as data, and the one guarded UPDATE that makes them.

Owns the event tables of triggers, jobs and queue elements; the state diagrams in the docs are drawn from them. Must not
know why an event happens, nor what else changes with it.

A transition is one UPDATE that names the states it starts from. Its row count is the answer: of several programs that
try at the same time exactly one wins, whatever each of them read before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import (
    ACTIVE_JOB_STATUSES,
    RESTING_TRIGGER_STATUSES,
    JobStatus,
    QueueStatus,
    TriggerStatus,
)
from OpenOrchestrator.database.triggers import Trigger

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

S = TypeVar("S", bound=Enum)
Moves = Mapping[S, S]


class TriggerEvent(Enum):
    """What schedulers, admins and robots do to a trigger."""

    CLAIM = "claim"
    CLAIM_BESIDE = "claim (beside other jobs)"
    FINISH = "finish"
    FINISH_SINGLE = "finish (single trigger)"
    CLAIM_ONCE = "claim (run once)"
    FINISH_PAUSED = "finish (run once of a paused trigger)"
    FAIL = "fail"
    FAIL_AND_GO_ON = "fail (and go on)"
    FAIL_AND_RETRY = "fail (to be retried)"
    GIVE_UP_RETRY = "give up the retry"
    KILL = "kill"
    GIVE_BACK = "give back"
    SETTLE = "settle (no job runs)"
    REQUEST_RUN = "request run"
    REQUEST_ONCE = "request run once"
    REQUEST_PAUSE = "request pause"
    REQUEST_KILL = "request kill"
    ENABLE = "enable"
    DISABLE = "disable"


class JobEvent(Enum):
    """What the owner of a job does to it, or who settles it when its owner is gone."""

    START = "start"
    FINISH = "finish"
    FAIL = "fail"
    KILL = "kill"
    TIME_OUT = "time out"
    LOSE = "lose"
    GIVE_BACK = "give back"


class ElementEvent(Enum):
    """What robots and admins do to a queue element, and what the end of its job does."""

    HAND_OUT = "hand out"
    ABANDON = "abandon (its robot died)"
    TRY_AGAIN = "try again"
    PUT_OFF = "put off (waits, held by nobody)"
    WAKE = "wake (its time has come)"
    SET_NEW = "set New"
    SET_IN_PROGRESS = "set In Progress"
    SET_DONE = "set Done"
    SET_FAILED = "set Failed"
    SET_ABANDONED = "set Abandoned"


Event = TriggerEvent | JobEvent | ElementEvent


def _from(sources: Iterable[S], target: S) -> Moves[S]:
    return MappingProxyType(dict.fromkeys(sources, target))


_T = TriggerStatus

TRIGGER_EVENTS: Mapping[TriggerEvent, Moves[TriggerStatus]] = MappingProxyType(
    {
        TriggerEvent.CLAIM: _from([_T.IDLE], _T.RUNNING),
        TriggerEvent.CLAIM_BESIDE: _from([_T.RUNNING], _T.RUNNING),
        TriggerEvent.FINISH: MappingProxyType(
            {_T.RUNNING: _T.IDLE, _T.PAUSING: _T.PAUSED, _T.KILLING: _T.KILLED},
        ),
        TriggerEvent.FINISH_SINGLE: MappingProxyType(
            {_T.RUNNING: _T.DONE, _T.PAUSING: _T.PAUSED, _T.KILLING: _T.KILLED},
        ),
        TriggerEvent.CLAIM_ONCE: _from(RESTING_TRIGGER_STATUSES, _T.RUNNING),
        TriggerEvent.FINISH_PAUSED: MappingProxyType(
            {_T.RUNNING: _T.PAUSED, _T.PAUSING: _T.PAUSED, _T.KILLING: _T.KILLED},
        ),
        TriggerEvent.FAIL: MappingProxyType(
            {_T.RUNNING: _T.FAILED, _T.PAUSING: _T.FAILED, _T.KILLING: _T.KILLED},
        ),
        TriggerEvent.FAIL_AND_GO_ON: MappingProxyType(
            {_T.RUNNING: _T.IDLE, _T.PAUSING: _T.PAUSED, _T.KILLING: _T.KILLED},
        ),
        # Not while it is being killed: what somebody does not want is not tried again.
        TriggerEvent.FAIL_AND_RETRY: MappingProxyType({_T.RUNNING: _T.IDLE, _T.PAUSING: _T.PAUSED}),
        TriggerEvent.GIVE_UP_RETRY: MappingProxyType({_T.IDLE: _T.FAILED, _T.PAUSED: _T.FAILED}),
        TriggerEvent.KILL: _from([_T.RUNNING, _T.PAUSING, _T.KILLING], _T.KILLED),
        TriggerEvent.GIVE_BACK: MappingProxyType(
            {_T.RUNNING: _T.IDLE, _T.PAUSING: _T.PAUSED, _T.KILLING: _T.KILLED},
        ),
        TriggerEvent.SETTLE: MappingProxyType({_T.PAUSING: _T.PAUSED, _T.KILLING: _T.KILLED}),
        TriggerEvent.REQUEST_RUN: _from([_T.IDLE], _T.IDLE),
        TriggerEvent.REQUEST_ONCE: MappingProxyType({state: state for state in RESTING_TRIGGER_STATUSES}),
        TriggerEvent.REQUEST_PAUSE: MappingProxyType({_T.IDLE: _T.PAUSED, _T.RUNNING: _T.PAUSING}),
        TriggerEvent.REQUEST_KILL: _from([_T.RUNNING, _T.PAUSING], _T.KILLING),
        TriggerEvent.ENABLE: MappingProxyType(
            {
                _T.PAUSED: _T.IDLE,
                _T.FAILED: _T.IDLE,
                _T.KILLED: _T.IDLE,
                _T.DONE: _T.IDLE,
                _T.PAUSING: _T.RUNNING,
            },
        ),
        TriggerEvent.DISABLE: MappingProxyType(
            {
                _T.IDLE: _T.PAUSED,
                _T.FAILED: _T.PAUSED,
                _T.KILLED: _T.PAUSED,
                _T.RUNNING: _T.PAUSING,
            },
        ),
    }
)
"""Event -> from which states it is possible, and to which state it leads from each."""

JOB_EVENTS: Mapping[JobEvent, Moves[JobStatus]] = MappingProxyType(
    {
        JobEvent.START: _from([JobStatus.STARTING], JobStatus.RUNNING),
        JobEvent.FINISH: _from(ACTIVE_JOB_STATUSES, JobStatus.DONE),
        JobEvent.FAIL: _from(ACTIVE_JOB_STATUSES, JobStatus.FAILED),
        JobEvent.KILL: _from(ACTIVE_JOB_STATUSES, JobStatus.KILLED),
        JobEvent.TIME_OUT: _from(ACTIVE_JOB_STATUSES, JobStatus.TIMED_OUT),
        JobEvent.LOSE: _from(ACTIVE_JOB_STATUSES, JobStatus.LOST),
        JobEvent.GIVE_BACK: _from([JobStatus.STARTING], JobStatus.KILLED),
    }
)
"""As TRIGGER_EVENTS."""

ELEMENT_EVENTS: Mapping[ElementEvent, Moves[QueueStatus]] = MappingProxyType(
    {
        ElementEvent.HAND_OUT: _from([QueueStatus.NEW], QueueStatus.IN_PROGRESS),
        ElementEvent.ABANDON: _from([QueueStatus.IN_PROGRESS], QueueStatus.ABANDONED),
        ElementEvent.TRY_AGAIN: _from([QueueStatus.IN_PROGRESS], QueueStatus.NEW),
        ElementEvent.PUT_OFF: _from([QueueStatus.IN_PROGRESS], QueueStatus.IN_PROGRESS),
        ElementEvent.WAKE: _from([QueueStatus.IN_PROGRESS], QueueStatus.NEW),
        # Robots may set any status from any other, as they always could: not the state guards them, but the owner.
        ElementEvent.SET_NEW: _from(QueueStatus, QueueStatus.NEW),
        ElementEvent.SET_IN_PROGRESS: _from(QueueStatus, QueueStatus.IN_PROGRESS),
        ElementEvent.SET_DONE: _from(QueueStatus, QueueStatus.DONE),
        ElementEvent.SET_FAILED: _from(QueueStatus, QueueStatus.FAILED),
        ElementEvent.SET_ABANDONED: _from(QueueStatus, QueueStatus.ABANDONED),
    }
)
"""As TRIGGER_EVENTS."""


def moves_of(event: Event) -> Mapping[Any, Any]:
    """Return from which states an event is possible, and to which it leads from each."""
    if isinstance(event, TriggerEvent):
        return TRIGGER_EVENTS[event]
    if isinstance(event, JobEvent):
        return JOB_EVENTS[event]
    return ELEMENT_EVENTS[event]


def apply(
    session: Session,
    event: Event,
    row_id: UUID,
    *guards: sa.ColumnElement[bool],
    values: Mapping[str, Any] | None = None,
) -> bool:
    """Make an event happen to one trigger, job or element, if its state allows it now.

    Safe against everybody else who tries at the same time: exactly one wins.

    Args:
        session: An open transaction.
        event: What happens; its kind says to what.
        row_id: Id of the trigger, job or element.
        guards: What has to hold as well, such as ``Job.fence == 3``.
        values: Other columns to set with it, by attribute name. They may be expressions, but must not depend on the
            old status.

    Returns:
        Whether it happened. False: there is no such row, or its state or a guard forbids it; nothing was changed.
    """
    table = _table_of(event)
    return apply_where(session, event, table.c.id == row_id, *guards, values=values) == 1


def apply_where(
    session: Session,
    event: Event,
    *where: sa.ColumnElement[bool],
    values: Mapping[str, Any] | None = None,
) -> int:
    """Make an event happen to every row that fits and whose state allows it now, and return how many these are."""
    result = session.connection().execute(statement(event, *where, values=values))
    return int(result.rowcount)


def statement(event: Event, *where: sa.ColumnElement[bool], values: Mapping[str, Any] | None = None) -> sa.Update:
    """Return the guarded UPDATE that makes an event happen."""
    table = _table_of(event)
    status = table.c.process_status if isinstance(event, TriggerEvent) else table.c.status
    moves = moves_of(event)
    targets = set(moves.values())
    new: Any
    if len(targets) == 1:
        (new,) = targets
    else:
        # ELSE cannot happen, but it is what tells PostgreSQL that all of this is its enum type and no text.
        cases = ((status == source, sa.literal(target, status.type)) for source, target in moves.items())
        new = sa.case(*cases, else_=status)
    # MySQL and MariaDB assign from left to right with the new values: the status comes last, so that nothing sees it.
    assigned = [*((table.c[name], value) for name, value in (values or {}).items()), (status, new)]
    guard = status.in_(moves) if len(moves) > 1 else status == next(iter(moves))
    return sa.update(table).where(*where, guard).ordered_values(*assigned)


def diagram(events: Mapping[Any, Mapping[Any, Any]]) -> str:
    """Return the state diagram of an event table in Mermaid's notation."""
    states: list[Any] = list(type(next(iter(next(iter(events.values()))))).__members__.values())
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{state.value}" as {state.name}' for state in states]
    from_any = {event: moves for event, moves in events.items() if set(moves) == set(states)}
    if from_any:
        lines.append('    state "any of them" as ANY')
    edges: dict[tuple[str, str], list[str]] = {}
    for event, moves in events.items():
        if event in from_any:
            (target,) = set(moves.values())
            edges.setdefault(("ANY", target.name), []).append(event.value)
            continue
        for source in states:
            if source in moves:
                edges.setdefault((source.name, moves[source].name), []).append(event.value)
    lines += [f"    {source} --> {target}: {', '.join(names)}" for (source, target), names in edges.items()]
    return "\n".join(lines) + "\n"


def _table_of(event: Event) -> sa.Table:
    model = Trigger if isinstance(event, TriggerEvent) else Job if isinstance(event, JobEvent) else QueueElement
    return cast(sa.Table, model.__table__)
