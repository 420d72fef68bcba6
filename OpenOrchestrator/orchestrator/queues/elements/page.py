"""One queue element: all its fields, its data as a tree, its job and the logs of that time."""

from uuid import UUID

from nicegui import ui

from OpenOrchestrator.common.errors import NotFoundError
from OpenOrchestrator.orchestrator.components import empty
from OpenOrchestrator.orchestrator.components.buttons import icon_button, secondary, tip
from OpenOrchestrator.orchestrator.live.registry import PageSpec
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.queues.address import path_of, queue_of
from OpenOrchestrator.orchestrator.queues.backend.element_rows import ElementRow
from OpenOrchestrator.orchestrator.queues.backend.elements import ElementDetails, ElementsBackend
from OpenOrchestrator.orchestrator.queues.elements.actions import ElementActions, reasons
from OpenOrchestrator.orchestrator.queues.elements.form import edit_element
from OpenOrchestrator.orchestrator.queues.elements.parts import ElementParts


async def build(view: View) -> None:
    """Show the element of the address.

    Raises:
        NotFoundError: If its queue has no such element.
    """
    await ElementPage(view).build()


class ElementPage:
    """The element in one tab."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._queue = queue_of(view.parameters["queue"])
        self._backend = ElementsBackend(view.database, view.clock)
        self._actions = ElementActions(view)
        self._shown: ElementDetails | None = None
        self._parts = ElementParts(view)

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        try:
            element_id = self._id = UUID(view.parameters["element_id"])
        except ValueError:
            raise NotFoundError("There is no element with this address: its end is no id.") from None
        details = await self._backend.details(self._queue, element_id)
        view.container.classes("oo-detail")
        with view.head(details.element.name, crumbs=[("Queues", "/queues"), (self._queue, path_of(self._queue))]):
            self._build_neighbours()
            self._new = secondary(
                "Set to New", lambda: self._act("new"), icon="sym_r_replay", marker="set-new"
            ).classes("oo-short")
            self._edit = secondary("Edit", self._open_form, icon="sym_r_edit", marker="edit").classes("oo-no-phone")
            with icon_button("sym_r_more_vert", "More", marker="more") as more, ui.menu():
                ui.menu_item("Edit", self._open_form)
                self._abandon = ui.menu_item("Abandon", lambda: self._act("abandon")).mark("abandon")
                ui.menu_item("Delete", lambda: self._act("delete")).classes("oo-red").mark("delete")
        self._more = more
        with ui.element("div").classes("oo-body"):
            self._gone = ui.element("div").classes("oo-card")
            self._gone.set_visibility(False)
            with ui.element("div").classes("oo-two") as self._two:
                with ui.element("div"):
                    self._parts.build_main()
                with ui.element("div"):
                    self._parts.build_side()
        self._show(details)
        view.follow(("element", self._queue, element_id), self._details, self._show)
        await self._built(details)

    async def _built(self, details: ElementDetails) -> None:
        await self._show_neighbours(details.element)
        self._open_asked_form()

    def _build_neighbours(self) -> None:
        self._turners = [
            icon_button(f"sym_r_keyboard_arrow_{way}", words, lambda which=which: self._turn(which), marker=marker)
            for which, way, words, marker in (
                (0, "up", "Previous element", "previous-element"),
                (1, "down", "Next element", "next-element"),
            )
        ]
        for button in self._turners:
            button.disable()  # until it is known that there is one
        ui.element("span").classes("oo-vsep oo-no-phone")

    async def _show_neighbours(self, element: ElementRow) -> None:
        found = await self._view.load(lambda: self._backend.neighbours(element))
        words = (("Previous element: newer", "This is the newest"), ("Next element: older", "This is the oldest"))
        for button, other, (there, none) in zip(self._turners, found or (None, None), words, strict=True):
            button.set_enabled(other is not None)
            tip(button, there if other is not None else none)

    async def _turn(self, which: int) -> None:
        """Show the element above (0) or below (1) as lists show them at first."""
        element = self._shown.element if self._shown is not None else None
        found = await self._view.load(lambda: self._backend.neighbours(element)) if element is not None else None
        other = found[which] if found is not None else None
        if other is not None:
            self._view.go(f"{path_of(self._queue)}/{other}")

    def _open_asked_form(self) -> None:
        if self._view.asked_form() == ("edit", str(self._id)):
            self._open_form()

    async def _details(self) -> ElementDetails | None:
        try:
            return await self._backend.details(self._queue, self._id)
        except NotFoundError:
            return None

    def _show(self, details: ElementDetails | None) -> None:
        """Show it, or that it is gone."""
        before = self._shown
        if details is None:
            if before is not None:
                self._show_gone()
            return
        self._shown = details
        if before is None and self._gone.visible:
            self._gone.set_visibility(False)
            self._two.set_visibility(True)
        self._show_actions(details.element)
        self._parts.show(details)

    def _show_gone(self) -> None:
        self._shown = None
        self._parts.forget()
        self._two.set_visibility(False)
        self._gone.set_visibility(True)
        self._gone.clear()
        with self._gone:
            empty.none_yet("sym_r_delete", "This element is not there any more", "It was deleted.")
            with ui.element("div").classes("oo-row").style("justify-content: center; padding-bottom: 24px"):
                secondary(f"Open queue {self._queue}", lambda: self._view.go(path_of(self._queue)))
        for button in (self._new, self._edit, self._more):
            button.disable()

    def _show_actions(self, element: ElementRow) -> None:
        why_not = reasons(element)
        self._new.set_enabled(not why_not["new"])
        tip(self._new, why_not["new"] or None)
        self._abandon.set_enabled(not why_not["abandon"])
        if self._view.heading.text != element.name:
            self._view.heading.set_text(element.name)

    async def _act(self, action: str) -> None:
        if self._shown is not None:
            await self._actions.one(action, self._shown.element)

    def _open_form(self) -> None:
        if self._shown is not None:
            edit_element(self._view, self._shown.element, self._view.refresh)


PAGES = (PageSpec(path="/queues/{queue}/{element_id}", title="Element", build=build, under="/queues"),)
