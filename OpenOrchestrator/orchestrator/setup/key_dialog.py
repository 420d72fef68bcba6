"""The dialogs of the key: make a new one, or give the one that the site has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.components.buttons import ghost, primary
from OpenOrchestrator.orchestrator.components.forms.fields import field
from OpenOrchestrator.orchestrator.components.forms.secret_input import SecretInput
from OpenOrchestrator.orchestrator.setup.backend.keys import is_key, new_key
from OpenOrchestrator.orchestrator.setup.key_box import KeyBox

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View

MALFORMED = "A key has 44 characters, as printed by: python -m OpenOrchestrator key"


def check_key(value: str | None) -> str | None:
    """Return what is wrong with a key that was typed."""
    return None if value and is_key(value.strip()) else MALFORMED


async def generate_key(view: View, *, use: bool) -> bool:
    """Make a new key and show it once.

    Args:
        view: The page.
        use: Whether the app shall use it from now on; otherwise it is only shown.

    Returns:
        Whether the app uses it now.
    """
    key = await new_key()
    with view.container, ui.dialog().props("persistent") as dialog, ui.card().classes("oo-dialog").props("flat"):
        dialog.props["aria-label"] = "New key"
        with ui.element("div").classes("oo-dialog-b"):
            with ui.element("h2"):
                ui.label("New key")
            sentence = (
                "This app encrypts credentials with it from now on. Every scheduler needs the same key."
                if use
                else "This app goes on with the key it has. Use the new one where a site begins anew."
            )
            ui.label(sentence).classes("oo-t2")
            box = KeyBox(key)
        with ui.element("div").classes("oo-dialog-f"):
            if use:
                ghost("Cancel", lambda: dialog.submit(False), marker="cancel-key")
            done = primary("Use this key" if use else "Close", lambda: dialog.submit(True), marker="key-done")
            box.stored.bind_value_to(done, "enabled")
    try:
        confirmed = bool(await dialog)
    finally:
        dialog.delete()
    if confirmed and use:
        view.installation.key = key
        feedback.done("The new key is in use")
    return confirmed and use


async def enter_key(view: View) -> bool:
    """Ask for the key that the site has; returns whether the app uses another one now."""
    with view.container, ui.dialog() as dialog, ui.card().classes("oo-dialog").props("flat"):
        dialog.props["aria-label"] = "Key of this site"
        with ui.element("div").classes("oo-dialog-b"):
            with ui.element("h2"):
                ui.label("Key of this site")
            ui.label("The key that the site's credentials were saved with. It stays on the server.").classes("oo-t2")
            with field("Key"):
                entered = SecretInput("Key", check=check_key, marker="enter-key").without_auto_validation()
                entered.props("autofocus")

        def accept() -> None:
            if entered.validate():
                dialog.submit(str(entered.value).strip())

        entered.on("keydown.enter", accept)
        with ui.element("div").classes("oo-dialog-f"):
            ghost("Cancel", lambda: dialog.submit(None), marker="cancel-key")
            primary("Use this key", accept, marker="use-key")
    try:
        key = await dialog
    finally:
        dialog.delete()
    if not key:
        return False
    view.installation.key = key
    feedback.done("The key is in use")
    return True
