"""The event tables: every state with every event, and the diagrams drawn from them."""

from __future__ import annotations

from types import MappingProxyType
from uuid import uuid4

import pytest
from sqlalchemy.dialects import mssql, mysql, postgresql, sqlite

from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.statuses import ACTIVE_JOB_STATUSES, JobStatus, QueueStatus, TriggerStatus
from OpenOrchestrator.database.transitions import (
    ELEMENT_EVENTS,
    JOB_EVENTS,
    TRIGGER_EVENTS,
    ElementEvent,
    JobEvent,
    TriggerEvent,
    diagram,
    moves_of,
    statement,
)
from OpenOrchestrator.database.triggers import Trigger

T = TriggerStatus
J = JobStatus
Q = QueueStatus

TRIGGERS = """
                 IDLE    RUNNING  FAILED  DONE  PAUSED  PAUSING  KILLING  KILLED
CLAIM            RUNNING -        -       -     -       -        -        -
CLAIM_BESIDE     -       RUNNING  -       -     -       -        -        -
FINISH           -       IDLE     -       -     -       PAUSED   KILLED   -
FINISH_SINGLE    -       DONE     -       -     -       PAUSED   KILLED   -
CLAIM_ONCE       RUNNING -        RUNNING RUNNING RUNNING -      -        RUNNING
FINISH_PAUSED    -       PAUSED   -       -     -       PAUSED   KILLED   -
FAIL             -       FAILED   -       -     -       FAILED   KILLED   -
FAIL_AND_GO_ON   -       IDLE     -       -     -       PAUSED   KILLED   -
FAIL_AND_RETRY   -       IDLE     -       -     -       PAUSED   -        -
GIVE_UP_RETRY    FAILED  -        -       -     FAILED  -        -        -
KILL             -       KILLED   -       -     -       KILLED   KILLED   -
GIVE_BACK        -       IDLE     -       -     -       PAUSED   KILLED   -
SETTLE           -       -        -       -     -       PAUSED   KILLED   -
REQUEST_RUN      IDLE    -        -       -     -       -        -        -
REQUEST_ONCE     IDLE    -        FAILED  DONE  PAUSED  -        -        KILLED
REQUEST_PAUSE    PAUSED  PAUSING  -       -     -       -        -        -
REQUEST_KILL     -       KILLING  -       -     -       KILLING  -        -
ENABLE           -       -        IDLE    IDLE  IDLE    RUNNING  -        IDLE
DISABLE          PAUSED  PAUSING  PAUSED  -     -       -        -        PAUSED
"""

JOBS = """
           STARTING   RUNNING    DONE  FAILED  KILLED  TIMED_OUT  LOST  SKIPPED
START      RUNNING    -          -     -       -       -          -     -
FINISH     DONE       DONE       -     -       -       -          -     -
FAIL       FAILED     FAILED     -     -       -       -          -     -
KILL       KILLED     KILLED     -     -       -       -          -     -
TIME_OUT   TIMED_OUT  TIMED_OUT  -     -       -       -          -     -
LOSE       LOST       LOST       -     -       -       -          -     -
GIVE_BACK  KILLED     -          -     -       -       -          -     -
"""

ELEMENTS = """
                 NEW          IN_PROGRESS  DONE         FAILED       ABANDONED
HAND_OUT         IN_PROGRESS  -            -            -            -
ABANDON          -            ABANDONED    -            -            -
TRY_AGAIN        -            NEW          -            -            -
PUT_OFF          -            IN_PROGRESS  -            -            -
WAKE             -            NEW          -            -            -
SET_NEW          NEW          NEW          NEW          NEW          NEW
SET_IN_PROGRESS  IN_PROGRESS  IN_PROGRESS  IN_PROGRESS  IN_PROGRESS  IN_PROGRESS
SET_DONE         DONE         DONE         DONE         DONE         DONE
SET_FAILED       FAILED       FAILED       FAILED       FAILED       FAILED
SET_ABANDONED    ABANDONED    ABANDONED    ABANDONED    ABANDONED    ABANDONED
"""


