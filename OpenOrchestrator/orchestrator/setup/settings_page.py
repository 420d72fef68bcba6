"""Settings: the database, the key, the site's name and time zone, and how this app looks and refreshes."""

from typing import Any

from nicegui import ElementFilter, app, ui

from OpenOrchestrator import __version__
from OpenOrchestrator.common.errors import ConfigurationError, OpenOrchestratorError
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import secondary
from OpenOrchestrator.orchestrator.components.forms.confirm import confirm
from OpenOrchestrator.orchestrator.components.forms.fields import choice, segmented
from OpenOrchestrator.orchestrator.live.registry import NavEntry, PageSpec
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.setup import first_run
from OpenOrchestrator.orchestrator.setup.backend.inspection import DatabaseReport, inspect
from OpenOrchestrator.orchestrator.setup.backend.keep_days import KeepDaysBackend
from OpenOrchestrator.orchestrator.setup.backend.site_file import SiteFileBackend
from OpenOrchestrator.orchestrator.setup.backend.site_pause import SitePauseBackend
from OpenOrchestrator.orchestrator.setup.backend.time_zones import SiteBackend, site_time, zone_names
from OpenOrchestrator.orchestrator.setup.file_row import FileRow
from OpenOrchestrator.orchestrator.setup.keep_rows import KeepRows
from OpenOrchestrator.orchestrator.setup.key_dialog import enter_key, generate_key
from OpenOrchestrator.orchestrator.setup.pause_row import PauseRow
from OpenOrchestrator.orchestrator.setup.site_name import SiteNameRows
from OpenOrchestrator.orchestrator.values.backend.key_fit import KeyBackend, KeyReport
from OpenOrchestrator.orchestrator.values.key_words import key_state

