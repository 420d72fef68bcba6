"""What a database holds: nothing, our tables of which revision, or something else.

Owns recognising tables that no revision is stored for by their columns. Must not change anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from OpenOrchestrator.database.engine.stamp import read_stamp
from OpenOrchestrator.database.models import Base
from OpenOrchestrator.database.schema.revisions import head_revision, known_revisions

VERSION_TABLE = "alembic_version"


class Situation(Enum):
    """How a database stands to this program."""

    EMPTY = "without tables of OpenOrchestrator"
    OLDER = "of an earlier revision"
    CURRENT = "up to date"
    NEWER = "of a revision this program does not know"
    FOREIGN = "not a database of OpenOrchestrator"


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What a database holds.

    Attributes:
        situation: Whether and how it can be upgraded.
        revision: Its revision: the stored one, or the one its tables correspond to; None before the first.
        stamped: Whether the revision is stored in it.
        zone_name: The stored time zone of the site.
        other_tables: Tables of other programs.
        problem: For FOREIGN: what is there instead, and what to do.
    """

    situation: Situation
    revision: str | None = None
    stamped: bool = False
    zone_name: str | None = None
    other_tables: tuple[str, ...] = ()
    problem: str = ""


# What each revision up to 3.0.0 added, by table; a table or column of a later one is not there yet.
_SHAPES: tuple[tuple[str, dict[str, str]], ...] = (
    (
        "b67b7649b282",
        {
            "Constants": "name value changed_at",
            "Credentials": "name username password changed_at",
            "Logs": "id log_time log_level process_name log_message",
            "Queue_Triggers": "id queue_name min_batch_size",
            "Queues": "id queue_name status data reference created_date start_date end_date message created_by",
            "Scheduled_Triggers": "id cron_expr next_run",
            "Single_Triggers": "id next_run",
            "Triggers": "id trigger_name process_name last_run process_path process_args process_status is_git_repo "
            "is_blocking type",
        },
    ),
    ("526b6edac328", {"Schedulers": "machine_name last_update latest_trigger latest_trigger_time"}),
    ("90d46abd44a3", {"Triggers": "priority scheduler_whitelist"}),
    ("9698388a0709", {"Triggers": "git_branch"}),
    ("1c87ed320c78", {"Jobs": "id process_name scheduler_name status start_time end_time", "Logs": "job_id"}),
)


def inspect_connection(connection: Connection) -> DatabaseState:
    """Return what the database of a connection holds.

    Raises:
        RevisionError: If it holds several revisions.
        sqlalchemy.exc.DBAPIError: If it cannot be read.
    """
    stamp = read_stamp(connection)
    inspector = sa.inspect(connection)
    tables = {
        name: {str(column["name"]) for column in columns}
        for (_schema, name), columns in inspector.get_multi_columns().items()
    }
    ours = {name: tables[name] for name in Base.metadata.tables if name in tables}
    others = tuple(sorted(set(tables) - set(ours) - {VERSION_TABLE}))
    state = DatabaseState(Situation.EMPTY, zone_name=stamp.zone_name, other_tables=others)
    if stamp.revision is not None:
        return _stamped(replace(state, revision=stamp.revision, stamped=True), bool(ours))
    if not ours:
        return state
    missing = _missing_columns(ours)
    if missing:
        problem = (
            f"It has tables with the names of OpenOrchestrator's but other columns: {'; '.join(missing)}. "
            "Give OpenOrchestrator a database of its own"
        )
        return replace(state, situation=Situation.FOREIGN, problem=problem)
    revision = head_revision() if _is_complete(ours, inspector) else _corresponding_revision(ours)
    return replace(state, situation=Situation.OLDER, revision=revision)


def _stamped(state: DatabaseState, has_tables: bool) -> DatabaseState:
    if state.revision not in known_revisions():
        if has_tables:
            return replace(state, situation=Situation.NEWER)
        problem = (
            f"Another program keeps its revision {state.revision} in it. Give OpenOrchestrator a database of its own"
        )
        return replace(state, situation=Situation.FOREIGN, problem=problem)
    if not has_tables:
        problem = (
            f"It says it has revision {state.revision}, but its tables are gone. Restore a backup, or drop the table "
            f"{VERSION_TABLE} to begin anew"
        )
        return replace(state, situation=Situation.FOREIGN, problem=problem)
    return replace(state, situation=Situation.CURRENT if state.revision == head_revision() else Situation.OLDER)


def _missing_columns(ours: dict[str, set[str]]) -> list[str]:
    _revision, first = _SHAPES[0]
    required = {**first, **_SHAPES[1][1], "Jobs": _SHAPES[4][1]["Jobs"]}
    missing = []
    for table, columns in sorted(ours.items()):
        lacking = sorted(set(required.get(table, "").split()) - columns)
        if lacking:
            missing.append(f"{table} lacks {', '.join(lacking)}")
    return missing


def _corresponding_revision(ours: dict[str, set[str]]) -> str | None:
    reached = None
    for revision, added in _SHAPES:
        if not all(set(columns.split()) <= ours.get(table, set()) for table, columns in added.items()):
            break
        reached = revision
    return reached


def _is_complete(ours: dict[str, set[str]], inspector: sa.Inspector) -> bool:
    """Tell whether the tables were made by ``Base.metadata.create_all`` of this version."""
    for name, table in Base.metadata.tables.items():
        if not {column.name for column in table.columns} <= ours.get(name, set()):
            return False
        indexes = {index["name"] for index in inspector.get_indexes(name)}
        if not {index.name for index in table.indexes} <= indexes:
            return False
    return True
