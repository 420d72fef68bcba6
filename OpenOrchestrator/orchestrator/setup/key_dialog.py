"""The dialogs of the key: make a new one, or give the one that the site has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.components.buttons import ghost, primary
from OpenOrchestrator.orchestrator.components.forms.confirm import take_away
from OpenOrchestrator.orchestrator.components.forms.fields import field
from OpenOrchestrator.orchestrator.components.forms.secret_input import SecretInput
from OpenOrchestrator.orchestrator.setup.backend.keys import is_key, new_key
from OpenOrchestrator.orchestrator.setup.key_box import KeyBox
from OpenOrchestrator.orchestrator.values.backend.key_fit import KeyBackend
from OpenOrchestrator.orchestrator.values.key_words import key_is_meant, shortfall

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
        take_away(dialog)
    if confirmed and use:
        view.installation.key = key
        feedback.done("The new key is in use")
    return confirmed and use


async def enter_key(view: View, backend: KeyBackend) -> bool:
    """Ask for the key that the site has; returns whether the app uses another one now.

    A key that opens none of the saved credentials is refused unless somebody types that it is meant.
    """
    with view.container, ui.dialog() as dialog, ui.card().classes("oo-dialog").props("flat"):
        dialog.props["aria-label"] = "Key of this site"
        with ui.element("div").classes("oo-dialog-b"):
            with ui.element("h2"):
                ui.label("Key of this site")
            ui.label("The key that the site's credentials were saved with. It stays on the server.").classes("oo-t2")
            with field("Key"):
                entered = SecretInput("Key", check=check_key, marker="enter-key").without_auto_validation()
                entered.props("autofocus")

        async def accept() -> None:
            if not button.enabled or not entered.validate():
                return
            button.disable()  # the key that was tried is the key that is used
            try:
                key = str(entered.value).strip()
                report = await view.load(lambda: backend.report(key))
                if report is None:
                    entered.error = "The database does not answer, so the key was not tried. Try again."
                elif await key_is_meant(report):
                    dialog.submit((key, shortfall(report)))
                else:
                    entered.error = f"The key was not taken. {shortfall(report)}"
            finally:
                if not button.is_deleted:
                    button.enable()

        entered.on("keydown.enter", accept)
        with ui.element("div").classes("oo-dialog-f"):
            ghost("Cancel", lambda: dialog.submit(None), marker="cancel-key")
            button = primary("Use this key", accept, marker="use-key")
    try:
        answer: tuple[str, str | None] | None = await dialog
    finally:
        take_away(dialog)
    if answer is None:
        return False
    view.installation.key, missing = answer
    feedback.done("The key is in use", missing)
    return True
