"""When the page was last updated, and the button that pauses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui.element import Element


class Freshness(Element, component="freshness.js"):
    """``Updated 3 s ago``, counted in the browser between two marks.

    Args:
        on_toggle: Pauses or resumes.
    """

    def __init__(self, *, on_toggle: Callable[[], Any]) -> None:
        super().__init__()
        self._props["state"] = "live"
        self.on("toggle", on_toggle)

    def mark_updated(self) -> None:
        """Say that the database was looked at just now."""
        self.run_method("mark")

    def set_state(self, state: str) -> None:
        """Show ``live``, ``paused`` or ``lost``."""
        if self._props["state"] != state:
            self._props["state"] = state
            self.update()
