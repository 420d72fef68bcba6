"""The way to a database: connect, key, tables, scheduler. Settings shows it while there is none to work with."""

import os

from nicegui import ui

from OpenOrchestrator.common.errors import OpenOrchestratorError
from OpenOrchestrator.orchestrator.backend.base import off_loop
from OpenOrchestrator.orchestrator.components.buttons import ghost, primary, secondary
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm, listing
from OpenOrchestrator.orchestrator.components.forms.fields import choice, field
from OpenOrchestrator.orchestrator.components.forms.secret_input import SecretInput
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.schedulers.backend.schedulers import SchedulersBackend
from OpenOrchestrator.orchestrator.setup.backend.connection_strings import checked_connection_string, opened
from OpenOrchestrator.orchestrator.setup.backend.inspection import DatabaseReport, Situation, inspect
from OpenOrchestrator.orchestrator.setup.backend.time_zones import zone_names
from OpenOrchestrator.orchestrator.setup.backend.upgrades import UpgradeProgress, upgrade
from OpenOrchestrator.orchestrator.setup.key_step import KeyChoice
from OpenOrchestrator.orchestrator.setup.parts import line, scheduler_step, title
from OpenOrchestrator.orchestrator.setup.steps import DONE, NOW, WAITS, SetupStep
from OpenOrchestrator.orchestrator.values.backend.key_fit import KeyBackend
from OpenOrchestrator.orchestrator.values.key_words import key_is_meant

EXAMPLE = "postgresql+psycopg://user:password@server/database"
EXAMPLE_FILE = "sqlite+pysqlite:///" + ("C:/Robots" if os.name == "nt" else "/home/me/robots") + "/orchestrator.db"
STARTED = "started"
"""Part of the address after the database was set up: a scheduler is what is missing."""


def needs_setup(view: View) -> bool:
    """Tell whether there is no database that can be worked with."""
    return not view.installation.connected


async def set_up(view: View) -> None:
    """Build the way to a database, as far as it has been gone already."""
    await _FirstRun(view).build()


async def started(view: View) -> None:
    """Build what is left to do after the database was set up."""
    with view.head("Settings", live=False):
        pass
    backend = SchedulersBackend(view.database, view.clock)
    names = await view.load(backend.heard_from) or ()
    with ui.element("div").classes("oo-body oo-setup"):
        title("The database is ready", "One step is left: somebody has to do the work.")
        with ui.element("ol").classes("oo-card oo-steps"):
            for number, (words, sentence) in enumerate(
                (
                    ("Connect", "This app is connected."),
                    ("Encryption key", "Credentials are encrypted with it." if view.installation.key else "Not given."),
                    ("Initialize database", "All tables are there."),
                ),
                start=1,
            ):
                SetupStep(number, words, sentence).show(DONE)
            step = scheduler_step()
        with ui.element("div").classes("oo-row").style("justify-content: center; margin-top: 14px"):
            primary("Open the dashboard", lambda: view.go("/"), marker="to-dashboard")
            secondary("Settings", lambda: view.go("/settings"))

    def show(heard: tuple[str, ...]) -> None:
        step.show(DONE if heard else NOW)
        if heard:
            verb = "is" if len(heard) == 1 else "are"
            step.say("Start a scheduler", f"{listing(heard)} {verb} heard from.")

    show(names)
    view.follow("heard from", backend.heard_from, show)


