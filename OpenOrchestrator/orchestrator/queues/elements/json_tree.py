"""Data of queue elements to read: JSON as a tree that opens and closes, anything else as it is.

Numbers, repeated names and their order are shown as they are stored, and JSON that is stored as a text within JSON can
be opened. Everything is plain text in elements; nothing is ever rendered as HTML.
"""

from __future__ import annotations

from typing import Any

from nicegui import ui

from OpenOrchestrator.orchestrator.components.stored_json import (
    JsonObject,
    Literal,
    as_text,
    parts,
    showable,
    unwrapped,
)

_DEEPEST = 40
_OPEN_LEVELS = 3


def json_tree(value: JsonObject | list[Any]) -> ui.element:
    """Show a parsed object or list."""
    with ui.element("div").classes("oo-json") as element:
        for key, part in parts(value):
            _node(key, part, level=1)
        if not value:
            ui.label("{}" if isinstance(value, JsonObject) else "[]").classes("oo-jp")
    return element


def _node(key: str, value: Any, *, level: int) -> None:
    if isinstance(value, (JsonObject, list)) and value and level < _DEEPEST:
        size = f"{{{len(value)}}}" if isinstance(value, JsonObject) else f"[{len(value)}]"
        _branch(key, value, size, level=level, is_open=level < _OPEN_LEVELS)
        return
    inner = unwrapped(value) if isinstance(value, str) and not isinstance(value, Literal) else None
    if inner and level < _DEEPEST:
        _branch(key, inner, f"text with JSON in it, {len(value)} characters", level=level, is_open=False)
        return
    with ui.element("div").classes("oo-json-leaf"):
        _key(key)
        is_text = isinstance(value, str) and not isinstance(value, Literal)
        tone = "oo-js" if is_text else "oo-jp" if value is None else "oo-jn"
        ui.label(as_text(value)).classes(f"{tone} oo-pre")


def _branch(key: str, value: JsonObject | list[Any], size: str, *, level: int, is_open: bool) -> None:
    with ui.element("details") as details:
        if is_open:
            details.props["open"] = True
        with ui.element("summary"):
            ui.icon("sym_r_chevron_right").classes("oo-i14")
            _key(key)
            ui.label(size).classes("oo-jp")
        for name, part in parts(value):
            _node(name, part, level=level + 1)


def _key(key: str) -> None:
    ui.label(f"{showable(key)}:").classes("oo-jk oo-pre")
