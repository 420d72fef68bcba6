"""Facts about one thing: those beneath the head of its page, and pairs of what something is and its value."""

from __future__ import annotations

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import tip


def term(label: str) -> ui.element:
    """Add what something is to the list (``dl``) that is open; what is built inside is its value."""
    with ui.element("dt"):
        ui.label(label)
    return ui.element("dd")


class Fact:
    """A fact in the row beneath the head: what it is, and its value.

    Args:
        label: What it is.
        mono: In the fixed-width font.
    """

    def __init__(self, label: str, *, mono: bool = False, marker: str | None = None) -> None:
        with ui.element("div") as self.element:
            ui.label(label)
            self._value = ui.label().classes("oo-v oo-el" + (" oo-mono" if mono else ""))
        if marker:
            self._value.mark(marker)
        self._tone = ""

    def show(self, text: str, *, hint: str | None = None, tone: str = "") -> None:
        """Show a value; an empty one takes the fact away."""
        self.element.set_visibility(bool(text))
        if self._value.text != text:
            self._value.set_text(text)
        if tone != self._tone:
            self._value.classes(add=f"oo-fg-{tone}" if tone else "", remove=f"oo-fg-{self._tone}" if self._tone else "")
            self._tone = tone
        tip(self._value, hint)


def beside(heading: ui.label) -> ui.element:
    """Return the row that holds the heading of a page, for what stands beside it."""
    slot = heading.parent_slot
    row = slot.parent.parent_slot if slot else None
    assert row is not None  # noqa: S101  (a heading that was built stands in a row)
    return row.parent
