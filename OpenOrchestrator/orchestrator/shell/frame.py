"""The shell around every page: navigation, the banner of a lost database, and which page is shown.

Owns the layout, the routes and each tab's state. Must not know any page: it is given what each declares of itself.
"""

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

from nicegui import PageArguments, app, background_tasks, ui

from OpenOrchestrator import __version__
from OpenOrchestrator.common.errors import DatabaseError, NotFoundError
from OpenOrchestrator.orchestrator.backend.installation import Installation
from OpenOrchestrator.orchestrator.components import empty, feedback, times
from OpenOrchestrator.orchestrator.components.buttons import icon_button, secondary, tip
from OpenOrchestrator.orchestrator.components.chart import Chart
from OpenOrchestrator.orchestrator.live.poller import Live, Viewer
from OpenOrchestrator.orchestrator.live.registry import PageSpec, badges_of
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.shell import assets
from OpenOrchestrator.orchestrator.shell.backend import CountsBackend
from OpenOrchestrator.orchestrator.shell.go_to import GoTo
from OpenOrchestrator.orchestrator.shell.keyboard_help import keyboard_help

COUNTS_SECONDS = 5.0


class Frame:
    """The app in one tab.

    Args:
        installation: What it works on.
        live: The poller of the process.
        pages: All pages there are.
    """

    def __init__(self, installation: Installation, live: Live, pages: Sequence[PageSpec]) -> None:
        self._installation = installation
        self._live = live
        self._pages = pages
        self._viewer = Viewer()
        self._view: View | None = None
        self._badges: dict[str, list[ui.label]] = {}
        self._links: dict[str, list[ui.element]] = {}
        client = ui.context.client
        request = client.request
        self._prefix = quote(request.headers.get("X-Forwarded-Prefix", ""), safe="/") + request.scope.get(
            "root_path", ""
        )
        self._client = client

    def build(self) -> None:
        """Build the shell and show the page of the address."""
        assets.add_to_head(self._prefix)
        stored = app.storage.user.get("dark")
        self._dark = ui.dark_mode(stored)
        self._go_to = GoTo(self._installation, self._pages, self._prefix)
        with ui.element("div").classes("oo-shell"):
            self._navigation()
            with ui.element("main").classes("oo-main").props("tabindex=-1") as main:
                self._banner()
                routes = {page.path: self._builder(page) for page in self._pages}
                self._sub_pages = ui.sub_pages(routes, show_404=False)
                self._missing = ui.element("div")
        self._bottom_bar()
        ui.skip_link("Skip to content", target=main)
        router = self._client.sub_pages_router
        router.on_path_changed(self._path_changed)
        self._path_changed(router.current_path)
        ui.on("oo_visible", lambda event: self._visibility(visible=bool(event.args)))
        ui.on("oo_theme", self._redraw_charts)
        self._live.state_changed.subscribe(self._state_changed)
        self._client.on_delete(lambda: self._live.forget(self._viewer))
        self._installation.on_change(self._reload)
        self._client.on_delete(lambda: self._installation.off_change(self._reload))
        ui.on_exception(self._unexpected)
        self._follow_counts()

    def _builder(self, page: PageSpec) -> Callable[[PageArguments], object]:
        async def build(arguments: PageArguments) -> None:
            await self._show(page, arguments)

        return build

    async def _show(self, page: PageSpec, arguments: PageArguments) -> None:
        if self._view is not None:
            self._view.close()
        with ui.element("div").classes("oo-page") as container:
            pass
        view = View(
            installation=self._installation,
            live=self._live,
            viewer=self._viewer,
            container=container,
            path=arguments.path or "/",
            query=dict(arguments.query_parameters),
            parameters=arguments.path_parameters,
            prefix=self._prefix,
        )
        self._view = view
        with container:
            await self._fill(view, page)

    async def _fill(self, view: View, page: PageSpec) -> None:
        view.title(page.title)
        if page.needs_database and not self._installation.connected:
            self._no_database(view, page)
            return
        with ui.element("div").classes("oo-body").style("padding-top: 18px") as waiting:
            empty.loading()
        try:
            await page.build(view)
        except NotFoundError as error:
            self._not_found(str(error))
        except DatabaseError as error:
            self._live.failed(error)
            self._wait_for_database(page.title)
        except Exception:
            self._broken(page.title)
            raise
        finally:
            if not waiting.is_deleted:
                waiting.delete()

    def _navigation(self) -> None:
        with ui.element("nav").classes("oo-nav").props('aria-label="Main"'):
            with ui.element("div").classes("oo-brand"):
                with ui.element("span").classes("oo-logo"):
                    ui.icon("sym_r_graph_2").classes("oo-i16")
                ui.label("OpenOrchestrator").classes("oo-grow")
            with ui.element("button").classes("oo-goto").props("type=button data-key=goto") as go_to:
                ui.icon("sym_r_search").classes("oo-i16")
                ui.label("Go to…").classes("oo-grow")
                ui.label("Ctrl K").classes("oo-kbd")
            go_to.props["aria-label"] = "Go to… Ctrl K"
            go_to.on("click", self._go_to.open).mark("go-to")
            section = ""
            for page in self._places():
                assert page.nav is not None  # noqa: S101  (what _places returns has one)
                if page.nav.section != section:
                    section = page.nav.section
                    with ui.element("div").classes("oo-nav-h"):
                        ui.label(section)
                self._link(page)
            ui.element("div").classes("oo-sp")
            with ui.element("div").classes("oo-nav-zone") as zone:
                ui.icon("sym_r_schedule").classes("oo-i14")
                self._zone = ui.label().classes("oo-el").mark("site-zone")
            self._zone_box = zone
            self._show_zone()
            with ui.element("div").classes("oo-nav-foot"):
                with ui.element("div").classes("oo-grow oo-col"):
                    ui.label(f"Version {__version__}").classes("oo-xs oo-t3 oo-el")
                helping = icon_button("sym_r_keyboard", "Keyboard", keyboard_help)
                helping.props("data-key=help").classes("oo-ava")
                icon_button("sym_r_contrast", "Light or dark", self._toggle_dark, marker="dark")

    def _link(self, page: PageSpec) -> None:
        assert page.nav is not None  # noqa: S101  (only pages with a place are linked)
        with ui.link(target=page.path) as link:
            ui.icon(page.nav.icon)
            ui.label(page.title).classes("oo-name")
            badge = page.nav.badge
            if badge is not None:
                label = ui.label().classes("oo-bad" if badge.attention else "oo-cnt")
                self._badges.setdefault(badge.key, []).append(label)
        self._links.setdefault(page.path, []).append(link)

    def _bottom_bar(self) -> None:
        with ui.element("nav").classes("oo-bot").props('aria-label="Main, short"'):
            for page in self._places()[:4]:
                self._link(page)
            with ui.element("button").props("type=button") as more:
                ui.icon("sym_r_menu")
                ui.label("More")
                with ui.menu(), ui.list():
                    for page in self._places()[4:]:
                        ui.menu_item(page.title, lambda page=page: ui.navigate.to(page.path))
                    ui.menu_item("Light or dark", self._toggle_dark)
                    ui.menu_item("Go to…", self._go_to.open)
            more.props["aria-label"] = "More"

    def _places(self) -> list[PageSpec]:
        places = [(page.nav, page) for page in self._pages if page.nav is not None]
        places.sort(key=lambda place: (place[0].section != "Operate", place[0].order))
        return [page for _, page in places]

    def _banner(self) -> None:
        with ui.element("div").classes("oo-banner").props("role=status").mark("banner") as self._lost:
            ui.icon("r_cloud_off").classes("oo-i20")
            self._lost_text = ui.label().classes("oo-grow")
            secondary("Try now", lambda: background_tasks.create(self._live.tick(), name="try now"), small=True)
        self._state_changed()

    def _state_changed(self) -> None:
        live = self._live
        if live.lost:
            since = live.answered_at or live.lost_since
            assert since is not None  # noqa: S101  (it is lost since some time)
            shown = times.clock_time(since, self._installation.zone)
            data = f"Showing {shown}." if live.answered_at else f"Not reached since {shown}."
            self._lost_text.set_text(f"Database silent. {data}")
            tip(self._lost_text, live.lost_reason)
        self._lost.set_visibility(live.lost)
        if self._view is not None:
            self._view.state_changed()
            if not live.lost and getattr(self, "_waiting", False):
                self._waiting = False
                self._sub_pages.refresh()

    def _follow_counts(self) -> None:
        if not self._installation.connected:
            return
        backend = CountsBackend(self._installation.database, self._installation.clock, badges_of(self._pages))
        key = (id(self._installation.database), "counts")
        self._live.shared(key, backend.counts, self._viewer, self._show_counts, every=COUNTS_SECONDS)
        background_tasks.create(self._first_counts(backend), name="first counts", context=self._client)

    async def _first_counts(self, backend: CountsBackend) -> None:
        try:
            self._show_counts(await backend.counts())
        except DatabaseError as error:
            self._live.failed(error)

    def _show_counts(self, counts: Mapping[str, int]) -> None:
        for key, labels in self._badges.items():
            number = counts.get(key, 0)
            text = times.number(number) if number else ""
            for label in labels:
                if label.text != text:
                    label.set_text(text)
        self._show_zone()

    def _show_zone(self) -> None:
        now, zone = self._installation.now(), self._installation.zone
        text = f"{times.zone_name(zone)} · {times.abbreviated(now, zone)}"
        if self._zone.text != text:
            self._zone.set_text(text)
            tip(self._zone_box, f"Times are shown in the site's zone:\n{times.zone_text(now, zone)}")

    def _path_changed(self, address: str) -> None:
        path = address.partition("?")[0].rstrip("/") or "/"
        known = any(_matches(page.path, path) for page in self._pages)
        self._missing.clear()
        if not known:
            with self._missing:
                self._not_found("There is no page with this address.")
        for place, links in self._links.items():
            marked = place == path or any(page.under == place and _matches(page.path, path) for page in self._pages)
            for link in links:
                link.classes(add="oo-on" if marked else "", remove="" if marked else "oo-on")
        view = self._view
        if view is not None and not view.address.startswith(path + "?") and view.address != path:
            return
        if view is not None and view.address != address:
            # Same page, other query, by a link or by Back: the page has to be built from the new one.
            self._sub_pages.refresh()

    def _visibility(self, *, visible: bool) -> None:
        self._viewer.visible = visible
        if visible:
            self._live.refresh(self._viewer)

    def _toggle_dark(self) -> None:
        async def toggle() -> None:
            value = self._dark.value
            if value is None:
                value = await ui.run_javascript("document.body.classList.contains('body--dark')", timeout=5)
            self._dark.value = not value
            app.storage.user["dark"] = not value

        background_tasks.create(toggle(), name="toggle dark", context=self._client)

    def _redraw_charts(self) -> None:
        for element in list(self._client.elements.values()):
            if isinstance(element, Chart):
                element.update()

    def _reload(self) -> None:
        with self._client:
            ui.navigate.reload()

    def _no_database(self, view: View, page: PageSpec) -> None:
        installation = self._installation
        with view.head(page.title, live=False):
            pass
        with ui.element("div").classes("oo-body"), ui.element("div").classes("oo-card"):
            if installation.problem is not None:
                empty.none_yet("sym_r_database", "This database cannot be used yet", installation.problem)
            else:
                empty.none_yet(
                    "sym_r_database",
                    "Not connected to a database",
                    "Triggers, jobs, queues and logs live in a database that this app and all schedulers share.",
                )
        with ui.element("div").classes("oo-row").style("justify-content: center"):
            if any(each.path == "/settings" for each in self._pages):
                secondary("Open Settings", lambda: ui.navigate.to("/settings"))

    def _wait_for_database(self, title: str) -> None:
        self._waiting = True
        with ui.element("div").classes("oo-body").style("padding-top: 18px"), ui.element("div").classes("oo-card"):
            empty.none_yet(
                "sym_r_cloud_off", f"{title}: waiting for the database", "This page comes by itself when it answers."
            )

    def _broken(self, title: str) -> None:
        with ui.element("div").classes("oo-body").style("padding-top: 18px"), ui.element("div").classes("oo-card"):
            empty.none_yet(
                "sym_r_error",
                f"{title}: this page could not be built",
                "That is a defect. The terminal in which the app runs shows what happened.",
            )

    def _unexpected(self, error: Exception) -> None:
        if not isinstance(error, DatabaseError):
            feedback.failed(
                "That went wrong", "That is a defect. The terminal in which the app runs shows what happened."
            )
            return
        self._live.failed(error)

    def _not_found(self, reason: str) -> None:
        with ui.element("div").classes("oo-body").style("padding-top: 18px"), ui.element("div").classes("oo-card"):
            empty.none_yet("sym_r_search_off", "Not found", reason)


def _matches(pattern: str, path: str) -> bool:
    wanted, given = pattern.strip("/").split("/"), path.strip("/").split("/")
    return len(wanted) == len(given) and all(
        part == other or (part.startswith("{") and bool(other)) for part, other in zip(wanted, given, strict=True)
    )
