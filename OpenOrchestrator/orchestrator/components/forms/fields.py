"""Fields of forms: the label above, the input, the hint or the error beneath."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import icon_button

E = TypeVar("E", bound=ui.element)
Check = Callable[[Any], str | None]
"""Returns what is wrong with a value, or None."""

MOST_OFFERED = 200
_LOOK = "outlined dense hide-bottom-space no-error-icon"


@contextmanager
def field(label: str, *, hint: str | None = None, note: str | None = None, wide: bool = False) -> Iterator[ui.element]:
    """Put a label above what is built inside, and a hint beneath.

    Args:
        label: What it is.
        hint: Beneath, quieter.
        note: Beside the label, quieter: ``JSON, optional``.
        wide: Over both columns of a section.
    """
    with ui.element("div").classes("oo-f" + (" oo-w2" if wide else "")) as element:
        with ui.element("div").classes("oo-lab"):
            ui.label(label)
            if note:
                ui.label(note).classes("oo-t3").style("font-weight: 400")
        yield element
        if hint:
            ui.label(hint).classes("oo-hint")


def text_input(
    label: str,
    value: str = "",
    *,
    check: Check | None = None,
    placeholder: str | None = None,
    mono: bool = False,
    suffix: str | None = None,
    marker: str | None = None,
) -> ui.input:
    """A line of text; ``label`` is for screen readers, the visible one comes from ``field``."""
    element = ui.input(value=value, placeholder=placeholder, suffix=suffix, validation=check)
    return _dress(element, label, mono=mono, marker=marker)


def offer(element: ui.input, names: Sequence[str], what: str) -> None:
    """Let a line be completed from names that are in use, and these be looked through.

    Args:
        element: The line.
        names: In order; others may be typed.
        what: They are, in the plural, for screen readers.
    """
    element.set_autocomplete(list(names))
    if not names:
        return

    def fill(*, is_open: bool) -> None:
        content.clear()
        if not is_open:
            return
        with content:
            for name in names[:MOST_OFFERED]:
                ui.item(name, on_click=partial(take, name)).props("clickable role=menuitem").mark(f"offer-{name}")
            if len(names) > MOST_OFFERED:
                ui.label(f"{len(names) - MOST_OFFERED} more: type how one begins.").classes("oo-t3 oo-sm oo-offer-more")

    def take(name: str) -> None:
        element.set_value(name)
        menu.close()

    with (
        element.add_slot("append"),
        icon_button("sym_r_expand_more", f"Show all {what}", marker="offer"),
        ui.menu().props("max-height=320px") as menu,
    ):
        content = ui.element("div")
    menu.on_value_change(lambda event: fill(is_open=bool(event.value)))


class Doubt:
    """What is odd about a field, though it may be meant so. Build it beneath the field."""

    def __init__(self, marker: str) -> None:
        self._label = ui.label().classes("oo-hint oo-fg-timeout").props("aria-live=polite").mark(marker)
        self._label.set_visibility(False)

    def show(self, words: str) -> None:
        """Say it; empty for nothing."""
        if self._label.text != words:
            self._label.set_text(words)
        self._label.set_visibility(bool(words))


def text_area(
    label: str, value: str = "", *, check: Check | None = None, mono: bool = False, marker: str | None = None
) -> ui.textarea:
    """Several lines of text."""
    element = ui.textarea(value=value, validation=check).props("autogrow")
    return _dress(element, label, mono=mono, marker=marker)


def choice(
    label: str,
    options: Mapping[Any, str] | Sequence[str],
    value: Any = None,
    *,
    check: Check | None = None,
    multiple: bool = False,
    new_values: bool = False,
    clearable: bool = False,
    marker: str | None = None,
) -> ui.select:
    """A choice out of a list.

    Args:
        label: For screen readers.
        options: Values and their words, or words alone.
        value: What is chosen; a list where several may be.
        check: Says what is wrong.
        multiple: Whether several may be chosen.
        new_values: Whether words that are not in the list may be typed.
        clearable: Whether it may be emptied.
        marker: For tests.
    """
    given: Any = dict(options) if isinstance(options, Mapping) else list(options)
    element = ui.select(
        given,
        value=value,
        multiple=multiple,
        clearable=clearable,
        with_input=new_values or len(given) > 12,
        new_value_mode=("add-unique" if new_values else None),
        validation=check,
    )
    if multiple:
        element.props("use-chips")
    element.props('options-dense dropdown-icon="sym_r_expand_more"')
    return _dress(element, label, marker=marker)


def segmented(
    options: Mapping[Any, str],
    value: Any,
    *,
    label: str,
    icons: Sequence[str] = (),
    wide: bool = False,
    marker: str | None = None,
) -> Segments:
    """A choice among a few, all of them visible; with an icon before the words of each where given."""
    element = Segments(dict(options), value=value, icons=icons)
    element.props("flat no-caps unelevated :ripple=false").classes("oo-seg" + (" oo-wide" if wide else ""))
    element.props["aria-label"] = label
    if marker:
        element.mark(marker)
    return element


class Segments(ui.toggle):
    """A toggle whose options may have icons, and numbers that call for attention."""

    def __init__(self, options: dict[Any, str], *, value: Any, icons: Sequence[str]) -> None:
        self._icons = tuple(icons)
        self._counts: dict[Any, ui.label] = {}
        super().__init__(options, value=value)

    def set_count(self, option: Any, text: str) -> None:
        """Show a number behind the words of an option; nothing for an empty text."""
        if option not in self._counts:
            with self.add_slot(_count_slot(list(self.options).index(option))):
                self._counts[option] = ui.label().classes("oo-seg-n")
            self.update()
        if self._counts[option].text != text:
            self._counts[option].set_text(text)

    def _update_options(self) -> None:
        super()._update_options()
        for option, icon in zip(self._props["options"], self._icons, strict=False):
            option["icon"] = icon
        for index, name in enumerate(self.options):
            if name in self._counts:
                self._props["options"][index]["slot"] = _count_slot(index)


def _count_slot(index: int) -> str:
    return f"count-{index}"


def switch(label: str, value: bool, *, marker: str | None = None) -> ui.switch:
    """Yes or no."""
    element = ui.switch(label, value=value).classes("oo-sw")
    if marker:
        element.mark(marker)
    return element


def _dress(element: E, label: str, *, mono: bool = False, marker: str | None = None) -> E:
    element.props(_LOOK).classes("oo-in" + (" oo-mono-in" if mono else ""))
    element.props["aria-label"] = label
    if marker:
        element.mark(marker)
    return element
