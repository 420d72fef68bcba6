"""Data of queue elements to read: JSON as a tree that opens and closes, anything else as it is.

Everything is plain text in elements; nothing is ever rendered as HTML.
"""

from __future__ import annotations

import json
from typing import Any

from nicegui import ui

_DEEPEST = 40
_OPEN_LEVELS = 3


def parsed(text: str | None) -> Any:
    """Return the object or list that a text holds as JSON; None for anything else, also for a bare number or word."""
    if not text or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (dict, list)) else None


def json_tree(value: Any) -> ui.element:
    """Show a parsed object or list."""
    with ui.element("div").classes("oo-json") as element:
        for key, part in _parts(value):
            _node(key, part, level=1)
        if not value:
            ui.label("{}" if isinstance(value, dict) else "[]").classes("oo-jp")
    return element


def _node(key: str, value: Any, *, level: int) -> None:
    if isinstance(value, (dict, list)) and value and level < _DEEPEST:
        with ui.element("details") as details:
            if level < _OPEN_LEVELS:
                details.props["open"] = True
            with ui.element("summary"):
                ui.icon("sym_r_chevron_right").classes("oo-i14")
                _key(key)
                size = f"{{{len(value)}}}" if isinstance(value, dict) else f"[{len(value)}]"
                ui.label(size).classes("oo-jp")
            for name, part in _parts(value):
                _node(name, part, level=level + 1)
        return
    with ui.element("div").classes("oo-json-leaf"):
        _key(key)
        tone = "oo-js" if isinstance(value, str) else "oo-jp" if value is None else "oo-jn"
        ui.label(json.dumps(value, ensure_ascii=False)).classes(f"{tone} oo-pre")


def _key(key: str) -> None:
    ui.label(f"{key}:").classes("oo-jk oo-pre")


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(str(key), part) for key, part in value.items()]
    return [(str(number), part) for number, part in enumerate(value)]
