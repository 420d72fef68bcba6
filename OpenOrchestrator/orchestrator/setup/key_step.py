"""The step of the first run that settles the key: make one, give the site's, or go on without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import ghost, secondary
from OpenOrchestrator.orchestrator.components.forms.fields import field
from OpenOrchestrator.orchestrator.components.forms.secret_input import SecretInput
from OpenOrchestrator.orchestrator.setup.backend.keys import new_key
from OpenOrchestrator.orchestrator.setup.key_box import KeyBox
from OpenOrchestrator.orchestrator.setup.key_dialog import check_key
from OpenOrchestrator.orchestrator.setup.parts import line


class KeyChoice:
    """The three ways to a key.

    Args:
        on_settled: Told the key, None for none, and whether that is settled.
        given: Whether the app was started with a key: then nothing is asked.
    """

    def __init__(self, on_settled: Callable[[str | None, bool], Any], *, given: bool) -> None:
        self._on_settled = on_settled
        self._element = ui.element("div")
        if given:
            with self._element:
                line("r_check_circle", "done", "This app was started with a key.")
        else:
            self._choose()

    def _choose(self) -> None:
        self._element.clear()
        with self._element:
            with ui.element("div").classes("oo-row oo-wrap"):
                secondary("Generate a key", self._generate, icon="sym_r_key", marker="generate-key")
                secondary("Use an existing key", self._existing, marker="existing-key")
                ghost("Go on without", self._without, marker="no-key")
            words = "A new key is for a new site. Without any, credentials can be neither saved nor read."
            ui.label(words).classes("oo-hint")

    async def _generate(self) -> None:
        key = await new_key()
        self._element.clear()
        with self._element:
            KeyBox(key, lambda stored: self._on_settled(key if stored else None, stored))
            self._another()

    def _existing(self) -> None:
        self._element.clear()
        with self._element:
            with field("Key of this site"):
                entered = SecretInput("Key", check=check_key, marker="existing-key-text").without_auto_validation()
            self._another()

        def accept() -> None:
            right = check_key(entered.value) is None
            self._on_settled(str(entered.value).strip() if right else None, right)

        entered.on_value_change(accept)
        entered.on("blur", lambda: entered.validate(return_result=False))

    def _without(self) -> None:
        self._element.clear()
        with self._element:
            words = "No key: credentials can be neither saved nor read until one is given in Settings."
            ui.label(words).classes("oo-t2")
            self._another()
        self._on_settled(None, True)

    def _another(self) -> None:
        ghost("Another way", self._back, small=True, marker="other-key")

    def _back(self) -> None:
        self._on_settled(None, False)
        self._choose()
