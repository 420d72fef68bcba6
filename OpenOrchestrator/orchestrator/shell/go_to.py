"""Go to: the way to every page, trigger and queue by typing a few letters, and to a case by its reference or a word."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui
from nicegui.events import GenericEventArguments

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.orchestrator.backend.installation import Installation
from OpenOrchestrator.orchestrator.backend.names import NamesBackend
from OpenOrchestrator.orchestrator.live.registry import PageSpec
from OpenOrchestrator.orchestrator.queues.address import path_of
from OpenOrchestrator.orchestrator.shell.cases import CaseSearch, Group, Place

SHORTEST_WORD = 2
MOST_CHARACTERS = 200
_EVERYWHERE = ""
"""The path of the line that searches for a word everywhere."""


class GoTo:
    """The palette; one for each tab.

    What is typed is looked for at once where an index finds it: names, exact references and ids. A word is looked for
    in elements, jobs and logs when that is asked for, because it takes the database longer.

    Args:
        installation: Where triggers, queues and cases are looked up.
        pages: What is offered at once.
        prefix: Path under which a reverse proxy serves the app.
    """

    def __init__(self, installation: Installation, pages: Sequence[PageSpec], prefix: str) -> None:
        self._installation = installation
        self._pages = pages
        self._groups: list[Group] = []
        self._chosen = 0
        self._asked = 0
        self._searched = self._shown_for = ""
        self._prefix = prefix
        self._cases: CaseSearch | None = None
        with ui.dialog().props("position=top") as self._dialog, ui.card().classes("oo-dialog").props("flat") as card:
            card.style("width: 620px; margin-top: 10vh")
            self._dialog.props["aria-label"] = "Go to"
            self._input = ui.input(placeholder="Page, trigger, queue, reference or a word").props(
                f"borderless dense autofocus debounce=150 maxlength={MOST_CHARACTERS}"
            )
            self._input.props["aria-label"] = "Go to"
            self._input.classes("oo-goto-input").style("width: 100%; padding: 4px 16px").mark("go-to-input")
            self._input.on_value_change(self._changed)
            self._input.on("keydown.down.prevent", lambda: self._move(1))
            self._input.on("keydown.up.prevent", lambda: self._move(-1))
            self._input.on("keydown.enter", self._entered, js_handler="(event) => emit(event.target.value)")
            ui.element("div").style("height: 1px; width: 100%; background: var(--border)")
            self._list = ui.element("div").classes("oo-goto-list").mark("go-to-list")

    async def open(self) -> None:
        """Show it, empty."""
        self._input.value = ""
        self._dialog.open()
        await self._search("")

    async def _changed(self) -> None:
        text = _trimmed(self._input.value)
        if text != self._searched:
            await self._search(text)

    async def _search(self, text: str) -> None:
        self._asked += 1
        asked = self._asked
        self._searched = text
        groups = [self._page_group(text)]
        if text and self._installation.connected:
            try:
                groups += await self._named(text)
            except DatabaseError:
                groups.append(Group("", (), "The database does not answer."))  # pages can be gone to all the same
        if asked == self._asked:
            self._show_groups(groups)

    async def _named(self, text: str) -> list[Group]:
        names = NamesBackend(self._installation.database, self._installation.clock)
        triggers = await names.find_triggers(text)
        queues = await names.find_queues(text)
        groups = await self._case_search().at_once(text)
        groups.append(
            Group(
                "Triggers",
                tuple(Place("sym_r_bolt", each.name, each.process, f"/triggers/{each.id}") for each in triggers),
            )
        )
        groups.append(Group("Queues", tuple(Place("sym_r_stacks", name, "", path_of(name)) for name in queues)))
        if len(text) >= SHORTEST_WORD:
            words = f"Search for “{text}” in elements, jobs and logs"
            groups.append(Group("", (Place("sym_r_manage_search", words, "", _EVERYWHERE),)))
        return groups

    async def _everywhere(self) -> None:
        self._asked += 1
        asked = self._asked
        text = self._searched
        self._show_groups([Group("", (), "Searching elements, jobs and logs…")])
        try:
            groups = await self._case_search().everywhere(text)
        except DatabaseError:
            groups = [Group("", (), "The database does not answer.")]
        if asked == self._asked:
            self._show_groups(groups)

    def _case_search(self) -> CaseSearch:
        # A tab is loaded anew when another database is connected.
        if self._cases is None:
            self._cases = CaseSearch(self._installation)
        return self._cases

    def _page_group(self, text: str) -> Group:
        wanted = text.casefold()
        found = (page for page in self._pages if page.nav is not None and wanted in page.title.casefold())
        return Group("Pages", tuple(Place(page.nav.icon, page.title, "", page.path) for page in found if page.nav))

    @property
    def _places(self) -> list[Place]:
        return [place for group in self._groups for place in group.places]

    def _show_groups(self, groups: Sequence[Group]) -> None:
        self._shown_for = self._searched
        self._groups, self._chosen = [group for group in groups if group.places or group.note], 0
        self._show()

    def _show(self) -> None:
        self._list.clear()
        number = 0
        with self._list:
            for group in self._groups:
                if group.title:
                    with ui.element("div").classes("oo-goto-h"):
                        ui.label(group.title)
                for place in group.places:
                    self._line(place, chosen=number == self._chosen)
                    number += 1
                if group.note:
                    ui.label(group.note).classes("oo-goto-note")
            if not self._groups:
                ui.label("Nothing has this name.").classes("oo-t3").style("padding: 8px 10px")

    def _line(self, place: Place, *, chosen: bool) -> None:
        if place.path == _EVERYWHERE:
            line: ui.element = ui.element("a").props("role=button tabindex=0").mark("search-everywhere")
            line.on("click", self._everywhere).on("keydown.enter", self._everywhere)
        else:
            line = ui.link(target=place.path)
            line.on("click", self._dialog.close)
        line.classes("oo-on" if chosen else "")
        with line:
            ui.icon(place.icon).classes("oo-t3")
            ui.label(place.words).classes("oo-el oo-grow")
            ui.label(place.quieter).classes("oo-sm oo-t3 oo-el oo-goto-q")
        if chosen:
            line.props["aria-current"] = "true"

    def _move(self, step: int) -> None:
        places = self._places
        if places:
            self._chosen = (self._chosen + step) % len(places)
            self._show()
            ui.run_javascript("document.querySelector('.oo-goto-list .oo-on')?.scrollIntoView({block: 'nearest'})")

    async def _entered(self, event: GenericEventArguments) -> None:
        # Enter overtakes what was typed last, which waits for a pause: nothing is taken that was found for less.
        text = _trimmed(event.args if isinstance(event.args, str) else self._input.value)
        if text != self._shown_for:
            await self._search(text)
        if text == self._shown_for:
            await self._take()

    async def _take(self) -> None:
        places = self._places
        if self._chosen >= len(places):
            return
        place = places[self._chosen]
        if place.path == _EVERYWHERE:
            await self._everywhere()
        else:
            self._dialog.close()
            ui.navigate.to(place.path)


def _trimmed(text: object) -> str:
    return str(text or "").strip()[:MOST_CHARACTERS]
