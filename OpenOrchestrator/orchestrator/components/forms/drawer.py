"""The drawer: a form at the right, over the page it belongs to."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.validation_element import ValidationElement
from nicegui.elements.mixins.value_element import ValueElement
from nicegui.events import GenericEventArguments

from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.components.buttons import ghost, icon_button, primary, secondary
from OpenOrchestrator.orchestrator.components.forms.checks import to_correct
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm
from OpenOrchestrator.orchestrator.components.forms.secret_input import SecretInput

_ENTER = """(event) => {
  if (event.defaultPrevented || !event.target.matches("input:not([type=checkbox]):not([role=combobox])")) return;
  event.target.dispatchEvent(new Event("change"));
  setTimeout(emit);
}"""
"""Enter in a line of text saves. What is typed but waits in the field (for its debounce) has to be sent before."""


@dataclass(frozen=True, slots=True)
class FormAddress:
    """How an open form stands in the address, so that it is open again when the page is loaded anew.

    Attributes:
        key: Which form of the page it is, and of what: ``new``, ``edit-<id>``. What is entered is kept under it.
        show: Puts the key into the address, or with None takes it out.
    """

    key: str
    show: Callable[[str | None], None]


class FormDrawer:
    """A form in a drawer of 672 px with a fixed footer.

    What is entered is kept by the browser until it is saved or discarded, and comes back when the same form is opened;
    secrets are not kept. Leaving the page asks first.

    Fields are added to sections; each field that can be wrong is announced with ``watch``. Saving is refused while a
    field is wrong, and the footer links to the first such field.

    Args:
        title: ``Edit trigger``.
        subtitle: The name of what is edited.
        icon: Beside the title.
        save: The words on the button.
        on_save: Stores it; returns whether it did, and if so the drawer closes.
        address: Where it stands in the address; None for a form that is not there.
    """

    def __init__(
        self,
        title: str,
        *,
        subtitle: str = "",
        icon: str,
        save: str,
        on_save: Callable[[], Awaitable[bool]],
        address: FormAddress | None = None,
    ) -> None:
        self._fields: list[tuple[str, ValidationElement[Any]]] = []
        self._kept: dict[str, ValueElement[Any]] = {}
        self._at_first: dict[str, Any] = {}
        self._address = address
        self._on_save = on_save
        self._dirty = False
        with ui.dialog().props("position=right full-height persistent no-esc-dismiss") as self.dialog:
            self._panel = ui.element("div").classes("oo-drawer")
        self.dialog.props["aria-label"] = title
        self._panel.on("keydown.esc", self.close)
        self._panel.on("keydown.enter", self.save, js_handler=_ENTER).mark("drawer")
        self._panel.on("restore", self._restore, args=["detail"])
        self._panel.on("leave", self._leave)
        with self._panel:
            with ui.element("div").classes("oo-dh"):
                self.icon = ui.icon(icon).classes("oo-i20 oo-fg-acc")
                with ui.element("h2"):
                    ui.label(title)
                self.subtitle = ui.label(subtitle).classes("oo-t3 oo-el oo-grow")
                self._unsaved = ui.label("Unsaved changes").classes("oo-sm oo-t3 oo-no-phone")
                self._unsaved.set_visibility(False)
                icon_button("sym_r_close", "Close", self.close, marker="close-drawer")
            with ui.element("div").classes("oo-note").mark("restored") as self._restored:
                ui.icon("sym_r_restore")
                ui.label("What you had entered before is back.").classes("oo-grow")
                ghost("Start over", self._start_over, small=True, marker="start-over")
            self._restored.set_visibility(False)
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
        if self._address is not None:
            self._address.show(self._address.key)
            self._tell_browser("open", self._address.key)

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
        if not isinstance(field, SecretInput):
            self.keep(str(field.props.get("aria-label") or name), field)

    def keep(self, label: str, field: ValueElement[Any]) -> None:
        """Keep what is entered in a field, besides those that are watched.

        Args:
            label: Of the field, as screen readers say it; tells it from the others of the form.
            field: Its input.
        """
        self._kept[label] = field
        # Text is kept by the browser as it is typed, too: it may be cut off from here.
        field.on_value_change(lambda: self._tell_browser("put", label, _plain(field.value)))

    def touched(self) -> None:
        """Note that something was changed, for fields that cannot be wrong."""
        self._set_dirty(dirty=True)
        if self._wrong.visible:
            self._show_wrong()

    def settle(self) -> None:
        """Take the present values as unchanged: call it when the form is filled."""
        self._set_dirty(dirty=False)
        self._at_first = {label: field.value for label, field in self._kept.items()}

    def _set_dirty(self, *, dirty: bool) -> None:
        if dirty != self._dirty:
            self._dirty = dirty
            self._unsaved.set_visibility(dirty)
            self._tell_browser("dirty", dirty)

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

    async def close(self) -> bool:
        """Close it, and return whether it was; asks first when something was changed."""
        if self._dirty and not await confirm(
            "Discard the changes?", ["What you entered is not saved."], action="Discard changes"
        ):
            return False
        self.discard()
        return True

    def discard(self) -> None:
        """Close it without asking; what was entered is not kept."""
        self._finish()

    def _say_problem(self, message: str, detail: str | None) -> None:
        self._problem.clear()
        with self._problem:
            ui.icon("r_error").classes("oo-i20 oo-fg-failed")
            with ui.element("div").classes("oo-col oo-grow"):
                ui.label(message).classes("oo-b oo-pre")
                if detail:
                    ui.label(detail).classes("oo-sm oo-t2 oo-pre")

    async def _leave(self) -> None:
        """Somebody went back in the browser: go on with that if the form may be closed."""
        if await self.close():
            ui.run_javascript("history.back()")

    def _restore(self, event: GenericEventArguments) -> None:
        """Put back what this browser had kept of the form."""
        kept = event.args.get("detail")
        for label, value in (kept if isinstance(kept, dict) else {}).items():
            if label in self._kept:
                _set_plain(self._kept[label], value)
        if any(field.value != self._at_first.get(label) for label, field in self._kept.items()):
            self.touched()
            self._restored.set_visibility(True)

    def _start_over(self) -> None:
        self._tell_browser("forget")
        for label, value in self._at_first.items():
            self._kept[label].set_value(value)
        self._restored.set_visibility(False)
        self._set_dirty(dirty=False)
        self._tell_browser("forget")

    def _tell_browser(self, what: str, *given: Any) -> None:
        if self._address is not None:
            told = ", ".join(json.dumps(each) for each in (self._panel.html_id, *given))
            ui.run_javascript(f"ooForm.{what}({told})")

    def _finish(self) -> None:
        self._set_dirty(dirty=False)
        if self._address is not None:
            self._tell_browser("forget")
            self._address.show(None)
        self.dialog.close()
        ui.timer(0.4, self.dialog.delete, once=True)

    def _changed(self, field: ValidationElement[Any]) -> None:
        if field.error:
            field.validate(return_result=False)
        self.touched()

    def _check(self, field: ValidationElement[Any]) -> None:
        field.validate(return_result=False)
        self._show_wrong()

    def _show_wrong(self) -> bool:
        wrong = [name for name, field in self._fields if field.error and _shown(field)]
        self._wrong_text.set_text(to_correct(wrong))
        self._wrong.set_visibility(bool(wrong))
        return bool(wrong)

    def _to_first_wrong(self) -> None:
        for _, field in self._fields:
            if field.error and _shown(field):
                field.run_method("focus")
                return


def _shown(field: ui.element) -> bool:
    return field.visible and all(ancestor.visible for ancestor in field.ancestors())


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: members of enumerations by their names."""
    if isinstance(value, Enum):
        return value.name
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _set_plain(field: ValueElement[Any], value: Any) -> None:
    """Set a field to what ``_plain`` returned; what is none of its options any more is left out."""
    options = getattr(field, "options", None)
    if isinstance(options, dict):
        known = {_plain(each): each for each in options}
        if isinstance(value, str) and value in known:
            field.set_value(known[value])
    elif isinstance(field, ui.select) and isinstance(options, list):
        names = [str(each) for each in value] if isinstance(value, list) else []
        field.set_options([*options, *(name for name in names if name not in options)], value=names)
    elif isinstance(field, ui.switch):
        field.set_value(bool(value))
    else:
        field.set_value("" if value is None else str(value))
