"""The list of what needs attention: a cause, whom it hits, how often and when, and the one action that helps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nicegui.element import Element
from nicegui.events import GenericEventArguments


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionRow:
    """One cause.

    Attributes:
        id: The same at every refresh.
        icon: Of its kind.
        tone: Name of its colours.
        title: The cause.
        tip: More about it, as a tooltip.
        who: Whom it hits.
        owner: Whom to call; ``ownerTip`` is all that is known of them.
        ownerHref: Writes to them a mail; empty for no link.
        runbook: Page that says what to do; empty for none.
        count: How often.
        countOf: What is counted, for screen readers.
        countHref: Where these are listed.
        first: When it was first seen; ``firstTip`` in full.
        last: When it was last seen; ``lastTip`` in full.
        link: Words of the link to the best place to look.
        href: Its path.
        action: Words of the button; empty for none.
        actionIcon: Beside them.
    """

    id: str
    icon: str
    tone: str
    title: str
    who: str
    count: str
    tip: str | None = None
    owner: str = ""
    ownerTip: str | None = None  # noqa: N815  (names as the browser reads them)
    ownerHref: str = ""  # noqa: N815
    runbook: str = ""
    countOf: str = ""  # noqa: N815
    countHref: str = ""  # noqa: N815
    first: str = ""
    firstTip: str | None = None  # noqa: N815
    last: str = ""
    lastTip: str | None = None  # noqa: N815
    link: str = ""
    href: str = ""
    action: str = ""
    actionIcon: str = ""  # noqa: N815


class Attention(Element, component="attention.js"):
    """A list of causes that keeps the focus while it is refreshed, and its lines in place while somebody is at it.

    Args:
        prefix: Path under which a reverse proxy serves the app.
        on_act: Told the id of the row whose button was clicked.
    """

    def __init__(self, *, prefix: str, on_act: Callable[[str], Any]) -> None:
        super().__init__()
        self.rows: tuple[AttentionRow, ...] = ()
        self._props["rows"] = []
        self._props["prefix"] = prefix
        self._on_act = on_act
        self.on("act", self._acted)

    def show(self, rows: Sequence[AttentionRow]) -> None:
        """Show these causes; sends nothing when they are the ones shown already."""
        if tuple(rows) == self.rows:
            return
        self.rows = tuple(rows)
        self._props["rows"] = [asdict(row) for row in rows]
        self.update()

    def _acted(self, event: GenericEventArguments) -> Any:
        # What the browser sends is not trusted: only an action that a row offers now is done.
        if any(row.id == event.args and row.action for row in self.rows):
            return self._on_act(str(event.args))
        return None
