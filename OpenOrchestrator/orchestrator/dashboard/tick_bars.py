"""A tiny chart of counts over time."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui.element import Element


class TickBars(Element, component="tick_bars.js"):
    """One tick for each part of a span; parts without any are a dot.

    Args:
        tone: Name of its colours.
    """

    def __init__(self, *, tone: str) -> None:
        super().__init__()
        self._props["values"] = []
        self._props["tone"] = tone
        self._props["label"] = ""

    def show(self, values: Sequence[int], *, label: str) -> None:
        """Show these counts, the oldest first; sends nothing when they are the ones shown already."""
        if list(values) == self._props["values"] and label == self._props["label"]:
            return
        self._props["values"] = list(values)
        self._props["label"] = label
        self.update()
