"""What of an element may be long: its files, and data that is too long to be shown as a whole.

Owns how much of it is sent to a browser before somebody asks for all of it: that is downloaded, and never shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import ghost, tip
from OpenOrchestrator.orchestrator.components.tables import download
from OpenOrchestrator.orchestrator.queues.backend.elements import ElementsBackend

if TYPE_CHECKING:
    from OpenOrchestrator.database.stores.attachments import FileRow
    from OpenOrchestrator.orchestrator.live.view import View

MOST_AS_TREE = 100_000
"""Characters of data that are shown as a tree."""

MOST_AS_TEXT = 20_000
"""Characters of longer data that are shown as text."""

MEDIA_TYPE = "application/octet-stream"
"""Of whatever robots attach: a browser shall save it, and neither show nor run it."""


def show_text(text: str) -> None:
    """Show data as text; of very long data the beginning, and a button that downloads all of it."""
    if len(text) <= MOST_AS_TREE:
        ui.label(text).classes("oo-code")
        return
    with ui.element("div").classes("oo-row oo-wrap"):
        ui.label(f"The first {MOST_AS_TEXT} of {len(text)} characters.").classes("oo-t3 oo-sm oo-grow")
        ghost(
            "Download all",
            lambda: download.offer("data.txt", MEDIA_TYPE, lambda: iter([text.encode()])),
            icon="sym_r_download",
            small=True,
            marker="download-data",
        )
    shown = ui.label(text[:MOST_AS_TEXT]).classes("oo-code").props("tabindex=0")
    shown.style("max-height: 50vh; overflow: auto")  # what stands below it can be reached


def size_words(size: int) -> str:
    """Return the size of a file in words: ``12 B``, ``3.4 kB``, ``20 MB``."""
    for unit, bytes_of in (("MB", 1_000_000), ("kB", 1000)):
        if size >= bytes_of:
            number = size / bytes_of
            return f"{number:.1f} {unit}" if number < 9.95 else f"{number:.0f} {unit}"
    return f"{size} B"


class FilesCard:
    """The card with the files of an element; not there while it has none. Build it where it stands.

    Args:
        view: The page's.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._backend = ElementsBackend(view.database, view.clock)
        with ui.element("section").classes("oo-card") as self._card:
            with ui.element("div").classes("oo-card-h"), ui.element("h2").classes("oo-grow"):
                ui.label("Files")
            self._rows = ui.element("div").mark("element-files")
        self._card.set_visibility(False)

    def show(self, files: Sequence[FileRow]) -> None:
        """Show these files."""
        self._card.set_visibility(bool(files))
        self._rows.clear()
        with self._rows:
            for file in files:
                self._row(file)

    def _row(self, file: FileRow) -> None:
        zone = self._view.zone
        with ui.element("div").classes("oo-row oo-wrap").style("padding: 4px 14px"):
            ui.icon("sym_r_attach_file").classes("oo-i14")
            ui.label(file.name).classes("oo-grow oo-pre").style("overflow-wrap: anywhere; min-width: 0")
            tip(
                ui.label(size_words(file.size)).classes("oo-t3 oo-sm"),
                f"{file.size} bytes, attached {times.absolute(file.created_at, zone)}\nSHA-256 {file.sha256}",
            )
            button = ghost(
                "Download", lambda: self._download(file), icon="sym_r_download", small=True, marker="download-file"
            )
            button.props["aria-label"] = f"Download {file.name}"

    def _download(self, file: FileRow) -> None:
        download.offer(file.name, MEDIA_TYPE, lambda: self._backend.content(file))