INTERVALS = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between two looks at the database that can be chosen."""

THEMES: dict[str, bool | None] = {"system": None, "light": False, "dark": True}


async def build(view: View) -> None:
    """Build the page; without a database, the way to one."""
    if first_run.needs_setup(view):
        await first_run.set_up(view)
    elif view.query.get(first_run.STARTED):
        await first_run.started(view)
    else:
        await SettingsPage(view).build()


class SettingsPage:
    """Settings in one tab."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._installation = view.installation
        self._keys = KeyBackend(view.database, view.clock)
        self._site_backend = SiteBackend(view.database, view.clock)
        self._pause_backend = SitePauseBackend(view.database, view.clock)
        self._keep_backend = KeepDaysBackend(view.database, view.clock)

    async def build(self) -> None:
        """Ask first, then build everything complete."""
        view = self._view
        problem = ""
        report: DatabaseReport | None = None
        try:
            report = await inspect(view.database.connection_string)
        except OpenOrchestratorError as error:
            problem = str(error)
        key = await view.load(lambda: self._keys.report(self._installation.key)) if report is not None else None
        paused = await view.load(self._pause_backend.present) if report is not None else None
        kept = await view.load(self._keep_backend.present) if report is not None else None
        zones = await zone_names()
        with view.head("Settings", live=False):
            pass
        with ui.element("div").classes("oo-body oo-settings"):
            self._database(report, problem)
            with _card("Encryption key", "Encrypts the passwords of credentials. Every scheduler needs the same key."):
                self._key_box = ui.element("div")
            self._site(zones)
            with _card("Pause", "Nothing starts on any scheduler while the site is paused. Robots that run go on."):
                PauseRow(view, self._pause_backend, paused)
            if kept is not None:
                with _card("Retention", "Once a day a scheduler deletes what is older. Empty: kept for ever."):
                    KeepRows(view, self._keep_backend, kept)
            with _card("The site as a file", "Time zone, calendars, triggers and constants as YAML, without secrets."):
                FileRow(view, SiteFileBackend(view.database, view.clock))
            self._look()
            with ui.element("div").classes("oo-row oo-sm oo-t3").style("justify-content: center"):
                ui.label(f"OpenOrchestrator {__version__}")
        self._show_key(key)

    def _database(self, report: DatabaseReport | None, problem: str) -> None:
        with _card("Database", "Triggers, jobs, queues and logs live in it."):
            with ui.element("dl").classes("oo-kv"):
                masked = report.masked if report is not None else self._view.database.masked_connection_string
                _fact("Connection", masked, mono=True, marker="connection")
                if report is not None:
                    _fact("Kind", report.kind)
                    _fact("State", f"Up to date, revision {report.revision}", good=True, marker="database-state")
                else:
                    _fact("State", problem, good=False, marker="database-state")
            with ui.element("div").classes("oo-row oo-settings-acts"):
                secondary("Disconnect", self._disconnect, icon="sym_r_link_off", marker="disconnect")
                ui.label("Jobs and schedulers go on. Then another database can be connected.").classes("oo-sm oo-t3")

    async def _disconnect(self) -> None:
        if not self._installation.has_database:  # another tab was faster, and this one is about to be loaded anew
            return
        if await confirm(
            "Disconnect from this database?",
            [
                self._view.database.masked_connection_string,
                "All tabs of this app lose it, and the app forgets connection string and key.",
                "Triggers, jobs and schedulers go on.",
            ],
            action="Disconnect",
        ):
            await self._installation.disconnect()

    def _show_key(self, report: KeyReport | None) -> None:
        self._key_box.clear()
        given = self._installation.key is not None
        with self._key_box:
            with ui.element("dl").classes("oo-kv"):
                if not given:
                    words = "None. Credentials can be neither saved nor read by this app."
                else:
                    words = key_state(report) if report is not None else "Given."
                _fact("Key", words, good=given and not (report and report.not_opened), marker="key-state")
            with ui.element("div").classes("oo-row oo-wrap oo-settings-acts"):
                secondary("Enter the site's key", self._enter, icon="sym_r_key", marker="enter")
                secondary("Generate a key", self._generate, icon="sym_r_add", marker="generate-key")
            if given:
                ui.label(
                    "A running app forgets its key when it is stopped. Put it into OpenOrchestratorKey, in the "
                    "environment or in a file .env."
                ).classes("oo-hint")

    async def _enter(self) -> None:
        if await enter_key(self._view, self._keys):
            await self._reload_key()

    async def _generate(self) -> None:
        # Asked anew: a credential that was saved since the page was built would not be opened by a new key.
        report = await self._view.load(lambda: self._keys.report(self._installation.key))
        unused = report is not None and not report.count
        if await generate_key(self._view, use=self._installation.key is None and unused):
            await self._reload_key()

    async def _reload_key(self) -> None:
        self._show_key(await self._view.load(lambda: self._keys.report(self._installation.key)))

    def _site(self, zones: tuple[str, ...]) -> None:
        view = self._view
        present = times.zone_name(view.zone)
        options = sorted({*zones, present})
        words = "Its name tells it from others. Stored dates, and the times of schedules, are meant in its time zone."
        with _card("Site", words), ui.element("dl").classes("oo-kv oo-settings-kv"):
            SiteNameRows(view, self._site_backend)
            with ui.element("dt"):
                ui.label("Time zone")
            with ui.element("dd").classes("oo-row oo-wrap"):
                self._zone = choice("Time zone", options, present, marker="zone").classes("oo-setup-zone")
                self._zone.on_value_change(self._show_zone_time)
                self._save_zone = secondary("Save", self._change_zone, marker="save-zone")
                self._zone_time = ui.label().classes("oo-sm oo-t3").mark("zone-time")
        self._show_zone_time()

    def _show_zone_time(self) -> None:
        chosen = str(self._zone.value or "")
        self._save_zone.set_enabled(bool(chosen) and chosen != times.zone_name(self._view.zone))
        try:
            self._zone_time.set_text(f"It is {site_time(chosen, self._view.now())} there now.")
        except ConfigurationError:
            self._zone_time.set_text("")

    async def _change_zone(self) -> None:
        chosen, before = str(self._zone.value), times.zone_name(self._view.zone)
        if not await confirm(
            f"Change the time zone to {chosen}?",
            [
                f"Stored dates keep their numbers: what was 08:00 in {before} is 08:00 in {chosen}.",
                "Schedulers and other apps take it up when they are started again.",
            ],
            action=f"Change to {chosen}",
        ):
            return

        async def work() -> None:
            await self._site_backend.set_time_zone(chosen)
            await self._installation.check()

        await self._view.act(work, name="Change the time zone", done=f"The site's time zone is {chosen}")
        self._show_zone_time()

    def _look(self) -> None:
        with (
            _card(
                "This app",
                "Each browser remembers light or dark. The refresh interval is for everybody who uses this app.",
            ),
            ui.element("dl").classes("oo-kv oo-settings-kv"),
        ):
            with ui.element("dt"):
                ui.label("Appearance")
            with ui.element("dd"):
                stored = app.storage.user.get("dark")
                theme = next(name for name, value in THEMES.items() if value is stored)
                words = {"system": "As the system", "light": "Light", "dark": "Dark"}
                icons = ["sym_r_contrast", "sym_r_light_mode", "sym_r_dark_mode"]
                segmented(words, theme, label="Appearance", icons=icons, marker="theme").on_value_change(
                    lambda event: _set_theme(THEMES[event.value])
                )
            with ui.element("dt"):
                ui.label("Refresh")
            with ui.element("dd"):
                present = self._view.refresh_seconds
                intervals = {each: f"{each:g} s" for each in sorted({*INTERVALS, present})}
                segmented(intervals, present, label="Refresh interval", marker="interval").on_value_change(
                    lambda event: setattr(self._view, "refresh_seconds", event.value)
                )


def _set_theme(value: bool | None) -> None:
    app.storage.user["dark"] = value
    for element in ElementFilter(kind=ui.dark_mode):
        element.value = value


def _card(title: str, sentence: str) -> Any:
    with ui.element("section").classes("oo-card"):
        with ui.element("div").classes("oo-card-h oo-settings-h"):
            with ui.element("h2"):
                ui.label(title)
            ui.label(sentence).classes("oo-sm oo-t3")
        return ui.element("div").classes("oo-card-b")


def _fact(name: str, words: str, *, mono: bool = False, good: bool | None = None, marker: str | None = None) -> None:
    with ui.element("dt"):
        ui.label(name)
    with ui.element("dd").classes("oo-row"):
        if good is not None:
            ui.icon("r_check_circle" if good else "r_error").classes(f"oo-i16 oo-fg-{'done' if good else 'failed'}")
        label = ui.label(words).classes("oo-pre" + (" oo-mono" if mono else ""))
        if marker:
            label.mark(marker)


PAGES = (
    PageSpec(
        path="/settings",
        title="Settings",
        build=build,
        nav=NavEntry("Manage", 50, "sym_r_settings"),
        needs_database=False,
    ),
)
