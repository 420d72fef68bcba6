"""The form of a credential: create, edit. A password only ever goes from the browser to the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from OpenOrchestrator.common.errors import OpenOrchestratorError
from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.components.forms.checks import at_most, required
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm
from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer
from OpenOrchestrator.orchestrator.components.forms.fields import field, text_input
from OpenOrchestrator.orchestrator.components.forms.secret_input import SecretInput
from OpenOrchestrator.orchestrator.values.backend.credentials import (
    NAME_LENGTH,
    USERNAME_LENGTH,
    CredentialRow,
    CredentialsBackend,
)

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View


def new_credential(view: View, on_saved: Callable[[], Any]) -> None:
    """Open the form for a new credential."""
    _CredentialForm(view, None, on_saved).build()


def edit_credential(view: View, row: CredentialRow, on_saved: Callable[[], Any]) -> None:
    """Open the form for changing a credential."""
    _CredentialForm(view, row, on_saved).build()


class _CredentialForm:
    """One open form.

    Args:
        row: What is edited; None for a new one.
    """

    def __init__(self, view: View, row: CredentialRow | None, on_saved: Callable[[], Any]) -> None:
        self._view = view
        self._row = row
        self._on_saved = on_saved
        self._backend = CredentialsBackend(view.database, view.clock)

    def build(self) -> None:
        """Build the drawer and open it."""
        row = self._row
        with self._view.container:
            drawer = FormDrawer(
                "New credential" if row is None else "Edit credential",
                subtitle=row.name if row is not None else "",
                icon="sym_r_key",
                save="Create" if row is None else "Save",
                on_save=self._save,
            )
        with drawer.section("Credential"):
            hint = "Robots ask for it by this name." if row is None else "A name cannot be changed: robots ask for it."
            with field("Name", hint=hint, wide=True):
                self._name = text_input(
                    "Name", row.name if row else "", check=required("a name", NAME_LENGTH), marker="name"
                )
                self._name.set_enabled(row is None)
            with field("User name", wide=True):
                self._username = text_input(
                    "User name",
                    row.username if row else "",
                    check=at_most(USERNAME_LENGTH, spaces=True),
                    marker="username",
                )
                self._username.props["autocomplete"] = "off"
            words = "Is encrypted before it is stored, and never shown again."
            if row is not None:
                words = "Leave it empty to keep the present one. " + words
            with field("Password" if row is None else "New password", hint=words, wide=True):
                self._password = SecretInput("Password", check=self._check_password, marker="password")
        (self._name if row is None else self._username).props("autofocus")
        drawer.watch("Name", self._name)
        drawer.watch("User name", self._username)
        drawer.watch("Password", self._password)
        drawer.settle()
        drawer.open()

    def _check_password(self, value: str | None) -> str | None:
        if not value:
            return "Give a password" if self._row is None else None
        if self._view.installation.key is None:
            return "This app has no key to encrypt it with: give it one in Settings"
        return None

    async def _save(self) -> bool:
        name = str(self._name.value).strip()
        username, password = str(self._username.value or ""), str(self._password.value or "")
        key = self._view.installation.key
        try:
            if self._row is None:
                await self._backend.create(name, username, password, key=key)
                feedback.done(f"{name} was created")
            elif not await self._update(self._row, username, password or None):
                return False
            else:
                feedback.done(f"{name} was saved")
        except OpenOrchestratorError as error:
            feedback.failed(f"{name} was not saved", str(error))
            return False
        self._on_saved()
        return True

    async def _update(self, row: CredentialRow, username: str, password: str | None) -> bool:
        key = self._view.installation.key
        while not await self._backend.update(row, username, password, key=key):
            newer = await self._backend.get(row.name)
            if not await confirm(
                f"Overwrite the change to {row.name}?",
                [
                    "Somebody else changed its user name or password while this form was open.",
                    "Saving puts your values in their place."
                    if password is not None
                    else "Saving puts your user name in the place of theirs; the password stays as it is now.",
                ],
                action="Overwrite",
            ):
                return False
            row = self._row = newer
        return True
