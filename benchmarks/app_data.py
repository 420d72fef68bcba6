"""A site of some years for the benchmarks of the admin app, made by the database server itself.

Owns what is in it; must not measure anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from benchmarks.databases import Target

ZONE = ZoneInfo("Europe/Copenhagen")
DAYS = 30
TRIGGERS = 500
PROCESSES = 50
QUEUES = 20
SCHEDULERS = 10
RUNNING = 10
BIG_QUEUE = "queue 0"
RARE_WORD = "pomegranate"

_TRACEBACK = "\n".join(
    [
        "Traceback (most recent call last):",
        *(f'  File "robots/invoices/step_{n}.py", line {n}, in step_{n}\n    run_step_{n}(element)' for n in range(12)),
        "ValueError: The invoice has no lines",
    ]
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows there are; ten log messages and ten queue elements for each job."""

    jobs: int

    @property
    def logs(self) -> int:
        """Log messages."""
        return self.jobs * 10

    @property
    def elements(self) -> int:
        """Queue elements, seven of ten of them in BIG_QUEUE."""
        return self.jobs * 10


def id_of(number: int) -> UUID:
    """Return the id of the row with this number, from 1, in any table; in no order, as those of real rows."""
    return UUID(f"{number * 2654435761 % 2**32:08x}{number:024x}")


