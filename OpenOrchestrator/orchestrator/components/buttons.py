"""Buttons in the few shapes the app has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

Handler = Callable[..., Any]


def _button(text: str, on_click: Handler | None, *, icon: str | None, classes: str, marker: str | None) -> ui.button:
    button = ui.button(text, on_click=on_click, icon=icon, color=None)
    button.props("flat no-caps no-wrap :ripple=false").classes(classes)
    if marker:
        button.mark(marker)
    return button


def primary(
    text: str, on_click: Handler | None = None, *, icon: str | None = None, marker: str | None = None
) -> ui.button:
    """The one button of a page or form that it is there for."""
    return _button(text, on_click, icon=icon, classes="oo-btn oo-pri", marker=marker)


def secondary(
    text: str,
    on_click: Handler | None = None,
    *,
    icon: str | None = None,
    small: bool = False,
    marker: str | None = None,
) -> ui.button:
    """A button with a border."""
    return _button(text, on_click, icon=icon, classes="oo-btn" + (" oo-small" if small else ""), marker=marker)


def ghost(
    text: str,
    on_click: Handler | None = None,
    *,
    icon: str | None = None,
    small: bool = False,
    red: bool = False,
    marker: str | None = None,
) -> ui.button:
    """A button without a border; red when it takes something away."""
    classes = "oo-btn oo-ghost" + (" oo-small" if small else "") + (" oo-red" if red else "")
    return _button(text, on_click, icon=icon, classes=classes, marker=marker)


def danger(text: str, on_click: Handler | None = None, *, marker: str | None = None) -> ui.button:
    """The button that does what cannot be undone; only in a question."""
    return _button(text, on_click, icon=None, classes="oo-btn oo-danger", marker=marker)


def icon_button(icon: str, label: str, on_click: Handler | None = None, *, marker: str | None = None) -> ui.button:
    """A button without words; ``label`` is its tooltip and what screen readers say."""
    button = ui.button(icon=icon, on_click=on_click, color=None)
    button.props("flat no-caps :ripple=false").classes("oo-ib")
    button.props["aria-label"] = label
    tip(button, label)
    if marker:
        button.mark(marker)
    return button


def copy_button(value: str | Callable[[], str], label: str = "Copy") -> ui.button:
    """A button that copies a text to the clipboard and says so."""

    def copy() -> None:
        ui.clipboard.write(value() if callable(value) else value)
        button.props["icon"] = "sym_r_check"
        button.update()
        ui.timer(1.5, restore, once=True)

    def restore() -> None:
        button.props["icon"] = "sym_r_content_copy"
        button.update()

    button = icon_button("sym_r_content_copy", label, copy)
    return button


def tip(element: ui.element, text: str | None) -> None:
    """Give an element a tooltip, or take it away."""
    if element.props.get("data-tip") == text:
        return
    if text is None:
        element.props.pop("data-tip", None)
    else:
        element.props["data-tip"] = text
    element.update()
