"""Queues with rules: what their indexes cost."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

from benchmarks.databases import Target
from benchmarks.report import Figure, median

_BEFORE = {
    "ix_Queues_job": "job_id, status",
    "ix_Queues_reference": "queue_name, reference, status, created_date, id",
}
"""The indexes that elements had before queues had rules, and that others took the place of."""
_SINCE = {
    "ix_Queues_held": "job_id, status, not_before, lease_until",
    "ix_Queues_reference_order": "queue_name, reference, status, hand_out_order, created_date, id",
    "ix_Queues_order": "queue_name, status, hand_out_order, created_date, id",
}
_ROUNDS = 6


def index_cost(target: Target, *, elements: int) -> Iterator[Figure]:
    """Insert and finish elements beside a history, with the indexes of today and with those of before, in turn."""
    target.fill_queue("history", elements * 5, done_share=0.99)
    spent: dict[tuple[str, str], list[float]] = {}
    for number in range(_ROUNDS):
        name, wanted, other = ("before", _BEFORE, _SINCE) if number % 2 else ("since", _SINCE, _BEFORE)
        _set_indexes(target, wanted, other)
        target.analyze()
        for what, seconds in _insert_and_finish(target, f"cost {number}", elements).items():
            spent.setdefault((what, name), []).append(elements / seconds)
    _set_indexes(target, _SINCE, _BEFORE)
    for what in ("insert", "finish"):
        before, since = median(spent[what, "before"]), median(spent[what, "since"])
        yield Figure(
            f"{what} of {elements:,} elements on the driver",
            target.kind,
            "rows per second",
            since,
            before,
            "the indexes before queues had rules",
            f"{before / since:.2f} times the cost",
        )


def _set_indexes(target: Target, wanted: dict[str, str], other: dict[str, str]) -> None:
    quote = "`" if target.kind == "mariadb" else '"'
    queues = f"{quote}Queues{quote}"
    there = _index_names(target)
    for name, columns in wanted.items():
        if name not in there:
            where = " WHERE status = 'NEW'" if name == "ix_Queues_order" and target.kind != "mariadb" else ""
            target.run(f"CREATE INDEX {quote}{name}{quote} ON {queues} ({columns}){where}")
    for name in other:
        if name in there:
            on = f" ON {queues}" if target.kind == "mariadb" else ""
            target.run(f"DROP INDEX {quote}{name}{quote}{on}")


def _index_names(target: Target) -> set[str]:
    cursor = target.raw().cursor()
    cursor.execute(
        {
            "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index'",
            "postgresql": "SELECT indexname FROM pg_indexes WHERE tablename = 'Queues'",
            "mariadb": "SELECT INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()",
        }[target.kind]
    )
    return {str(row[0]) for row in cursor.fetchall()}


def _insert_and_finish(target: Target, queue: str, elements: int) -> dict[str, float]:
    """Return the seconds that it takes to insert so many, and to take and finish them one by one."""
    cursor = target.raw().cursor()
    mark = "?" if target.kind == "sqlite" else "%s"
    quote = "`" if target.kind == "mariadb" else '"'
    queues = f"{quote}Queues{quote}"
    ids = [uuid.uuid4().hex for _ in range(elements)]
    rows = [
        (each, queue, f"reference {number}", f"2026-02-01 00:00:{number % 60:02}.{number:06}")
        for number, each in enumerate(ids)
    ]
    begin = "START TRANSACTION" if target.kind == "mariadb" else "BEGIN"
    begun = time.perf_counter()
    cursor.execute(begin)
    cursor.executemany(
        f"INSERT INTO {queues} (id, queue_name, status, reference, created_date) "
        f"VALUES ({mark}, {mark}, 'NEW', {mark}, {mark})",
        rows,
    )
    cursor.execute("COMMIT")
    inserted = time.perf_counter() - begun
    job = uuid.uuid4().hex
    begun = time.perf_counter()
    cursor.execute(begin)
    for each in ids:
        cursor.execute(
            f"UPDATE {queues} SET status = 'IN_PROGRESS', job_id = {mark}, claim_token = {mark} WHERE id = {mark}",
            (job, uuid.uuid4().hex, each),
        )
        cursor.execute(f"UPDATE {queues} SET status = 'DONE' WHERE id = {mark}", (each,))
    cursor.execute("COMMIT")
    return {"insert": inserted, "finish": time.perf_counter() - begun}
