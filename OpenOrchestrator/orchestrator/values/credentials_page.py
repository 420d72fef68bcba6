"""The list of credentials: user names and passwords that robots use. Passwords are write-only."""

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import secondary
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column
from OpenOrchestrator.orchestrator.live.registry import NavEntry, PageSpec
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.values.backend.credentials import CredentialRow, CredentialsBackend
from OpenOrchestrator.orchestrator.values.credential_form import edit_credential, new_credential
from OpenOrchestrator.orchestrator.values.named_values import NamedValuesPage


async def build(view: View) -> None:
    """Build the list of credentials."""
    await CredentialsPage(view, CredentialsBackend(view.database, view.clock)).build()


class CredentialsPage(NamedValuesPage[CredentialRow]):
    """The list in one tab: that a password is set, but nothing of it."""

    columns = (
        Column("username", "User name", sortable=True, phone=True),
        Column("password", "Password", "150px"),
    )
    placeholder = "Filter by name or user name"
    icon = "sym_r_key"
    meaning = "A credential is a user name with a password that robots sign in with. Passwords are encrypted."

    def _build_notice(self) -> None:
        if self._view.installation.key is not None:
            return
        with ui.element("div").classes("oo-banner").style("margin: 0 var(--gutter) 12px").mark("no-key"):
            ui.icon("r_warning").classes("oo-i20")
            ui.label(
                "This app has no key, so passwords cannot be saved. Give it the site's key in Settings, or start it "
                "with OpenOrchestratorKey."
            ).classes("oo-grow").style("padding: 6px 0")
            secondary("Open Settings", lambda: self._view.go("/settings"), small=True)

    def _new(self) -> None:
        new_credential(self._view, self._view.refresh)

    def _edit(self, row: CredentialRow) -> None:
        edit_credential(self._view, row, self._view.refresh)

    def _cells(self, row: CredentialRow) -> dict[str, cells.Cell]:
        return {
            "username": cells.text(row.username) if row.username else cells.text("empty", tone="t3"),
            "password": cells.text("Set", icon="sym_r_lock", tip="It can be changed, but not shown."),
        }


PAGES = (PageSpec(path="/credentials", title="Credentials", build=build, nav=NavEntry("Manage", 40, "sym_r_key")),)
