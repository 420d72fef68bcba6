"""Parts that the page of a job and the page of a trigger share. No page of its own."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any
from uuid import UUID

from nicegui import ui

from OpenOrchestrator.database.statuses import JobStatus, QueueStatus
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import copy_button, tip
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column, Row
from OpenOrchestrator.orchestrator.components.vocabulary import ELEMENT_LOOKS, JOB_LOOKS, LOG_LOOKS, Look, pill
from OpenOrchestrator.orchestrator.jobs.backend.details import ElementRow, LogRow, RunLength
from OpenOrchestrator.orchestrator.jobs.backend.failure import Failure
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.queues.address import path_of

LOG_COLUMNS = (
    Column("time", "Time", "148px", phone=True, phone_width="84px"),
    Column("level", "Level", "84px", phone=True, phone_width="74px"),
    Column("message", "Message", phone=True),
)
ELEMENT_COLUMNS = (
    Column("reference", "Element", "26%", phone=True),
    Column("status", "Status", "124px", phone=True, phone_width="124px"),
    Column("started", "Taken", "110px"),
    Column("took", "Took", "86px", right=True),
    Column("message", "Message"),
)
SHOWN_CHARACTERS = 300


class Tabs:
    """Tabs, of which one shows its panel; which one is in the address.

    Args:
        words: Value in the address -> words; the first has an empty value.
        chosen: What the address says.
        on_change: Told the value of the tab that was chosen.
    """

    def __init__(self, words: Mapping[str, str], chosen: str, on_change: Callable[[str], Any]) -> None:
        self.chosen = chosen if chosen in words else ""
        self._on_change = on_change
        self._tabs: dict[str, ui.element] = {}
        self._numbers: dict[str, ui.label] = {}
        self._panels: dict[str, ui.element] = {}
        with ui.element("div").classes("oo-jtabs").props('role="tablist"'):
            for value, text in words.items():
                with ui.element("button").props('type=button role="tab"') as tab:
                    ui.label(text)
                    self._numbers[value] = ui.label().classes("oo-n")
                tab.on("click", lambda value=value: self.choose(value)).mark(f"tab-{value or 'first'}")
                self._tabs[value] = tab
        self._mark()

    def panel(self, value: str, element: ui.element) -> None:
        """Say what a tab shows."""
        self._panels[value] = element
        element.set_visibility(value == self.chosen)

    def count(self, value: str, text: str) -> None:
        """Show a number behind the words of a tab."""
        if self._numbers[value].text != text:
            self._numbers[value].set_text(text)

    def choose(self, value: str) -> Any:
        """Show the panel of a tab."""
        if value == self.chosen:
            return None
        self.chosen = value
        self._mark()
        for name, panel in self._panels.items():
            panel.set_visibility(name == value)
        return self._on_change(value)

    def _mark(self) -> None:
        for value, tab in self._tabs.items():
            tab.props["aria-selected"] = "true" if value == self.chosen else "false"
            tab.update()


class Fact:
    """A fact in the row beneath the head: what it is, and its value.

    Args:
        label: What it is.
        mono: In the fixed-width font.
    """

    def __init__(self, label: str, *, mono: bool = False, marker: str | None = None) -> None:
        with ui.element("div") as self.element:
            ui.label(label)
            self._value = ui.label().classes("oo-v oo-el" + (" oo-mono" if mono else ""))
        if marker:
            self._value.mark(marker)
        self._tone = ""

    def show(self, text: str, *, hint: str | None = None, tone: str = "") -> None:
        """Show a value; an empty one takes the fact away."""
        self.element.set_visibility(bool(text))
        if self._value.text != text:
            self._value.set_text(text)
        if tone != self._tone:
            self._value.classes(add=f"oo-fg-{tone}" if tone else "", remove=f"oo-fg-{self._tone}" if self._tone else "")
            self._tone = tone
        tip(self._value, hint)


class Pill:
    """A state that is drawn anew when it changes."""

    def __init__(self) -> None:
        self._element = ui.element("span")
        self._look: Look | None = None

    def show(self, look: Look) -> None:
        """Show a state."""
        if look == self._look:
            return
        self._look = look
        self._element.clear()
        with self._element:
            pill(look, quiet=False).mark("state")


def beside_heading(view: View) -> ui.element:
    """Return the row that holds the heading, for what stands beside it."""
    heading = view.heading.parent_slot
    row = heading.parent.parent_slot if heading else None
    assert row is not None  # noqa: S101  (a heading that was built stands in a row)
    return row.parent


def failure_card(reason: str, failure: Failure | None, look: Look) -> ui.element:
    """Build the card that says what went wrong; what is built inside stands at its right."""
    with ui.element("div").classes(f"oo-card oo-jwrong oo-jw-{look.tone}").mark("failure") as card:
        ui.icon(look.icon).classes(f"oo-i20 oo-fg-{look.tone}")
        with ui.element("div").classes("oo-grow"):
            ui.label(reason).classes("oo-jreason").mark("reason")
            if failure is not None:
                ui.label(failure.headline[:600]).classes("oo-jheadline").mark("headline")
                if failure.text.strip() != failure.headline.strip():
                    trace = ui.label(failure.text).classes("oo-jtrace").mark("trace")
                    trace.props('tabindex=0 role="region" aria-label="End of the error output"')
        if failure is not None:
            copy_button(f"{failure.text}\n", "Copy the error")
    return card


def length_bars(lengths: Sequence[RunLength], prefix: str, zone: tzinfo, *, this: UUID | None = None) -> None:
    """Draw how long runs took as bars that link to their jobs; failed ones are told by colour and tooltip."""
    longest = max((run.seconds or 0.0 for run in lengths), default=0.0)
    usual = typical(lengths)
    with ui.element("div").classes("oo-jlengths"):
        for run in lengths:
            look = JOB_LOOKS[run.status]
            took = times.exact_duration(run.seconds) if run.seconds is not None else "not ended"
            when = times.full(times.from_site(run.claimed, zone), zone)
            link = ui.element("a").classes("oo-jthis" if run.job_id == this else "")
            link.props["href"] = f"{prefix}/jobs/{run.job_id}"
            link.props["aria-label"] = f"{look.word}, {took}, {when}"
            link.props["data-tip"] = f"{look.word}, {took}\n{when}"
            share = (run.seconds or 0.0) / longest if longest else 0.0
            with link:
                ui.element("b").classes(f"oo-m-{look.tone}").style(f"height: {max(share * 92, 6):.0f}%")
        if usual and longest:
            ui.element("i").style(f"bottom: {usual / longest * 92:.0f}%")


def typical(lengths: Sequence[RunLength]) -> float | None:
    """Return the median length of the runs that succeeded; None without any."""
    done = sorted(run.seconds for run in lengths if run.status is JobStatus.DONE and run.seconds is not None)
    return done[len(done) // 2] if done else None


def limit_words(seconds: int) -> str:
    """Return a limit of time without units of nought: ``3 h``, ``1 h 30 min``, ``45 s``."""
    parts = ((seconds // 3600, "h"), (seconds % 3600 // 60, "min"), (seconds % 60, "s"))
    return " ".join(f"{amount} {unit}" for amount, unit in parts if amount) or "0 s"


def log_row(row: LogRow, now: datetime, zone: tzinfo) -> Row:
    """Return a message as a table shows it: its first line."""
    instant = times.from_site(row.time, zone)
    lines = row.message.strip().split("\n")
    # Of a traceback the last line says more than the first.
    line = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    more = f"  (+{len(lines) - 1} lines)" if len(lines) > 1 else ""
    local, today = instant.astimezone(zone), now.astimezone(zone)
    day = "" if local.date() == today.date() else f"{times.calendar(instant, now, zone).split(' ')[0]} "
    if abs((local.date() - today.date()).days) > 6:
        day = f"{local.day} {times.MONTHS[local.month - 1]} "
    return Row(
        id=str(row.id),
        name=f"message of {local:%H:%M:%S}",
        cells={
            "time": cells.text(f"{day}{local:%H:%M:%S}", tip=times.absolute(instant, zone), tone="t2"),
            "level": cells.pill(LOG_LOOKS[row.level]),
            "message": cells.text(line[:SHOWN_CHARACTERS] + more, mono=True),
        },
    )


def element_row(row: ElementRow, now: datetime, zone: tzinfo) -> Row:
    """Return a queue element as a table shows it."""
    took = ""
    if row.started is not None and row.ended is not None and row.ended >= row.started:
        took = times.duration((row.ended - row.started).total_seconds())
    started = times.from_site(row.started, zone) if row.started is not None else None
    tone = "failed" if row.status is QueueStatus.FAILED else "t2"
    return Row(
        id=str(row.id),
        name=row.reference or str(row.id),
        version=row.status.name,
        cells={
            "reference": cells.text(
                row.reference or "(without reference)",
                second=row.queue,
                href=f"{path_of(row.queue)}/{row.id}",
            ),
            "status": cells.pill(ELEMENT_LOOKS[row.status]),
            "started": cells.moment(started, now, zone),
            "took": cells.text(took),
            "message": cells.text((row.message or "")[:300], tone=tone if row.message else None, tip=row.message),
        },
    )
