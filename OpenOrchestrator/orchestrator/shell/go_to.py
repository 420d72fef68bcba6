"""Go to: the way to every page, trigger and queue by typing a few letters."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.orchestrator.backend.installation import Installation
from OpenOrchestrator.orchestrator.backend.names import NamesBackend
from OpenOrchestrator.orchestrator.live.registry import PageSpec
from OpenOrchestrator.orchestrator.queues.address import path_of

Place = tuple[str, str, str, str]
"""Icon, words, quieter words, path."""


class GoTo:
    """The palette; one for each tab.

    Args:
        installation: Where triggers and queues are looked up.
        pages: What is offered at once.
        prefix: Path under which a reverse proxy serves the app.
    """

    def __init__(self, installation: Installation, pages: Sequence[PageSpec], prefix: str) -> None:
        self._installation = installation
        self._pages = pages
        self._found: list[Place] = []
        self._chosen = 0
        self._asked = 0
        self._prefix = prefix
        with ui.dialog().props("position=top") as self._dialog, ui.card().classes("oo-dialog").props("flat") as card:
            card.style("width: 560px; margin-top: 12vh")
            self._dialog.props["aria-label"] = "Go to"
            self._input = ui.input(placeholder="Page, trigger or queue").props(
                "borderless dense autofocus debounce=150"
            )
            self._input.props["aria-label"] = "Go to"
            self._input.classes("oo-goto-input").style("width: 100%; padding: 4px 16px").mark("go-to-input")
            self._input.on_value_change(self._search)
            self._input.on("keydown.down.prevent", lambda: self._move(1))
            self._input.on("keydown.up.prevent", lambda: self._move(-1))
            self._input.on("keydown.enter", self._take)
            ui.element("div").style("height: 1px; width: 100%; background: var(--border)")
            self._list = ui.element("div").classes("oo-goto-list")

    async def open(self) -> None:
        """Show it, empty."""
        self._input.value = ""
        self._dialog.open()
        await self._search()

    async def _search(self) -> None:
        self._asked += 1
        asked = self._asked
        text = str(self._input.value or "").strip()
        wanted = text.casefold()
        found: list[Place] = [
            (page.nav.icon, page.title, "Page", page.path)
            for page in self._pages
            if page.nav is not None and wanted in page.title.casefold()
        ]
        if text and self._installation.connected:
            names = NamesBackend(self._installation.database, self._installation.clock)
            try:
                triggers = await names.find_triggers(text)
                queues = await names.find_queues(text)
            except DatabaseError:
                triggers, queues = (), ()  # the banner says that it is silent; pages can be gone to all the same
            found += [("sym_r_bolt", each.name, each.process, f"/triggers/{each.id}") for each in triggers]
            found += [("sym_r_stacks", name, "Queue", path_of(name)) for name in queues]
        if asked != self._asked:
            return
        self._found, self._chosen = found, 0
        self._show()

    def _show(self) -> None:
        self._list.clear()
        with self._list:
            for number, (icon, words, quieter, path) in enumerate(self._found):
                with ui.link(target=path).classes("oo-on" if number == self._chosen else "") as link:
                    ui.icon(icon).classes("oo-t3")
                    ui.label(words).classes("oo-el oo-grow")
                    ui.label(quieter).classes("oo-sm oo-t3 oo-el")
                link.on("click", self._dialog.close)
            if not self._found:
                ui.label("Nothing has this name.").classes("oo-t3").style("padding: 8px 10px")

    def _move(self, step: int) -> None:
        if self._found:
            self._chosen = (self._chosen + step) % len(self._found)
            self._show()

    def _take(self) -> None:
        if self._chosen < len(self._found):
            self._dialog.close()
            ui.navigate.to(self._found[self._chosen][3])