class _Words:
    """SQL for what the databases say differently."""

    def __init__(self, kind: str) -> None:
        self.sqlite = kind == "sqlite"
        if kind not in ("sqlite", "postgresql"):
            raise ValueError(f"no data for the app on {kind}: use sqlite or postgresql")
        self._site = datetime.now(ZONE).replace(tzinfo=None).isoformat(" ", "seconds")
        self._utc = datetime.now(timezone.utc).replace(tzinfo=None).isoformat(" ", "seconds")

    @property
    def indexes(self) -> str:
        """Names and statements of the indexes that no key needs."""
        if self.sqlite:
            return "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        return """SELECT relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
            WHERE relnamespace = current_schema()::regnamespace
            AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)"""

    def numbers(self, count: int) -> str:
        if self.sqlite:
            return f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
        return f"WITH n AS (SELECT generate_series(1, {count})::bigint AS i)"

    def id(self, number: str = "i") -> str:
        if self.sqlite:
            return f"printf('%08x%024x', (({number}) * 2654435761) % 4294967296, {number})"
        scattered = f"to_hex((({number})::bigint * 2654435761) % 4294967296)"
        return f"(lpad({scattered}, 8, '0') || lpad(to_hex({number}), 24, '0'))::uuid"

    def ago(self, seconds: str, *, utc: bool = False) -> str:
        now = self._utc if utc else self._site
        if self.sqlite:
            return f"strftime('%Y-%m-%d %H:%M:%f000', '{now}', (-1.0 * ({seconds})) || ' seconds')"
        return f"(timestamp '{now}' - ({seconds}) * interval '1 second')"

    def enum(self, expression: str, name: str) -> str:
        return f"({expression})" if self.sqlite else f"({expression})::{name}"

    def flag(self, value: bool) -> str:
        return str(int(value)) if self.sqlite else str(value)


def fill(target: Target, sizes: Sizes) -> None:
    """Insert everything.

    Raises:
        ValueError: If there are no statements for this kind of database.
    """
    words = _Words(target.kind)
    connection = target.raw()
    cursor = connection.cursor()
    try:
        if target.kind == "sqlite":
            cursor.execute("PRAGMA synchronous=OFF")
            cursor.execute("PRAGMA cache_size=-500000")
        with _without_indexes(cursor, words):
            for statement in (
                *_triggers(words),
                _jobs(words, sizes),
                _logs(words, sizes),
                _elements(words, sizes),
                *_small(words),
            ):
                cursor.execute(statement)
        cursor.execute("ANALYZE" if target.kind == "sqlite" else "VACUUM ANALYZE")
        if target.kind == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


@contextmanager
def _without_indexes(cursor: Any, words: _Words) -> Iterator[None]:
    """Drop all indexes, and make them again: sorting a million keys once is faster than a million places to find."""
    cursor.execute(words.indexes)
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    yield
    for _, statement in indexes:
        cursor.execute(statement)


def _triggers(words: _Words) -> list[str]:
    kind = "CASE i % 5 WHEN 0 THEN 'QUEUE' WHEN 1 THEN 'SINGLE' ELSE 'SCHEDULED' END"
    status = f"""CASE WHEN i > {TRIGGERS - RUNNING + 1} OR i = 1 THEN 'RUNNING' WHEN i % 50 = 3 THEN 'FAILED'
        WHEN i % 20 = 4 THEN 'PAUSED' WHEN i % 5 = 1 THEN 'DONE' ELSE 'IDLE' END"""
    numbers = words.numbers(TRIGGERS)
    next_run = words.ago("-3600 - i * 60")
    return [
        f"""{numbers} INSERT INTO "Triggers" (id, trigger_name, process_name, last_run, process_path, process_args,
            process_status, is_git_repo, git_branch, is_blocking, scheduler_whitelist, priority, type)
            SELECT {words.id()}, 'Trigger ' || i, 'process ' || ((i - 1) % {PROCESSES}), {words.ago("i * 60")},
            'https://git.example/robots.git', '', {words.enum(status, "triggerstatus")}, {words.flag(True)}, 'main',
            {words.flag(True)}, CASE WHEN i % 3 = 0 THEN '["robot-1", "robot-2"]' ELSE '[]' END, i % 4,
            {words.enum(kind, "triggertype")} FROM n""",
        f"""{numbers} INSERT INTO "Single_Triggers" (id, next_run)
            SELECT {words.id()}, {next_run} FROM n WHERE i % 5 = 1""",
        f"""{numbers} INSERT INTO "Scheduled_Triggers" (id, cron_expr, next_run)
            SELECT {words.id()}, '0 6 * * 1-5', {next_run} FROM n WHERE i % 5 BETWEEN 2 AND 4""",
        f"""{numbers} INSERT INTO "Queue_Triggers" (id, queue_name, min_batch_size)
            SELECT {words.id()}, 'queue ' || (i / 5 % {QUEUES}), 10 FROM n WHERE i % 5 = 0""",
    ]


def _jobs(words: _Words, sizes: Sizes) -> str:
    ago = f"({sizes.jobs} - i) * {DAYS * 86400 / sizes.jobs} + 60"
    active = f"i > {sizes.jobs - RUNNING}"
    status = f"""CASE WHEN {active} THEN 'RUNNING' WHEN i % 50 = 0 THEN 'FAILED' WHEN i % 997 = 0 THEN 'LOST'
        WHEN i % 991 = 0 THEN 'KILLED' ELSE 'DONE' END"""
    trigger = f"i % {TRIGGERS} + 1"
    return f"""{words.numbers(sizes.jobs)} INSERT INTO "Jobs" (id, process_name, scheduler_name, status, start_time,
        end_time, trigger_id, trigger_name, started_at, exit_code, reason, commit_sha)
        SELECT {words.id()}, 'process ' || (i % {PROCESSES}), 'robot-' || (i % {SCHEDULERS} + 1),
        {words.enum(status, "jobstatus")}, {words.ago(ago)},
        CASE WHEN {active} THEN NULL ELSE {words.ago(ago + " - 20 - i % 30")} END, {words.id(trigger)},
        'Trigger ' || ({trigger}), {words.ago(ago + " - 2", utc=True)},
        CASE WHEN {active} THEN NULL WHEN i % 50 = 0 THEN 1 ELSE 0 END,
        CASE WHEN i % 50 = 0 THEN 'The robot ended with exit code 1.' END, '0123456789abcdef0123456789abcdef01234567'
        FROM n"""


def _logs(words: _Words, sizes: Sizes) -> str:
    ago = f"({sizes.logs} - i) * {DAYS * 86400 / sizes.logs}"
    level = "CASE WHEN i % 100 = 0 THEN 'ERROR' WHEN i % 3 = 0 THEN 'TRACE' ELSE 'INFO' END"
    job = "(i - 1) / 10 + 1"
    message = f"""CASE WHEN i % 100 = 0 THEN '{_TRACEBACK}'
        WHEN i % 40000 = 7 THEN 'The supplier of the {RARE_WORD} answered'
        ELSE 'Handled invoice ' || i || ' of supplier ' || (i % 977) || ' in the system of the finance department: '
        || 'posted, filed, and its receipt sent to the address that the supplier gave' END"""
    return f"""{words.numbers(sizes.logs)} INSERT INTO "Logs" (id, log_time, log_level, process_name, job_id,
        log_message) SELECT {words.id()}, {words.ago(ago)}, {words.enum(level, "loglevel")},
        'process ' || (({job}) % {PROCESSES}), {words.id(job)}, {message} FROM n"""


def _elements(words: _Words, sizes: Sizes) -> str:
    new = f"i > {sizes.elements - sizes.elements * 3 // 100}"
    held = f"i > {sizes.elements - sizes.elements * 3 // 100 - RUNNING}"
    ago = f"({sizes.elements} - i) * {DAYS * 86400 / sizes.elements}"
    status = f"""CASE WHEN {new} THEN 'NEW' WHEN {held} THEN 'IN_PROGRESS' WHEN i % 50 = 0 THEN 'FAILED'
        ELSE 'DONE' END"""
    return f"""{words.numbers(sizes.elements)} INSERT INTO "Queues" (id, queue_name, status, data, reference,
        created_date, start_date, end_date, message, created_by, job_id)
        SELECT {words.id()}, CASE WHEN i % 10 < 7 THEN '{BIG_QUEUE}' ELSE 'queue ' || (i % {QUEUES - 1} + 1) END,
        {words.enum(status, "queuestatus")}, '{{"invoice": ' || i || ', "supplier": "A supplier of many things"}}',
        'invoice ' || i, {words.ago(ago)}, CASE WHEN {new} THEN NULL ELSE {words.ago(ago + " - 30")} END,
        CASE WHEN {held} THEN NULL ELSE {words.ago(ago + " - 60")} END,
        CASE WHEN {held} THEN NULL WHEN i % 50 = 0 THEN 'ValueError: The invoice has no lines' END, 'loader',
        CASE WHEN {new} THEN NULL ELSE {words.id("(i - 1) / 10 + 1")} END FROM n"""


def _small(words: _Words) -> list[str]:
    return [
        f"""{words.numbers(SCHEDULERS)} INSERT INTO "Schedulers" (machine_name, last_update, latest_trigger,
            latest_trigger_time, heartbeat_at, version, slots, running_jobs)
            SELECT 'robot-' || i, {words.ago("3600")}, 'Trigger ' || i, {words.ago("3700")},
            {words.ago("3600", utc=True)}, '4.0.0', 4, 1 FROM n""",
        f"""{words.numbers(50)} INSERT INTO "Constants" (name, value, changed_at)
            SELECT 'constant ' || i, 'value ' || i, {words.ago("i * 3600")} FROM n""",
    ]
