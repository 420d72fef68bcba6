"""A new key, shown once: copy it, and say that it is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import secondary


class KeyBox:
    """The key with its button and its warning, and the box that has to be ticked.

    Args:
        key: The new key.
        on_stored: Told whether the box is ticked.

    Attributes:
        stored: The box.
    """

    def __init__(self, key: str, on_stored: Callable[[bool], Any] | None = None) -> None:
        with ui.element("div").classes("oo-key"):
            with ui.element("div").classes("oo-row"):
                ui.label(key).classes("oo-mono oo-grow oo-key-text").mark("new-key")
                self._button = secondary("Copy", self._copy, icon="sym_r_content_copy", small=True, marker="copy-key")
            with ui.element("div").classes("oo-row oo-key-warning"):
                ui.icon("r_warning").classes("oo-i16")
                ui.label("Shown only now. Without it, saved credentials cannot be read again.").classes("oo-sm oo-b")
        self._key = key
        self.stored = ui.checkbox("I have stored the key in our password safe").classes("oo-tick").mark("key-stored")
        if on_stored is not None:
            self.stored.on_value_change(lambda event: on_stored(bool(event.value)))

    def _copy(self) -> None:
        ui.clipboard.write(self._key)
        self._button.set_text("Copied")
