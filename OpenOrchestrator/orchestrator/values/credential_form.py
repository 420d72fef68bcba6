"""The form of a credential: create, edit. A password only ever goes from the browser to the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from OpenOrchestrator.orchestrator.components.forms.checks import at_most
from OpenOrchestrator.orchestrator.components.forms.confirm import Difference
from OpenOrchestrator.orchestrator.components.forms.fields import field, text_input
from OpenOrchestrator.orchestrator.components.forms.secret_input import SecretInput
from OpenOrchestrator.orchestrator.values.backend.credentials import (
    NAME_LENGTH,
    USERNAME_LENGTH,
    CredentialRow,
    CredentialsBackend,
)
from OpenOrchestrator.orchestrator.values.named_form import NamedForm

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View


def new_credential(view: View, on_saved: Callable[[], Any]) -> None:
    """Open the form for a new credential."""
    _CredentialForm(view, None, on_saved).open()


def edit_credential(view: View, row: CredentialRow, on_saved: Callable[[], Any]) -> None:
    """Open the form for changing a credential."""
    _CredentialForm(view, row, on_saved).open()


class _CredentialForm(NamedForm[CredentialRow]):
    icon = "sym_r_key"
    name_length = NAME_LENGTH

    def __init__(self, view: View, row: CredentialRow | None, on_saved: Callable[[], Any]) -> None:
        self._backend = CredentialsBackend(view.database, view.clock)
        super().__init__(view, self._backend, row, on_saved=on_saved)

    def _fields(self, row: CredentialRow | None) -> dict[str, Any]:
        with field("User name", wide=True):
            self._username = text_input(
                "User name", row.username if row else "", check=at_most(USERNAME_LENGTH, spaces=True), marker="username"
            )
            self._username.props["autocomplete"] = "off"
        words = "Is encrypted before it is stored, and never shown again."
        if row is not None:
            words = "Leave it empty to keep the present one. " + words
        with field("Password" if row is None else "New password", hint=words, wide=True):
            self._password = SecretInput("Password", check=self._check_password, marker="password")
        return {"User name": self._username, "Password": self._password}

    def _check_password(self, value: str | None) -> str | None:
        if not value:
            return "Give a password" if self._row is None else None
        if self._view.installation.key is None:
            return "This app has no key to encrypt it with: give it one in Settings"
        return None

    async def _create(self, name: str) -> None:
        username, password = str(self._username.value or ""), str(self._password.value or "")
        await self._backend.create(name, username, password, key=self._view.installation.key)

    async def _update(self, row: CredentialRow) -> bool:
        username, password = str(self._username.value or ""), str(self._password.value or "") or None
        return await self._backend.update(row, username, password, key=self._view.installation.key)

    def _both_values(self, newer: CredentialRow) -> list[Difference]:
        found, yours = [], str(self._username.value or "")
        if newer.username != yours:
            found.append(Difference("User name", newer.username or "(empty)", yours or "(empty)"))
        if self._password.value:
            found.append(Difference("Password", "Not shown", "The one you entered"))
        return found

    def _edit(self, row: CredentialRow) -> None:
        edit_credential(self._view, row, self._on_saved)

    def _question(self, _newer: CredentialRow) -> list[str]:
        return [
            "Somebody else changed its user name or password while this form was open.",
            "Saving puts your values in their place."
            if self._password.value
            else "Saving puts your user name in the place of theirs; the password stays as it is now.",
        ]
