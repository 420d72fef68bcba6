"""Which columns of a file become the reference and the data of elements: the part of an import that asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import ghost
from OpenOrchestrator.orchestrator.components.forms.fields import choice, field
from OpenOrchestrator.orchestrator.queues.backend import csv_columns
from OpenOrchestrator.orchestrator.queues.backend.csv_columns import ColumnMap

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.queues.backend.csv_import import ImportPreview

NO_REFERENCE = "No reference"


class ColumnChoice:
    """Two fields where columns are mapped; a button that begins it where their names say what they are.

    Args:
        preview: What the file would become now.
        on_map: Told another choice.
        on_usual: Called to take the columns by their names again.
    """

    def __init__(self, preview: ImportPreview, on_map: Callable[[ColumnMap], Any], on_usual: Callable[[], Any]) -> None:
        self._on_map = on_map
        columns = preview.columns
        self._names = [name for name, count in Counter(preview.head).items() if name and count == 1]
        self._problem = ui.label().classes("oo-alert oo-pre").mark("columns-problem")
        self._problem.set_visibility(False)
        if columns is None:
            if preview.ignored:
                begin = csv_columns.guess(preview.head)
                ghost("Map columns", lambda: on_map(begin), icon="sym_r_tune", small=True, marker="map-columns")
            return
        self._chosen = columns
        with ui.element("div").classes("oo-map"):
            with field("Reference"):
                options = {"": NO_REFERENCE, **{name: name for name in self._names}}
                self._reference = choice("Reference", options, columns.reference, marker="map-reference")
                self._reference.on_value_change(self._changed)
            with field("Data, as JSON", note="headings with the text of their cells"):
                self._data = choice("Data, as JSON", self._names, list(columns.data), multiple=True, marker="map-data")
                self._data.on_value_change(self._changed)
        with ui.element("div").classes("oo-row"):
            ui.label("This choice is remembered for the queue when you import.").classes("oo-sm oo-t3")
            if preview.usual:
                ghost("Take Reference and Data as they are", on_usual, small=True, marker="usual-columns")

    def say(self, problem: str) -> None:
        """Say what is wrong with the choice."""
        self._problem.set_text(problem)
        self._problem.set_visibility(True)

    async def _changed(self) -> None:
        data = set(self._data.value or [])
        chosen = ColumnMap(str(self._reference.value or ""), tuple(name for name in self._names if name in data))
        if chosen != self._chosen:
            self._chosen = chosen
            await self._on_map(chosen)
