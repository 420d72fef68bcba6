"""The list of credentials: user names and passwords that robots use. Passwords are write-only."""

from nicegui import ui

from OpenOrchestrator.orchestrator.components.buttons import secondary
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column
from OpenOrchestrator.orchestrator.live.registry import NavEntry, PageSpec
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.values.backend.credentials import CredentialRow, CredentialsBackend
from OpenOrchestrator.orchestrator.values.backend.key_fit import KeyBackend, KeyReport
from OpenOrchestrator.orchestrator.values.credential_form import edit_credential, new_credential
from OpenOrchestrator.orchestrator.values.key_words import key_notice
from OpenOrchestrator.orchestrator.values.named_values import NamedValuesPage

KEY_SECONDS = 30.0
"""Between two trials of the key on all credentials; one that is saved here is tried at once."""


_SET = cells.text("Set", icon="sym_r_lock", tip="It can be changed, but not shown.")
_UNSET = cells.text(
    "Not yet",
    icon="sym_r_lock_open",
    tone="failed",
    tip="Made from a file. Robots cannot use it yet.",
)


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

    async def build(self) -> None:
        """Try the key first, then build the list."""
        self._keys = KeyBackend(self._view.database, self._view.clock)
        self._report = await self._view.load(self._try_key)
        await super().build()

    async def _try_key(self) -> KeyReport:
        return await self._keys.report(self._view.installation.key)

    def _build_notice(self) -> None:
        with (
            ui.element("div").classes("oo-banner").style("margin: 0 var(--gutter) 12px").mark("no-key") as self._notice
        ):
            ui.icon("r_warning").classes("oo-i20")
            self._notice_text = ui.label().classes("oo-grow oo-pre").style("padding: 6px 0")
            secondary("Open Settings", lambda: self._view.go("/settings"), small=True)
        self._notice.set_visibility(False)
        self._say_notice(self._report)
        self._view.follow("key of credentials", self._try_key, self._say_notice, every=KEY_SECONDS)

    def _say_notice(self, report: KeyReport | None) -> None:
        if self._view.installation.key is None:
            words = (
                "This app has no key, so passwords cannot be saved. Give it the site's key in Settings, or start it "
                "with OpenOrchestratorKey."
            )
        else:
            words = key_notice(report) if report is not None else ""
        self._notice_text.set_text(words)
        self._notice.set_visibility(bool(words))

    def _new(self) -> None:
        new_credential(self._view, self._view.refresh)

    def _edit(self, row: CredentialRow) -> None:
        edit_credential(self._view, row, self._view.refresh)

    def _cells(self, row: CredentialRow) -> dict[str, cells.Cell]:
        return {
            "username": cells.text(row.username) if row.username else cells.text("empty", tone="t3"),
            "password": _SET if row.has_password else _UNSET,
        }


PAGES = (PageSpec(path="/credentials", title="Credentials", build=build, nav=NavEntry("Manage", 40, "sym_r_key")),)
