"""How a demo is shown: as a picture that changes in the terminal, or as plain lines.

Must not know the database: it is given snapshots. What robots wrote is shown as text and never as markup or as
control codes of the terminal.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol, TextIO
from uuid import UUID

from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from OpenOrchestrator.cli.demo_watch import LogLine, Run, Snapshot
from OpenOrchestrator.cli.terminal import is_terminal
from OpenOrchestrator.common.visible import visible, visible_line
from OpenOrchestrator.database.statuses import JobStatus, LogLevel, QueueStatus

_RUN_STYLES = {JobStatus.STARTING: "cyan", JobStatus.RUNNING: "bold cyan", JobStatus.DONE: "green"}
_LEVEL_STYLES = {LogLevel.TRACE: "dim", LogLevel.INFO: "", LogLevel.ERROR: "red"}
_ELEMENT_STYLES = {
    QueueStatus.NEW: "blue",
    QueueStatus.IN_PROGRESS: "cyan",
    QueueStatus.DONE: "green",
    QueueStatus.FAILED: "red",
    QueueStatus.ABANDONED: "magenta",
}
_SECONDS_BETWEEN_COUNTS = 2.0
_NARROW = 80


class View(Protocol):
    """Shows a demo while it runs."""

    def __enter__(self) -> View:
        """Take the terminal."""

    def __exit__(self, *_: object) -> None:
        """Give the terminal back."""

    def show(self, snapshot: Snapshot, headline: str, link: str = "") -> None:
        """Show the current state, and the link that opens the admin app if there is one yet."""


def make_view(queue: str, stream: TextIO | None = None) -> View:
    """Return the view that fits the terminal: plain lines for files and pipes, NO_COLOR, and TERM=dumb."""
    stream = stream or sys.stdout
    plain = not is_terminal(stream) or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return PlainView(queue, stream) if plain else LiveView(queue, Console(file=stream))


class LiveView:
    """A picture of the demo: runs, queue and log lines side by side.

    Args:
        queue: Name of the queue.
        console: The terminal.
    """

    def __init__(self, queue: str, console: Console) -> None:
        self._queue = queue
        self._console = console
        self._live = Live(console=console, auto_refresh=False, screen=True)
        self._last: RenderableType = ""

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        self._console.print(self._last)  # what was last seen stays, in full

    def show(self, snapshot: Snapshot, headline: str, link: str = "") -> None:
        """Draw the picture anew."""
        narrow = self._console.width < _NARROW
        rows = max(2, min(10, self._console.height // 3 - 3))
        door = _app_text(link)
        door_rows = len(door.wrap(self._console, self._console.width, overflow="fold"))
        lines = max(2, self._console.height - rows - 7 - door_rows)
        title = Text(headline, style="bold", no_wrap=True, overflow="ellipsis")
        runs = Panel(_runs_table(snapshot.runs[-rows:], narrow), title="Runs", title_align="left")
        queue: RenderableType = Text(_queue_words(self._queue, snapshot.elements))
        if not narrow:
            queue = Panel(_queue_chart(snapshot.elements), title=f"Queue {self._queue}", title_align="left")
        log = Panel(_log_text(snapshot.lines[-lines:]), title="What the robots log", title_align="left")
        layout = Layout()
        layout.split_column(
            Layout(title, size=1), Layout(door, size=door_rows), Layout(name="top", size=rows + 3), Layout(log)
        )
        if narrow:
            layout["top"].split_column(Layout(runs), Layout(queue, size=1))
        else:
            layout["top"].split_row(Layout(runs, ratio=3), Layout(queue, ratio=2))
        self._last = Group(Text(headline, style="bold"), runs, queue, log)
        self._live.update(layout, refresh=True)


class PlainView:
    """One line for each thing that happens.

    Args:
        queue: Name of the queue.
        stream: Where the lines go; characters it cannot hold are replaced.
        now: Tells the time in seconds, to keep the counts of the queue from filling the screen.
    """

    def __init__(self, queue: str, stream: TextIO, *, now: Callable[[], float] = time.monotonic) -> None:
        self._queue = queue
        self._stream = stream
        self._now = now
        self._headline_said = False
        self._link = ""
        self._runs: dict[UUID, JobStatus] = {}
        self._lines: set[UUID] = set()
        self._counts: Mapping[QueueStatus, int] = {}
        self._counts_at = float("-inf")

    def __enter__(self) -> PlainView:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def show(self, snapshot: Snapshot, headline: str, link: str = "") -> None:
        """Write what has happened since the last call."""
        if not self._headline_said:
            self._headline_said = True
            self._say(headline)
        if link and link != self._link:
            self._link = link
            self._say(f"The admin app opens with this link, which works once: {link}")
        for line in snapshot.lines:
            if line.log_id not in self._lines:
                said = visible_line(f"{line.process}: {line.level.value}: {line.message}")
                self._say(f"{line.time:%H:%M:%S}  {said}")
        self._lines = {line.log_id for line in snapshot.lines}
        for run in snapshot.runs:
            if self._runs.get(run.job_id) is not run.status:
                self._runs[run.job_id] = run.status
                self._say(f"{run.started + run.took:%H:%M:%S}  {visible_line(_run_words(run))}")
        moment = self._now()
        settled = not snapshot.active
        if snapshot.elements != self._counts and (settled or moment - self._counts_at > _SECONDS_BETWEEN_COUNTS):
            self._counts, self._counts_at = snapshot.elements, moment
            self._say(f"          {_queue_words(self._queue, snapshot.elements)}")

    def _say(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(visible(text).encode(encoding, "replace").decode(encoding) + "\n")
        self._stream.flush()


def _run_words(run: Run) -> str:
    commit = f", commit {run.commit[:12]}" if run.commit else ""
    took = "" if run.active else f" after {_duration(run.took)}"
    reason = f": {run.reason}" if run.reason and not run.active else ""
    return f"{run.trigger}: {run.status.value}{took}{commit}{reason}"


def _queue_words(queue: str, elements: Mapping[QueueStatus, int]) -> str:
    counts = [f"{elements[status]} {status.value}" for status in QueueStatus if elements.get(status)]
    return f"Queue {queue}: {', '.join(counts) or 'empty'}"


def _app_text(link: str) -> Text:
    """Return the line with the link, which can be clicked in most terminals and copied in all."""
    if not link:
        return Text("The admin app is starting ...", style="dim")
    return Text.assemble("Admin app (works once): ", (link, f"link {link}"), overflow="fold")


def _runs_table(runs: tuple[Run, ...], narrow: bool) -> RenderableType:
    if not runs:
        return Text("The scheduler is starting ...", style="dim")
    table = Table(box=None, expand=True, pad_edge=False)
    table.add_column("Trigger", ratio=1, no_wrap=True, overflow="ellipsis", header_style="dim")
    for name, width in (("State", 9), ("Took", 7), ("At", 8), ("Commit", 8))[: 2 if narrow else 4]:
        table.add_column(name, width=width, no_wrap=True, header_style="dim")
    for run in runs:
        cells: list[RenderableType] = [
            Text(visible_line(run.trigger)),
            Text(run.status.value, style=_RUN_STYLES.get(run.status, "red")),
            _duration(run.took),
            f"{run.started:%H:%M:%S}",
            Text(visible_line((run.commit or "")[:8])),
        ]
        table.add_row(*cells[: len(table.columns)])
    return table


def _queue_chart(elements: Mapping[QueueStatus, int]) -> RenderableType:
    total = max(sum(elements.values()), 1)
    table = Table(box=None, expand=True, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(ratio=1)
    for status in QueueStatus:
        style = _ELEMENT_STYLES[status]
        count = elements.get(status, 0)
        bar = ProgressBar(total=total, completed=count, complete_style=style, finished_style=style)
        table.add_row(Text(status.value, style=style), str(count), bar)
    return table


def _log_text(lines: tuple[LogLine, ...]) -> RenderableType:
    shown = [
        Text(
            f"{line.time:%H:%M:%S}  {visible_line(line.process)}  {visible_line(line.message)}",
            style=_LEVEL_STYLES[line.level],
            no_wrap=True,
            overflow="ellipsis",
        )
        for line in lines
    ]
    return Group(*shown) if shown else Text("Nothing yet.", style="dim")


def _duration(took: timedelta) -> str:
    return f"{took.total_seconds():.1f} s"
