"""A list of log messages, newest first, whose rows open in place.

Owns: rows as the browser gets them, and whether somebody reads further down. Must not know where messages come from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nicegui.element import Element
from nicegui.events import GenericEventArguments


@dataclass(frozen=True, slots=True)
class LogLine:
    """A message as it is shown.

    Attributes:
        time: Of day.
        full: The whole date, for the tooltip.
        day: Shown above it where a new day begins; empty elsewhere.
        tone: Of its level.
        level: In words.
        more: Whether there is more text than ``message``.
    """

    id: str
    time: str
    full: str
    day: str
    tone: str
    level: str
    process: str
    message: str
    more: bool
    job: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as the browser gets it: short keys, nothing that is empty."""
        values: dict[str, Any] = {
            "id": self.id,
            "t": self.time,
            "f": self.full,
            "d": self.day,
            "l": self.tone,
            "w": self.level,
            "p": self.process,
            "m": self.message,
            "x": self.more,
            "j": self.job,
        }
        return {key: value for key, value in values.items() if value or key == "m"}


Fact = tuple[str, str, str | None]
"""What it is, its words, and the path it links to."""


class LogList(Element, component="log_list.js"):
    """Log messages.

    Args:
        label: What it lists, for screen readers.
        zone: Head of the times: ``Time, CET``.
        prefix: Path under which a reverse proxy serves the app.
        on_open: Told the id of a message that was opened; answers with ``fill``.
        on_only: Told a filter that was asked for: its name and value.
        on_away: Told whether somebody reads further down, or in an open message.
    """

    def __init__(
        self,
        label: str,
        *,
        zone: str,
        prefix: str,
        on_open: Callable[[str], Any],
        on_only: Callable[[str, str], Any],
        on_away: Callable[[bool], Any],
    ) -> None:
        super().__init__()
        self.rows: list[dict[str, Any]] = []
        self.opened: dict[str, dict[str, Any]] = {}
        self._props["label"] = label
        self._props["zone"] = zone
        self._props["prefix"] = prefix
        self._props["rows"] = self.rows
        self.on("open", lambda event: self._opened(event, on_open))
        self.on("only", lambda event: self._only(event, on_only))
        self.on("away", lambda event: on_away(bool(event.args)))

    def show(self, lines: Sequence[LogLine]) -> None:
        """Show these messages; sends nothing when they are the ones shown already."""
        new = [line.to_dict() for line in lines]
        if new == self.rows:
            return
        self.rows = new
        self._props["rows"] = new
        self.update()

    def fill(self, log_id: str, text: str, facts: Sequence[Fact]) -> None:
        """Show the whole text of an open message, and what else is known about it."""
        details = {"text": text, "facts": [list(fact) for fact in facts]}
        self.opened = {log_id: details}
        self.run_method("fill", log_id, details)

    def to_top(self) -> None:
        """Scroll to the newest message and close open ones."""
        self.run_method("top")

    def _opened(self, event: GenericEventArguments, handler: Callable[[str], Any]) -> Any:
        # What the browser sends is not trusted: only a message that is listed is opened.
        log_id = str(event.args)
        return handler(log_id) if any(row["id"] == log_id for row in self.rows) else None

    def _only(self, event: GenericEventArguments, handler: Callable[[str, str], Any]) -> Any:
        name, value = str(event.args.get("name")), str(event.args.get("value"))
        key = {"job": "j", "process": "p"}.get(name)
        return handler(name, value) if key and any(row.get(key) == value for row in self.rows) else None
