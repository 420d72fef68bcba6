"""A field for a secret: what is typed goes to the server and never comes back."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from OpenOrchestrator.orchestrator.components.forms.fields import Check


class SecretInput(ui.input):
    """A line that shows dots, with a button that shows what was typed.

    Ordinary inputs send their value back whenever something about them changes, such as an error beneath. This one
    tells the browser nothing: the browser alone keeps what is shown.

    Args:
        label: For screen readers.
        check: Says what is wrong.
        placeholder: Shown while it is empty.
        marker: For tests.
        new: Whether it is for a new secret, so that password safes offer to make one rather than to fill one in.
    """

    def __init__(
        self,
        label: str,
        *,
        check: Check | None = None,
        placeholder: str | None = None,
        marker: str | None = None,
        new: bool = True,
    ) -> None:
        super().__init__(password=True, placeholder=placeholder, validation=check)
        self.props("outlined dense hide-bottom-space no-error-icon spellcheck=false").classes("oo-in oo-mono-in")
        self.props["aria-label"] = label
        self.props["data-secret"] = "true"  # what is typed is kept nowhere, not in the browser either
        self.props["autocomplete"] = "new-password" if new else "off"
        if marker:
            self.mark(marker)
        with self.add_slot("append"):
            eye = ui.element("button").classes("oo-ib oo-eye").props("type=button")
            eye.props["aria-label"] = "Show or hide what was typed"
            with eye:
                self._icon = ui.icon("sym_r_visibility")
            eye.on("click", self._toggle)

    def _value_to_model_value(self, value: Any) -> Any:  # noqa: ARG002  (that is the point)
        return ""

    def _toggle(self) -> None:
        hidden = self.props.get("type") == "password"
        self.props["type"] = "text" if hidden else "password"
        self._icon.set_name("sym_r_visibility_off" if hidden else "sym_r_visibility")
        self.update()