class _FirstRun:
    """The steps in one tab."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._installation = view.installation
        self._report: DatabaseReport | None = None
        self._connection_string = ""
        self._key: str | None = None
        self._key_settled = view.installation.key is not None
        self._busy = False

    async def build(self) -> None:
        view, installation = self._view, self._installation
        problem = ""
        if installation.has_database:
            self._connection_string = installation.database.connection_string
            try:
                self._report = await inspect(self._connection_string)
            except OpenOrchestratorError as error:
                problem = str(error)
        self._zones = await zone_names()
        with view.head("Settings", live=False):
            pass
        with ui.element("div").classes("oo-body oo-setup"):
            title(*self._headline(), marker="setup-title")
            with ui.element("ol").classes("oo-card oo-steps"):
                self._connect = SetupStep(1, "Connect", "A database of its own, and a user that may create tables.")
                self._connect_step(problem)
                self._key_step = SetupStep(
                    2, "Encryption key", "Encrypts credentials. Every scheduler needs the same key."
                )
                with self._key_step.content:
                    KeyChoice(self._settle, given=installation.key is not None)
                self._tables = SetupStep(
                    3, "Initialize database", "Creates the tables for triggers, jobs, queues and logs."
                )
                self._scheduler = scheduler_step()
        self._show()

    def _headline(self) -> tuple[str, str]:
        report = self._report
        if report is None and self._installation.has_database:
            return "The database cannot be reached", "Nothing was changed. Try again, or connect another one."
        if report is None:
            return "No database yet", "Four steps, about three minutes. Nothing is written before step 3."
        return {
            Situation.EMPTY: ("This database is empty", "Nothing is written before step 3."),
            Situation.OLDER: (
                "This database has to be upgraded",
                "All data is kept. Nothing is written before step 3.",
            ),
            Situation.CURRENT: ("This database is ready", "Nothing has to be changed in it."),
            Situation.NEWER: ("This database is of a newer version", "Nothing was changed."),
            Situation.FOREIGN: ("This database cannot be used", "Nothing was changed."),
        }[report.situation]

    def _connect_step(self, problem: str) -> None:
        with self._connect.content:
            if self._installation.has_database:
                ui.label(self._installation.database.masked_connection_string).classes("oo-code").mark("masked")
                with ui.element("div").classes("oo-row").style("margin-top: 8px"):
                    secondary("Try again", self._again, icon="sym_r_sync", marker="test")
                    ghost("Disconnect", self._disconnect, marker="disconnect")
            else:
                words = f"For example {EXAMPLE}, or {EXAMPLE_FILE} for a single machine"
                with field("Connection string", hint=words), ui.element("div").classes("oo-row oo-setup-row"):
                    self._input = SecretInput(
                        "Connection string", placeholder="SQLAlchemy URL", marker="connection-string", new=False
                    )
                    self._input.classes("oo-grow").on_value_change(self._changed).on("keydown.enter", self._test)
                    self._test_button = secondary("Test", self._test, icon="sym_r_sync", marker="test")
            self._result = ui.element("div").classes("oo-setup-result").props("aria-live=polite")
        self._say_result(problem)

    def _changed(self) -> None:
        self._report = None
        self._say_result("")
        self._show()

    async def _test(self) -> None:
        self._test_button.disable()
        try:
            self._connection_string = checked_connection_string(str(self._input.value or ""))
            self._report = await inspect(self._connection_string)
        except OpenOrchestratorError as error:
            self._report = None
            self._say_result(str(error))
        else:
            self._say_result("")
        finally:
            if not self._test_button.is_deleted:
                self._test_button.enable()
        self._show()

    async def _again(self) -> None:
        await self._view.act(self._installation.check, name="Look at the database")
        ui.navigate.reload()

    async def _disconnect(self) -> None:
        await self._installation.disconnect()

    def _say_result(self, problem: str) -> None:
        report = self._report
        self._result.clear()
        if report is None and not problem:
            return
        with self._result:
            if report is None:
                line("r_error", "failed", problem, marker="connection-problem")
                return
            words = {
                Situation.EMPTY: "The database is empty.",
                Situation.OLDER: "It holds a site of an earlier version.",
                Situation.CURRENT: "It holds a site and is up to date.",
                Situation.NEWER: "It holds a site of a newer version.",
                Situation.FOREIGN: "It is no database of OpenOrchestrator.",
            }[report.situation]
            if report.situation is Situation.EMPTY and report.other_tables:
                words = f"It has no tables of OpenOrchestrator, and {report.other_tables} of other programs."
            took = f"{report.kind} answered in {max(round(report.seconds * 1000), 1)} ms."
            line("r_check_circle", "done", f"{took} {words}", marker="connection-result")

    def _settle(self, key: str | None, settled: bool) -> None:
        self._key, self._key_settled = key, settled
        self._show()

    def _show(self) -> None:
        report = self._report
        usable = report is not None and not report.problem
        self._connect.show(DONE if usable else NOW)
        self._key_step.show(DONE if self._key_settled else NOW if usable else WAITS)
        ready = usable and self._key_settled
        self._tables.show(NOW if ready else WAITS)
        key = (report, ready)
        if key == getattr(self, "_shown", None):
            return
        self._shown = key
        self._show_tables(ready=ready)

    def _show_tables(self, *, ready: bool) -> None:
        report = self._report
        situation = report.situation if report is not None else Situation.EMPTY
        title, sentence, button, icon = _WORDS[situation]
        self._tables.say(title, sentence)
        content = self._tables.content
        content.clear()
        with content:
            if report is not None and report.problem:
                line("r_error", "failed", report.problem, marker="refused")
                return
            if report is not None and report.situation is Situation.OLDER:
                self._changes(report)
            self._zone: ui.select | None = None
            if report is not None and report.zone_name is None and situation in (Situation.EMPTY, Situation.OLDER):
                with field("Time zone of the site", hint="All its dates and schedules are meant in it."):
                    self._zone = choice(
                        "Time zone of the site", self._zones, self._zones[0] if self._zones else None, marker="zone"
                    )
                    self._zone.classes("oo-setup-zone")
            with ui.element("div").classes("oo-row oo-wrap").style("margin-top: 4px"):
                self._button = primary(button, self._finish, icon=icon, marker="initialize")
                self._button.set_enabled(ready)
                self._note = ui.label(self._why_not(report, ready=ready)).classes("oo-sm oo-t3")
            self._bar = ui.element("div").classes("oo-prog").style("margin-top: 10px")
            with self._bar:
                self._share = ui.element("b").classes("oo-m-running")
            self._bar.set_visibility(False)
            self._failure = ui.element("div").classes("oo-setup-result").props("aria-live=polite")

    def _why_not(self, report: DatabaseReport | None, *, ready: bool) -> str:
        if report is None:
            return "Connect first."
        if not ready:
            return "Settle the key above first."
        return f"Creates {report.tables} tables, changes nothing else." if report.situation is Situation.EMPTY else ""

    def _changes(self, report: DatabaseReport) -> None:
        with ui.element("div").classes("oo-setup-changes").mark("changes"):
            ui.label(f"Revision {report.revision or 'none'} to {report.wanted}").classes("oo-mono oo-t2")
            with ui.element("ol"):
                for change in report.changes:
                    with ui.element("li"):
                        ui.label(change)
            ui.label("All data is kept. Back the database up first, and stop schedulers and other apps meanwhile.")

    async def _finish(self) -> None:
        report = self._report
        if self._busy or report is None or not self._key_settled:
            return
        self._busy = True
        try:
            if not await self._key_is_meant(report):
                self._failed("Nothing was changed: the key above opens none of the saved credentials. Give another.")
                return
        except OpenOrchestratorError as error:
            self._failed(str(error))
            return
        finally:
            self._busy = False
        if report.situation is Situation.OLDER and not await confirm(
            "Upgrade this database?",
            [report.masked, "All data is kept. Earlier versions of this app do not work with it any more."],
            action="Upgrade",
            dangerous=False,
        ):
            return
        self._busy = True
        self._button.disable()
        progress = UpgradeProgress()
        timer = ui.timer(0.2, lambda: self._show_progress(progress))
        try:
            if report.situation is not Situation.CURRENT:
                self._bar.set_visibility(True)
                zone = str(self._zone.value) if self._zone is not None and self._zone.value else None
                await upgrade(self._connection_string, progress, zone=zone)
            await self._use()
        except OpenOrchestratorError as error:
            self._failed(str(error))
        finally:
            self._busy = False
            if not timer.is_deleted:
                timer.cancel()

    async def _key_is_meant(self, report: DatabaseReport) -> bool:
        """Try a key that was given here on the credentials of a database that holds a site."""
        key, installation = self._key, self._installation
        if key is None or report.situation not in (Situation.OLDER, Situation.CURRENT):
            return True
        database = await opened(self._connection_string, installation.clock)
        try:
            found = await KeyBackend(database, installation.clock).report(key)
        finally:
            await off_loop(database.close)
        return await key_is_meant(found)

    async def _use(self) -> None:
        installation = self._installation
        if self._key is not None:
            installation.key = self._key
        if not self._button.is_deleted:
            # Every tab is loaded anew when a database can be used; this one then shows what is left to do.
            self._view.set_query(**{STARTED: "1"})
        if installation.has_database and installation.database.connection_string == self._connection_string:
            await installation.check()
        else:
            await installation.connect(await opened(self._connection_string, installation.clock))

    def _failed(self, problem: str) -> None:
        if self._button.is_deleted:
            return
        self._button.enable()
        self._bar.set_visibility(False)
        self._note.set_text("")
        self._failure.clear()
        with self._failure:
            line("r_error", "failed", problem, marker="setup-problem")

    def _show_progress(self, progress: UpgradeProgress) -> None:
        if self._button.is_deleted or not self._busy:
            return
        words = progress.doing
        if progress.waiting:
            words = "Waiting for another upgrade of this database to end."
        if progress.total:
            words = f"{min(progress.done + 1, progress.total)} of {progress.total}: {words}" if words else ""
            share = f"width: {round(100 * progress.done / progress.total)}%"
            self._share.style(replace=share)
        if self._note.text != words:
            self._note.set_text(words)


_WORDS: dict[Situation, tuple[str, str, str, str]] = {
    Situation.EMPTY: (
        "Initialize database",
        "Creates the tables for triggers, jobs, queues and logs.",
        "Initialize database",
        "sym_r_database",
    ),
    Situation.OLDER: ("Upgrade database", "Brings its tables up to date.", "Upgrade database", "sym_r_upgrade"),
    Situation.CURRENT: ("Use this database", "Its tables are up to date.", "Connect", "sym_r_link"),
    Situation.NEWER: ("Upgrade database", "This app is older than the database.", "Upgrade database", "sym_r_upgrade"),
    Situation.FOREIGN: ("Initialize database", "Something else is in it.", "Initialize database", "sym_r_database"),
}
