"""What pages show of uses: a section of a form, and a line beneath the head of a queue.

No page of its own. Owns asking and drawing. Must not know which page it is on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from nicegui import background_tasks, ui

from OpenOrchestrator.database.statuses import UsedKind
from OpenOrchestrator.orchestrator.components.buttons import tip
from OpenOrchestrator.orchestrator.uses.backend import ProcessUse, UsesBackend
from OpenOrchestrator.orchestrator.uses.words import (
    MOST_NAMED,
    NOT_NOTED,
    day_words,
    full_date,
    process_path,
    readers,
    writers,
)

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer
    from OpenOrchestrator.orchestrator.live.view import View

MOST_LISTED = 20

REFRESH_SECONDS = 60.0
"""Between two looks: what is shown are days."""


def add_uses(view: View, drawer: FormDrawer, kind: UsedKind, name: str) -> None:
    """Add a section to a form that says where its thing is used, as soon as the database has answered."""
    backend = UsesBackend(view.database, view.clock)
    with drawer.section("Where used"):
        place = ui.element("div").classes("oo-w2 oo-uses").mark("uses")

    async def fill() -> None:
        found = await view.load(lambda: backend.get(kind, name))
        if found is not None and not place.is_deleted:
            with place:
                _draw_list(found, _today(view))

    background_tasks.create(fill(), name="where used")


class UsesLine:
    """A line that says who reads and fills a queue, and is kept up to date; none while nothing is noted.

    Args:
        view: The page.
        queue: Its name.
    """

    def __init__(self, view: View, queue: str) -> None:
        self._view = view
        self._queue = queue
        self._backend = UsesBackend(view.database, view.clock)
        self._shown: object = None
        self._found: tuple[ProcessUse, ...] = ()

    async def ask(self) -> None:
        """Ask the database, before anything is built."""
        self._found = await self._fetch()

    def build(self) -> None:
        """Build it, and follow what changes."""
        self._place = ui.element("div").classes("oo-row oo-wrap oo-note-line oo-sm").mark("uses")
        self._show(self._found)
        self._view.follow(("uses of queue", self._queue), self._fetch, self._show, every=REFRESH_SECONDS)

    async def _fetch(self) -> tuple[ProcessUse, ...]:
        return await self._backend.get(UsedKind.QUEUE, self._queue)

    def _show(self, found: tuple[ProcessUse, ...]) -> None:
        today = _today(self._view)
        if (found, today) == self._shown:
            return
        self._shown = (found, today)
        self._place.clear()
        self._place.set_visibility(bool(found))
        with self._place:
            _draw_group("Last read", readers(found), today)
            _draw_group("Last filled", writers(found), today)


def _today(view: View) -> date:
    return view.now().astimezone(view.zone).date()


def _draw_list(found: Sequence[ProcessUse], today: date) -> None:
    """Draw a line for each process."""
    read = readers(found)
    if read:
        _day(f"Last read {day_words(read[0][1], today)}", read[0][1]).classes("oo-b").mark("last-read")
    else:
        ui.label("Not noted as read" if found else "Not noted").classes("oo-t2").mark("last-read")
    for use in found[:MOST_LISTED]:
        with ui.element("div").classes("oo-row oo-wrap oo-use").mark("use"):
            _process(use)
            if use.read is not None:
                _day(f"read {day_words(use.read, today)}", use.read)
            if use.written is not None:
                _day(f"changed {day_words(use.written, today)}", use.written)
    if len(found) > MOST_LISTED:
        ui.label(f"and {len(found) - MOST_LISTED} more").classes("oo-t3")
    ui.label("Robots with OpenOrchestrator 4 or higher note it once a day." if found else NOT_NOTED).classes("oo-hint")


def _draw_group(words: str, uses: Sequence[tuple[ProcessUse, date]], today: date) -> None:
    """Draw who did something and when; a day is said once for all that share it with the latest."""
    if not uses:
        return
    latest = uses[0][1]
    with ui.element("div").classes("oo-row oo-wrap oo-use"):
        _day(f"{words} {day_words(latest, today)} by", latest)
        for use, day in uses[:MOST_NAMED]:
            with ui.element("div").classes("oo-user"):
                _process(use)
                if day != latest:
                    _day(f"({day_words(day, today)})", day)
        if len(uses) > MOST_NAMED:
            more = ui.label(f"and {len(uses) - MOST_NAMED} more").classes("oo-t3")
            tip(more, "\n".join(f"{use.process}, {full_date(day)}" for use, day in uses[MOST_NAMED:]))


def _process(use: ProcessUse) -> None:
    path = process_path(use)
    if path:
        tip(ui.link(use.process, path).classes("oo-link"), "Show its trigger" if len(use.triggers) == 1 else None)
    else:
        tip(ui.label(use.process).classes("oo-b"), "No trigger runs it.")


def _day(words: str, day: date) -> ui.label:
    label = ui.label(words).classes("oo-t2")
    tip(label, full_date(day))
    return label
