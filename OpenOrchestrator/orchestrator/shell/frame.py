"""The shell around every page: the banner of a lost database, and which page is shown.

Owns the layout, the routes and each tab's state. Must not know any page: it is given what each declares of itself.
"""

from collections.abc import Callable, Sequence
from urllib.parse import quote

from nicegui import PageArguments, app, background_tasks, ui

from OpenOrchestrator.common.errors import DatabaseError, NotFoundError
from OpenOrchestrator.orchestrator.backend.installation import Installation
from OpenOrchestrator.orchestrator.components import empty, feedback, times
from OpenOrchestrator.orchestrator.components.buttons import secondary, tip
from OpenOrchestrator.orchestrator.components.chart import Chart
from OpenOrchestrator.orchestrator.live.poller import Live, Viewer
from OpenOrchestrator.orchestrator.live.registry import PageSpec, badges_of
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.setup.backend.site_pause import SitePauseBackend
from OpenOrchestrator.orchestrator.shell import assets, notices
from OpenOrchestrator.orchestrator.shell.backend import CountsBackend
from OpenOrchestrator.orchestrator.shell.go_to import GoTo
from OpenOrchestrator.orchestrator.shell.navigation import Navigation
from OpenOrchestrator.orchestrator.shell.pause_banner import LOOK_SECONDS, PauseBanner
from OpenOrchestrator.orchestrator.shell.site_strip import SiteStrip

COUNTS_SECONDS = 5.0

CONNECT_SECONDS = 60.0
"""How long a page that was sent waits for its websocket before it is forgotten."""


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
        self._waiting = False
        client = ui.context.client
        request = client.request
        self._prefix = quote(request.headers.get("X-Forwarded-Prefix", ""), safe="/") + request.scope.get(
            "root_path", ""
        )
        self._client = client

    async def build(self) -> None:
        """Build the shell and show the page of the address, once the browser has shown the key of its session.

        What is sent before that holds nothing of the site: whoever has only a cookie may get it.
        """
        assets.add_to_head(self._prefix)
        stored = app.storage.user.get("dark")
        self._dark = ui.dark_mode(stored)
        await self._client.connected(CONNECT_SECONDS)
        await self._know_site()
        if not self._client.is_deleted:
            self._build()

    async def _know_site(self) -> None:
        if self._live.lost:
            return  # the banner says so, and the next look that succeeds tells
        try:
            await self._installation.know_site()
        except DatabaseError as error:
            self._live.failed(error)

    def _build(self) -> None:
        go_to = GoTo(self._installation, self._pages, self._prefix)
        self._navigation = Navigation(self._installation, self._pages, go_to, on_dark=self._toggle_dark)
        with ui.element("div").classes("oo-shell"):
            self._site = SiteStrip(self._installation)
            self._navigation.build()
            with ui.element("div").classes("oo-main").props("role=main tabindex=-1") as main:
                self._banner()
                self._paused = PauseBanner(self._installation, lambda: self._view)
                routes = {page.path: self._builder(page) for page in self._pages}
                self._sub_pages = ui.sub_pages(routes, show_404=False)
                self._missing = ui.element("div")
        self._only_main()
        self._navigation.build_short()
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
        self._installation.on_site_change(self._site_changed)
        self._client.on_delete(lambda: self._installation.off_site_change(self._site_changed))
        ui.on_exception(self._unexpected)
        self._follow_counts()

    def _only_main(self) -> None:
        """Take its meaning from the ``main`` that NiceGUI puts around everything: ours is beside the navigation."""
        for element in self._client.elements.values():
            if element.tag == "q-page":
                element.props("role=presentation")

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
            with view.head(page.title, live=False):
                pass
            notices.no_database(self._installation.problem)
            return
        with ui.element("div").classes("oo-body").style("padding-top: 18px") as waiting:
            empty.loading()
        try:
            await page.build(view)
        except NotFoundError as error:
            notices.not_found(str(error))
        except DatabaseError as error:
            self._live.failed(error)
            self._waiting = True
            notices.waits_for_database(page.title)
        except Exception:
            notices.broken(page.title)
            raise
        finally:
            if not waiting.is_deleted:
                waiting.delete()

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
            if not live.lost and self._waiting:
                self._waiting = False
                self._sub_pages.refresh()

    def _site_changed(self) -> None:
        with self._client:
            self._site.show()
            if self._view is not None:
                self._view.site_changed()

    def _follow_counts(self) -> None:
        if not self._installation.connected:
            return
        database, clock = self._installation.database, self._installation.clock
        backend = CountsBackend(database, clock, badges_of(self._pages))
        key = (id(database), "counts")
        self._live.shared(key, backend.counts, self._viewer, self._navigation.show_counts, every=COUNTS_SECONDS)
        pause = SitePauseBackend(database, clock)
        key = (id(database), "site pause")
        self._live.shared(key, pause.present, self._viewer, self._paused.show, every=LOOK_SECONDS)
        background_tasks.create(self._first_counts(backend, pause), name="first counts", context=self._client)

    async def _first_counts(self, backend: CountsBackend, pause: SitePauseBackend) -> None:
        try:
            self._paused.show(await pause.present())
            self._navigation.show_counts(await backend.counts())
        except DatabaseError as error:
            self._live.failed(error)

    def _path_changed(self, address: str) -> None:
        path = address.partition("?")[0].rstrip("/") or "/"
        known = any(page.has_path(path) for page in self._pages)
        self._missing.clear()
        if not known:
            with self._missing:
                notices.not_found("There is no page with this address.")
        self._navigation.mark(path)
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

    def _unexpected(self, error: Exception) -> None:
        if not isinstance(error, DatabaseError):
            feedback.failed(
                "That went wrong", "That is a defect. The terminal in which the app runs shows what happened."
            )
            return
        self._live.failed(error)
