"""A short list with a measure for each row: how long something runs, or how full a queue was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from nicegui.element import Element


@dataclass(frozen=True, slots=True, kw_only=True)
class SideRow:
    """One row.

    Attributes:
        id: The same at every refresh.
        name: What it is; links to ``href``.
        sub: Second line; ``subStrong`` is its end in the colours ``subTone``, ``subTip`` its tooltip.
        value: Figure at the right; ``valueTip`` is its tooltip.
        note: Beside or beneath the figure, in the colours ``noteTone``; ``noteTip`` is its tooltip.
        tone: Name of the colours of its measure.
        share: Per cent of its bar; None for no bar.
        line: Values over time instead of a bar, None where unknown; ``lineLabel`` says them to screen readers.
    """

    id: str
    name: str
    href: str
    sub: str
    subStrong: str = ""  # noqa: N815  (names as the browser reads them)
    subTone: str = ""  # noqa: N815
    subTip: str | None = None  # noqa: N815
    value: str = ""
    valueTip: str | None = None  # noqa: N815
    note: str = ""
    noteTone: str = ""  # noqa: N815
    noteTip: str | None = None  # noqa: N815
    tone: str = "running"
    share: int | None = None
    line: tuple[int | None, ...] | None = None
    lineLabel: str = ""  # noqa: N815


class SideList(Element, component="side_list.js"):
    """The list.

    Args:
        prefix: Path under which a reverse proxy serves the app.
    """

    def __init__(self, *, prefix: str) -> None:
        super().__init__()
        self.rows: tuple[SideRow, ...] = ()
        self._props["rows"] = []
        self._props["prefix"] = prefix

    def show(self, rows: Sequence[SideRow]) -> None:
        """Show these rows; sends nothing when they are the ones shown already."""
        if tuple(rows) == self.rows:
            return
        self.rows = tuple(rows)
        self._props["rows"] = [asdict(row) for row in rows]
        self.update()
