"""What a run without a site shows: the log as it grows, and at the end what became of the queues.

Owns the reading of that database, and the words.
"""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.cli.terminal import is_terminal
from OpenOrchestrator.common.visible import visible_line, visible_lines
from OpenOrchestrator.database.models import Job, Log, QueueElement
from OpenOrchestrator.database.statuses import LogLevel, QueueStatus

if TYPE_CHECKING:
    from sqlalchemy.orm import Session
    from typing_extensions import Self

    from OpenOrchestrator.database.engine.database import Database

LOOK_SECONDS = 0.25
MOST_ERRORS = 20
_WIDE = 200
_ERROR_OUTPUT = "\n\nEnd of its error output:\n"
_ROW: sa.ColumnClause[int] = sa.column("rowid", is_literal=True)
_ENDED_BADLY = (QueueStatus.FAILED, QueueStatus.ABANDONED)


class LogWatch:
    """Shows the lines of a log as they come, from the start of the block to its end.

    Args:
        database: A SQLite database with one run.
        show: Takes a text with its line end.
    """

    def __init__(self, database: Database, show: Callable[[str], None]) -> None:
        self._database = database
        self._show = show
        self._last = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="log of the robot", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        for row, text in self._database.read(self._new_lines):
            self._last = row
            self._show(text)

    def _new_lines(self, session: Session) -> list[tuple[int, str]]:
        reasons = {each for each in session.scalars(sa.select(Job.reason)) if each}
        query = sa.select(_ROW, Log).where(sa.literal_column("Logs.rowid") > self._last).order_by(_ROW)
        # The scheduler's own log of a bad end repeats what the robot printed, and what the report says next.
        return [
            (row, _line(log))
            for row, log in session.execute(query)
            if log.log_level is not LogLevel.ERROR or log.log_message.partition(_ERROR_OUTPUT)[0] not in reasons
        ]


def _line(log: Log) -> str:
    first, *rest = visible_lines(log.log_message).splitlines() or [""]
    return "".join(
        f"{line}\n"
        for line in (f"{log.log_time:%H:%M:%S} {log.log_level.value:<5} {first}", *(f"{'':15}{each}" for each in rest))
    )


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the queues.

    Attributes:
        elements: How many there are, by queue and status.
        attempts: How often elements were handed out and not given back, by queue.
        errors: The elements that ended badly, or whose last attempt did.
    """

    elements: dict[str, Counter[QueueStatus]]
    attempts: Counter[str]
    errors: tuple[QueueElement, ...]


def read(database: Database) -> Report:
    """Return what became of the queues of a database."""
    every = database.read(
        lambda session: session.scalars(sa.select(QueueElement).order_by(QueueElement.created_date)).all()
    )
    elements: dict[str, Counter[QueueStatus]] = {}
    attempts: Counter[str] = Counter()
    for each in every:
        elements.setdefault(each.queue_name, Counter())[each.status] += 1
        is_next = each.status is QueueStatus.NEW or each.start_date is None
        attempts[each.queue_name] += each.attempt - is_next
    errors = tuple(each for each in every if each.status in _ENDED_BADLY or each.error_type is not None)
    return Report(elements, attempts, errors)


def values(report: Report) -> dict[str, Any]:
    """Return a report, to be written as JSON."""
    return {
        "queues": {
            queue: {**{status.name: counts[status] for status in QueueStatus}, "attempts": report.attempts[queue]}
            for queue, counts in report.elements.items()
        },
        "errors": [
            {
                "id": str(each.id),
                "queue": each.queue_name,
                "reference": each.reference,
                "status": each.status.name,
                "attempt": each.attempt,
                "type": each.error_type,
                "code": each.error_code,
                "message": each.message,
            }
            for each in report.errors
        ],
    }


def text(report: Report, job_id: UUID, database: Database, stream: TextIO) -> str:
    """Return a report for people, in colours where a terminal shows them.

    Args:
        report: What is shown.
        job_id: The run.
        database: Its database.
        stream: Where it is going to be written.
    """
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    at_terminal = is_terminal(stream)
    shown = io.StringIO()
    width = Console(file=stream).width if at_terminal else _WIDE
    console = Console(file=shown, highlight=False, width=width, force_terminal=at_terminal, legacy_windows=False)
    job = database.read(lambda session: session.get(Job, job_id))
    if job is not None:
        console.print(
            Text(visible_line(f"{job.process_name}: {job.status.value}. {job.reason or ''}".rstrip()), "bold")
        )
    if report.elements:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for head in ("Queue", *(status.value for status in QueueStatus), "Attempts"):
            table.add_column(head, justify="left" if head == "Queue" else "right", overflow="fold")
        for queue, counts in report.elements.items():
            numbers = [str(counts[status] or "") for status in QueueStatus]
            table.add_row(Text(visible_line(queue)), *numbers, str(report.attempts[queue]))
        console.print(table)
    for each in report.errors[:MOST_ERRORS]:
        name = each.reference or str(each.id)
        words = visible_line(f"{name} ({each.status.value}, attempt {each.attempt}): {each.message or ''}")
        console.print(Text(words, "red" if each.status in _ENDED_BADLY else ""), soft_wrap=True)
    if len(report.errors) > MOST_ERRORS:
        console.print(f"and {len(report.errors) - MOST_ERRORS} more")
    return shown.getvalue()