def _cells(text, events, states):
    header, *rows = (line.split() for line in text.strip().splitlines())
    assert set(header) == set(states.__members__)
    assert {row[0] for row in rows} == set(events.__members__)
    for name, *targets in rows:
        for source, target in zip(header, targets, strict=True):
            yield events[name], states[source], None if target == "-" else states[target]


@pytest.mark.parametrize(
    ("event", "source", "target"),
    [
        *_cells(TRIGGERS, TriggerEvent, TriggerStatus),
        *_cells(JOBS, JobEvent, JobStatus),
        *_cells(ELEMENTS, ElementEvent, QueueStatus),
    ],
    ids=str,
)
def test_every_state_with_every_event(event, source, target):
    assert moves_of(event).get(source) is target


@pytest.mark.parametrize("table", [TRIGGER_EVENTS, JOB_EVENTS, ELEMENT_EVENTS])
def test_the_tables_cannot_be_changed(table):
    assert isinstance(table, MappingProxyType)
    assert all(isinstance(moves, MappingProxyType) for moves in table.values())


def test_an_ended_job_stays_as_it_ended():
    for moves in JOB_EVENTS.values():
        assert set(moves) <= ACTIVE_JOB_STATUSES


def test_a_running_trigger_leaves_that_state_only_through_its_job_or_an_admin():
    leaving = {event for event, moves in TRIGGER_EVENTS.items() if moves.get(T.RUNNING, T.RUNNING) is not T.RUNNING}
    assert leaving == {
        TriggerEvent.FINISH,
        TriggerEvent.FINISH_SINGLE,
        TriggerEvent.FINISH_PAUSED,
        TriggerEvent.FAIL,
        TriggerEvent.FAIL_AND_GO_ON,
        TriggerEvent.FAIL_AND_RETRY,
        TriggerEvent.KILL,
        TriggerEvent.GIVE_BACK,
        TriggerEvent.REQUEST_PAUSE,
        TriggerEvent.REQUEST_KILL,
        TriggerEvent.DISABLE,
    }


@pytest.mark.parametrize("dialect", [mssql, mysql, postgresql, sqlite])
@pytest.mark.parametrize("event", [*TriggerEvent, *JobEvent, *ElementEvent], ids=str)
def test_every_update_is_guarded_by_the_states_it_starts_from(event, dialect):
    table = Trigger.__table__
    sql = str(
        statement(event, table.c.id == uuid4()).compile(
            dialect=dialect.dialect(), compile_kwargs={"render_postcompile": True}
        )
    )
    column = "process_status" if isinstance(event, TriggerEvent) else "status"
    where = sql.partition("WHERE")[2]
    assert f"{column} = " in where or f"{column} IN (" in where
    parameters = statement(event, table.c.id == uuid4()).compile(dialect=dialect.dialect()).params
    guarded = [value for name, value in parameters.items() if name.startswith(f"{column}_")][-1]
    assert set(guarded if isinstance(guarded, (list, tuple)) else [guarded]) == set(moves_of(event))


def test_the_status_is_assigned_last_because_mysql_assigns_from_left_to_right():
    table = Job.__table__
    sql = str(statement(JobEvent.FAIL, table.c.id == uuid4(), values={"reason": "x", "fence": table.c.fence + 1}))
    assignments = sql.partition("SET ")[2].partition(" WHERE")[0].split(", ")
    assert [part.partition("=")[0] for part in assignments] == ["reason", "fence", "status"]


def test_the_diagram_shows_every_allowed_change_once():
    lines = diagram(TRIGGER_EVENTS).splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert "    RUNNING --> IDLE: finish, fail (and go on), fail (to be retried), give back" in lines
    edges = [line.partition(":")[0].strip() for line in lines if "-->" in line]
    expected = {f"{s.name} --> {t.name}" for moves in TRIGGER_EVENTS.values() for s, t in moves.items()}
    assert sorted(edges) == sorted(expected)


def test_the_diagram_draws_what_is_possible_from_everywhere_once():
    text = diagram(ELEMENT_EVENTS)
    assert text.count("ANY -->") == len(QueueStatus)
    assert "    NEW --> IN_PROGRESS: hand out" in text
