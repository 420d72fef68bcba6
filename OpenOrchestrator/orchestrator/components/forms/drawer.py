"""The drawer: a form at the right, over the page it belongs to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.validation_element import ValidationElement

from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.components.buttons import ghost, icon_button, primary, secondary
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm

_ENTER = """(event) => {
  if (event.defaultPrevented || !event.target.matches("input:not([type=checkbox]):not([role=combobox])")) return;
  event.target.dispatchEvent(new Event("change"));
  setTimeout(emit);
}"""
"""Enter in a line of text saves. What is typed but waits in the field (for its debounce) has to be sent before."""


class FormDrawer:
    """A form in a drawer of 672 px with a fixed footer.

    Fields are added to sections; each field that can be wrong is announced with ``watch``. Saving is refused while a
    field is wrong, and the footer links to the first such field.

    Args:
        title: ``Edit trigger``.
        subtitle: The name of what is edited.
        icon: Beside the title.
        save: The words on the button.
        on_save: Stores it; returns whether it did, and if so the drawer closes.
    """

    def __init__(
        self, title: str, *, subtitle: str = "", icon: str, save: str, on_save: Callable[[], Awaitable[bool]]
    ) -> None:
        self._fields: list[tuple[str, ValidationElement[Any]]] = []
        self._on_save = on_save
        self._dirty = False
        with ui.dialog().props("position=right full-height persistent no-esc-dismiss") as self.dialog:
            self._panel = ui.element("div").classes("oo-drawer")
        self.dialog.props["aria-label"] = title
        self._panel.on("keydown.esc", self.close)
        self._panel.on("keydown.enter", self.save, js_handler=_ENTER).mark("drawer")
        with self._panel:
            with ui.element("div").classes("oo-dh"):
                self.icon = ui.icon(icon).classes("oo-i20 oo-fg-acc")
                with ui.element("h2"):
                    ui.label(title)
                self.subtitle = ui.label(subtitle).classes("oo-t3 oo-el oo-grow")
                self._unsaved = ui.label("Unsaved changes").classes("oo-sm oo-t3 oo-no-phone")
                self._unsaved.set_visibility(False)
                icon_button("sym_r_close", "Close", self.close, marker="close-drawer")
            self.body = ui.element("div").classes("oo-db")
            self._problem = ui.element("div").classes("oo-df-problem").props("role=alert").mark("form-problem")
            with ui.element("div").classes("oo-df"):
                with ui.element("button").classes("oo-wrong").props("type=button") as self._wrong:
                    ui.icon("r_error").classes("oo-i16")
                    self._wrong_text = ui.label().mark("wrong-fields")
                self._wrong.on("click", self._to_first_wrong)
                self._wrong.set_visibility(False)
                ui.element("span").classes("oo-sp")
                ghost("Cancel", self.close, marker="cancel-drawer")
                with ui.element("span").classes("oo-row") as self.extra:
                    pass
                self.save_button = primary(save, self.save, marker="save")

    def open(self) -> None:
        """Show it."""
        self.dialog.open()

    def watch(self, name: str, field: ValidationElement[Any]) -> None:
        """Count a field among those that must be right before saving.

        Args:
            name: What people call it.
            field: Its input; checked when it loses the focus and when saving.
        """
        field.without_auto_validation()
        field.on("blur", lambda: self._check(field))
        field.on_value_change(lambda: self._changed(field))
        self._fields.append((name, field))

    def touched(self) -> None:
        """Note that something was changed, for fields that cannot be wrong."""
        self._dirty = True
        self._unsaved.set_visibility(True)

    def settle(self) -> None:
        """Take the present values as unchanged: call it when the form is filled."""
        self._dirty = False
        self._unsaved.set_visibility(False)

    @contextmanager
    def section(self, title: str) -> Iterator[ui.element]:
        """Add a section: its label at the left, two columns of fields at the right."""
        with self.body, ui.element("div").classes("oo-sec"):
            with ui.element("h3"):
                ui.label(title)
            with ui.element("div").classes("oo-fgrid") as grid:
                yield grid

    def add_button(self, text: str, handler: Callable[[], Awaitable[None]], *, marker: str) -> None:
        """Add a second button before the one that saves."""
        with self.extra:
            secondary(text, handler, marker=marker)

    def valid(self) -> bool:
        """Check all visible fields and show what is wrong."""
        for _, field in self._fields:
            if _shown(field):
                field.validate(return_result=False)
            else:
                field.error = None
        return not self._show_wrong()

    async def save(self) -> None:
        """Check, store and close."""
        if not self.save_button.enabled:
            return
        if not self.valid():
            self._to_first_wrong()
            return
        self.save_button.disable()
        self._problem.clear()
        try:
            with feedback.within(self._say_problem):
                stored = await self._on_save()
        finally:
            if not self.save_button.is_deleted:
                self.save_button.enable()
        if stored:
            self._finish()

    async def close(self) -> None:
        """Close it; asks first when something was changed."""
        if self._dirty and not await confirm(
            "Discard the changes?", ["What you entered is not saved."], action="Discard changes"
        ):
            return
        self._finish()

    def _say_problem(self, message: str, detail: str | None) -> None:
        self._problem.clear()
        with self._problem:
            ui.icon("r_error").classes("oo-i20 oo-fg-failed")
            with ui.element("div").classes("oo-col oo-grow"):
                ui.label(message).classes("oo-b oo-pre")
                if detail:
                    ui.label(detail).classes("oo-sm oo-t2 oo-pre")

    def _finish(self) -> None:
        self.dialog.close()
        ui.timer(0.4, self.dialog.delete, once=True)

    def _changed(self, field: ValidationElement[Any]) -> None:
        self.touched()
        if field.error:
            self._check(field)

    def _check(self, field: ValidationElement[Any]) -> None:
        field.validate(return_result=False)
        self._show_wrong()

    def _show_wrong(self) -> bool:
        wrong = [name for name, field in self._fields if field.error and _shown(field)]
        count = f"{len(wrong)} field{'s' if len(wrong) > 1 else ''} to correct"
        self._wrong_text.set_text(f"{count}: {', '.join(wrong[:3])}" if wrong else "")
        self._wrong.set_visibility(bool(wrong))
        return bool(wrong)

    def _to_first_wrong(self) -> None:
        for _, field in self._fields:
            if field.error and _shown(field):
                field.run_method("focus")
                return


def _shown(field: ui.element) -> bool:
    return field.visible and all(ancestor.visible for ancestor in field.ancestors())
