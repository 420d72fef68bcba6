"""Who somebody is, as they call themselves: a name that this browser keeps, until there are accounts.

It is asked for where it is shown to others, once, and may be left empty.
"""

from __future__ import annotations

from nicegui import app, ui

from OpenOrchestrator.orchestrator.components.buttons import ghost
from OpenOrchestrator.orchestrator.components.forms.fields import field, text_input

LONGEST_NAME = 100
_KEY = "name"


def own_name() -> str | None:
    """Return the name that was given in this browser; None if none was."""
    name = str(app.storage.user.get(_KEY) or "").strip()[:LONGEST_NAME]
    return name or None


class WhoField:
    """Asks for the name at first; from then on says it, and lets it be changed."""

    def __init__(self) -> None:
        known = own_name()
        asked = _KEY in app.storage.user
        with field(
            "Your name", note="optional", hint="Shown to others beside this. Kept in this browser."
        ) as self._field:
            self._input = text_input("Your name", known or "", placeholder="Nobody", marker="your-name")
            self._input.props(f"maxlength={LONGEST_NAME}")
        with ui.element("div").classes("oo-row oo-sm oo-t3") as self._said:
            ui.label(f"As {known}." if known else "Without your name.").mark("as-who")
            ghost("Change", self._show_input, small=True, marker="change-name")
        self._field.set_visibility(not asked)
        self._said.set_visibility(asked)

    def take(self) -> str | None:
        """Return the name, and keep it in this browser."""
        app.storage.user[_KEY] = str(self._input.value or "").strip()[:LONGEST_NAME]
        return own_name()

    def _show_input(self) -> None:
        self._field.set_visibility(True)
        self._said.set_visibility(False)
