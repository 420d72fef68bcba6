"""The inspector: an element beside the list it was opened from, with the one before and the one after it.

Owns which element is open and the panel. Must not know how the list finds its rows: it is told their order, and asks
for the next page where it comes to the end of one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from nicegui import ui

from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.orchestrator.components.buttons import ghost, icon_button, secondary, tip
from OpenOrchestrator.orchestrator.queues.address import path_of
from OpenOrchestrator.orchestrator.queues.backend.elements import ElementDetails, ElementsBackend
from OpenOrchestrator.orchestrator.queues.elements.actions import ElementActions, reasons
from OpenOrchestrator.orchestrator.queues.elements.form import edit_element
from OpenOrchestrator.orchestrator.queues.elements.parts import ElementParts

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View

_KEYS = """(event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea")) return;
  if (["j", "k"].includes(event.key)) { event.preventDefault(); event.stopPropagation(); emit(event.key); }
}"""


class ElementInspector:
    """The panel beside the list of one page. Build it within the page, outside of its body.

    Args:
        view: The page's.
        queue: The queue whose elements are listed.
        on_change: Told the id of the element that is shown, None when it was closed.
        turn: Turns the list by so many pages; returns whether there was such a page.
    """

    def __init__(
        self,
        view: View,
        queue: str,
        *,
        on_change: Callable[[UUID | None], Any],
        turn: Callable[[int], Awaitable[bool]],
    ) -> None:
        self._view = view
        self._queue = queue
        self._on_change = on_change
        self._turn = turn
        self._backend = ElementsBackend(view.database, view.clock)
        self._actions = ElementActions(view)
        self._parts = ElementParts(view)
        self._id: UUID | None = None
        self._details: ElementDetails | None = None
        self._ids: tuple[UUID, ...] = ()
        self._place = 0
        self._is_first_page = True
        self._is_last_page = True
        self._following: Any = None
        self._asked = 0
        with ui.element("aside").classes("oo-inspector").props("tabindex=-1").mark("inspector") as self._panel:
            self._panel.props["aria-label"] = "Element"
            with ui.element("div").classes("oo-dh"):
                self._title = ui.link("", "/").classes("oo-link oo-el oo-grow oo-inspector-t").mark("inspector-title")
                self._before = icon_button(
                    "sym_r_keyboard_arrow_up", "Previous element (k)", lambda: self._step(-1), marker="previous-element"
                )
                self._after = icon_button(
                    "sym_r_keyboard_arrow_down", "Next element (j)", lambda: self._step(1), marker="next-element"
                )
                close = icon_button("sym_r_close", "Close", self.close, marker="close-inspector")
                close.props("data-key=close-inspector")
            with ui.element("div").classes("oo-inspector-b") as self._body:
                self._parts.build_main()
                self._parts.build_side()
            self._gone = ui.label("This element is not there any more: it was deleted.").classes("oo-side-none")
            self._gone.mark("inspector-gone")
            with ui.element("div").classes("oo-df"):
                self._new = secondary(
                    "Set to New", lambda: self._act("new"), icon="sym_r_replay", marker="inspector-new", small=True
                )
                self._edit = secondary("Edit", self._open_form, icon="sym_r_edit", marker="inspector-edit", small=True)
                ui.element("span").classes("oo-sp")
                self._page = ghost("Open page", self._open_page, small=True, marker="inspector-page")
        self._panel.on("keydown", self._key, js_handler=_KEYS)
        self._panel.set_visibility(False)

    @property
    def shown(self) -> UUID | None:
        """The id of the element that is shown; None if the panel is closed."""
        return self._id

    def list_changed(self, ids: Sequence[UUID], *, is_first_page: bool, is_last_page: bool) -> None:
        """Tell the order of the rows that are listed now.

        Args:
            ids: From top to bottom.
            is_first_page: Whether there is none before.
            is_last_page: Whether there is none after.
        """
        self._ids = tuple(ids)
        self._is_first_page, self._is_last_page = is_first_page, is_last_page
        if self._id in self._ids:
            self._place = self._ids.index(self._id)
        self._show_steps()

    async def open(self, element_id: UUID) -> None:
        """Show an element."""
        self._id = element_id
        self._on_change(element_id)
        if element_id in self._ids:
            self._place = self._ids.index(element_id)
        self._asked += 1
        asked = self._asked
        self._view.unfollow(self._following)
        self._following = None
        details = await self._view.load(self._load)
        if asked != self._asked or self._panel.is_deleted:
            return
        self._parts.forget()
        self._details = None
        self._panel.set_visibility(True)
        self._show(details)
        self._following = self._view.follow(("element", self._queue, element_id), self._load, self._show)

    def close(self) -> None:
        """Take the panel away."""
        self._asked += 1
        self._view.unfollow(self._following)
        self._following = None
        self._id = None
        self._panel.set_visibility(False)
        self._on_change(None)

    async def _load(self) -> ElementDetails | None:
        if self._id is None:
            return None
        try:
            return await self._backend.details(self._queue, self._id)
        except NotFoundError:
            return None

    def _show(self, details: ElementDetails | None) -> None:
        if self._id is None or (details is not None and details.element.id != self._id):
            return  # an answer about the one before
        self._details = details
        self._body.set_visibility(details is not None)
        self._gone.set_visibility(details is None)
        for button in (self._edit, self._page):
            button.set_enabled(details is not None)
        why_not = reasons(details.element)["new"] if details is not None else "It was deleted"
        self._new.set_enabled(not why_not)
        tip(self._new, why_not or None)
        self._show_steps()
        if details is not None:
            self._title.set_text(details.element.name)
            if self._title.props.get("href") != self._path:
                self._title.props["href"] = self._path
                self._title.update()
            self._parts.show(details)

    @property
    def _path(self) -> str:
        return f"{path_of(self._queue)}/{self._id}"

    def _show_steps(self) -> None:
        # What was shown and is listed no longer has left its place to the one after it.
        listed = self._id in self._ids
        self._before.set_enabled(self._place > 0 or not self._is_first_page)
        last = self._place >= len(self._ids) - (1 if listed else 0)
        self._after.set_enabled(not last or not self._is_last_page)

    async def _step(self, step: int) -> None:
        if self._id is None:
            return
        place = self._place + step
        if step > 0 and self._id not in self._ids:
            place = self._place
        if not 0 <= place < len(self._ids):
            if not await self._turn(step) or not self._ids:
                return
            place = 0 if step > 0 else len(self._ids) - 1
        await self.open(self._ids[place])

    async def _key(self, event: Any) -> None:
        button, step = (self._after, 1) if event.args == "j" else (self._before, -1)
        if button.enabled:
            await self._step(step)

    async def _act(self, action: str) -> None:
        if self._details is not None:
            await self._actions.one(action, self._details.element)

    def _open_form(self) -> None:
        if self._details is not None:
            edit_element(self._view, self._details.element, self._view.refresh)

    def _open_page(self) -> None:
        self._view.go(self._path)
