"""What a robot printed, live: a list of lines that draws only those in sight.

Owns how output gets into the browser. The browser splits it into lines, searches, wraps, copies and follows; it keeps a
bounded amount. Must not know where output comes from. Everything is shown as text, never as markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nicegui.element import Element

from OpenOrchestrator.orchestrator.jobs.backend.output import Piece, Stretch

MESSAGE_CHARACTERS = 200_000
"""Most text in one message to the browser, so that others come through between them."""


class OutputViewer(Element, component="output_viewer.js"):
    """A viewer of output.

    Args:
        zone: IANA name of the zone whose wall clock people read.
        live: Whether more may come.
        follow: Whether the end stays in sight from the start.
        on_ready: Called when the browser can take output: at first, and again if it lost what it had.
        on_earlier: Called when somebody wants to see what comes before.
        on_download: Called when somebody wants everything as a file.
    """

    def __init__(
        self,
        *,
        zone: str,
        live: bool,
        follow: bool,
        on_ready: Callable[[], Any],
        on_earlier: Callable[[], Any],
        on_download: Callable[[], Any],
    ) -> None:
        super().__init__()
        self._props["zone"] = zone
        self._props["live"] = live
        self._props["follow"] = follow
        self.on("ready", lambda _: on_ready())
        self.on("earlier", lambda _: on_earlier())
        self.on("download", lambda _: on_download())

    def show_end(self, stretch: Stretch) -> None:
        """Show this instead of everything that was shown; it is the end of the output."""
        self.run_method("reset", stretch.lines_before, stretch.bytes_before)
        for part in _messages(stretch.pieces):
            self.run_method("append", part)
        self.run_method("shown")

    def add(self, pieces: Sequence[Piece]) -> None:
        """Add what was printed since."""
        for part in _messages(pieces):
            self.run_method("append", part)

    def add_earlier(self, stretch: Stretch) -> None:
        """Put this before everything that is shown."""
        self.run_method("prepend", _plain(stretch.pieces), stretch.lines_before, stretch.bytes_before)

    def set_live(self, *, live: bool) -> None:
        """Say whether more may come."""
        if self._props["live"] != live:
            self._props["live"] = live
            self.update()


def _plain(pieces: Sequence[Piece]) -> list[list[Any]]:
    """Return pieces as the browser gets them: error output or not, milliseconds, text."""
    return [[int(piece.is_error), round(piece.written_at.timestamp() * 1000), piece.text] for piece in pieces]


def _messages(pieces: Sequence[Piece]) -> list[list[list[Any]]]:
    messages: list[list[Piece]] = []
    size = MESSAGE_CHARACTERS
    for piece in pieces:
        if size >= MESSAGE_CHARACTERS:
            messages.append([])
            size = 0
        messages[-1].append(piece)
        size += len(piece.text)
    return [_plain(message) for message in messages]
