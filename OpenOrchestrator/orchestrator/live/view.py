"""What a page gets from the frame: its address, its database, its updates, and the head above it.

Owns the address of the page (filters, sort and page number live there) and its subscriptions. Must not know any page.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from nicegui import ui

from OpenOrchestrator.common.clock import Clock
from OpenOrchestrator.common.errors import (
    CommitOutcomeUnknownError,
    DatabaseError,
    InvalidInputError,
    NotFoundError,
    OpenOrchestratorError,
)
from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.components.forms.drawer import FormAddress
from OpenOrchestrator.orchestrator.components.freshness import Freshness

if TYPE_CHECKING:
    from OpenOrchestrator.database.engine.database import Database
    from OpenOrchestrator.orchestrator.backend.installation import Installation
    from OpenOrchestrator.orchestrator.live.poller import Live, Subscription, Viewer

T = TypeVar("T")


class View:
    """One page in one tab.

    Attributes:
        query: What the address says behind the question mark.
        parameters: The varying parts of its path.
        prefix: Path under which a reverse proxy serves the app; put before links that the browser follows itself.
        container: Holds everything the page builds. Enter it (``with view.container:``) in a handler whose own element
            may be gone by then.
    """

    def __init__(
        self,
        *,
        installation: Installation,
        live: Live,
        viewer: Viewer,
        container: ui.element,
        path: str,
        query: Mapping[str, str],
        parameters: Mapping[str, str],
        prefix: str,
    ) -> None:
        self.installation = installation
        self.query: dict[str, str] = dict(query)
        self._form_at_first = self.query.get("form", "")
        self.parameters = dict(parameters)
        self.prefix = prefix
        self.container = container
        self._live = live
        self._viewer = viewer
        self._path = path
        self._subscriptions: list[Subscription] = []
        self._freshness: Freshness | None = None
        self._count: ui.label | None = None
        self._title = ""
        self._closed = False
        self._marked = -math.inf
        viewer.seen = self._mark_updated

    @property
    def database(self) -> Database:
        """The database; there is one on every page that needs one."""
        return self.installation.database

    @property
    def clock(self) -> Clock:
        """Tells the time."""
        return self.installation.clock

    @property
    def zone(self) -> tzinfo:
        """The site's time zone."""
        return self.installation.zone

    @property
    def refresh_seconds(self) -> float:
        """Seconds between two looks at the database, for all tabs of the app; kept over its restart."""
        return self._live.interval

    @refresh_seconds.setter
    def refresh_seconds(self, seconds: float) -> None:
        self._live.remember_interval(seconds)

    def now(self) -> datetime:
        """Return the current instant, aware UTC."""
        return self.installation.now()

    @property
    def address(self) -> str:
        """Its path with its query: what the address bar shows."""
        query = urlencode(self.query)
        return self._path + (f"?{query}" if query else "")

    def go(self, path: str) -> None:
        """Show another page."""
        ui.navigate.to(path)

    def set_query(self, **changes: str | None) -> None:
        """Change what the address says; None or an empty text takes a part away. The page itself stays."""
        for name, value in changes.items():
            if value:
                self.query[name] = value
            else:
                self.query.pop(name, None)
        query = urlencode(self.query)
        # The router keeps its own idea of where we are, and would rebuild the page or show a stale one without this.
        ui.context.client.sub_pages_router.current_path = self.address
        state = json.dumps({"page": self.address})
        target = json.dumps(f"?{query}" if query else "")
        ui.run_javascript(f"history.replaceState({state}, '', location.pathname + {target})")

    def form_address(self, key: str) -> FormAddress:
        """Return where a form of this page stands in the address, as ``form``."""

        def show(value: str | None) -> None:
            if not self._closed:
                self.set_query(form=value)

        return FormAddress(key, show)

    def asked_form(self) -> tuple[str, str]:
        """Return the form that the address asked for when the page was opened: what is done, and with what.

        Both are empty for none. A form that was opened while the page was still being built is not asked for.
        """
        action, _, what = self._form_at_first.partition("-")
        return action, what

    def follow(
        self, key: Hashable, fetch: Callable[[], Awaitable[T]], show: Callable[[T], None], *, every: float = 0
    ) -> Subscription:
        """Repeat a query while the page is open and visible, and show each result.

        Args:
            key: Equal for queries with equal results; tabs with equal keys share one query.
            fetch: Asks the database.
            show: Changes what differs, and nothing else.
            every: Seconds between two looks at least; 0 is the refresh interval.
        """
        database = self.installation.database
        with self.container:
            subscription = self._live.shared((id(database), key), fetch, self._viewer, show, every=every)
        self._subscriptions.append(subscription)
        return subscription

    def unfollow(self, subscription: Subscription | None) -> None:
        """Stop a query; used when a filter makes it another one."""
        if subscription is not None:
            subscription.close()
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)

    def refresh(self) -> None:
        """Look at once at everything that the page follows."""
        self._live.refresh(self._viewer)

    async def load(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        """Ask the database; None when it does not answer, and then the banner says so.

        Raises:
            NotFoundError: If what was asked for is not there.
        """
        try:
            return await ask()
        except DatabaseError as error:
            self._live.failed(error)
            return None

    async def act(
        self, work: Callable[[], Awaitable[T]], *, name: str, done: str | None = None, lost: str | None = None
    ) -> T | None:
        """Do something, say how it went, and show the new state.

        Args:
            work: A guarded action: False means that somebody else was faster.
            name: What was tried, for messages: ``Pause Invoices``.
            done: Said when it worked; None says nothing.
            lost: Why it did not happen, where more can be said than that somebody was faster.

        Returns:
            What the work returned; None when it could not be done.
        """
        with self.container:
            return await self._act(work, name, done, lost)

    async def _act(self, work: Callable[[], Awaitable[T]], name: str, done: str | None, lost: str | None) -> T | None:
        try:
            result = await work()
        except CommitOutcomeUnknownError as error:
            feedback.failed(f"{name}: not known whether it was saved", str(error))
        except DatabaseError as error:
            feedback.failed(f"{name}: the database does not answer", str(error))
            self._live.failed(error)
        except (InvalidInputError, NotFoundError, OpenOrchestratorError) as error:
            feedback.failed(f"Could not: {name}", str(error))
        else:
            if result is False:
                feedback.changed_meanwhile(name, lost or "Somebody else was faster. This page shows the new state.")
            elif done:
                feedback.done(done)
            self.refresh()
            return result
        self.refresh()
        return None

    @contextmanager
    def head(self, title: str, *, crumbs: Sequence[tuple[str, str]] = (), live: bool = True) -> Iterator[None]:
        """Build the head of the page; what is built inside stands at its right: at most one primary button.

        Args:
            title: The page's heading, and the title of the tab.
            crumbs: Words and paths of the pages above it.
            live: Whether it shows when it was updated.
        """
        self.title(title)
        with ui.element("header").classes("oo-head"):
            with ui.element("div").classes("oo-col oo-grow"):
                if crumbs:
                    with ui.element("nav").classes("oo-crumbs").props('aria-label="Breadcrumbs"'):
                        for number, (words, path) in enumerate(crumbs):
                            if number:
                                ui.icon("sym_r_chevron_right").classes("oo-i14")
                            ui.link(words, path)
                with ui.element("div").classes("oo-row").style("gap: 12px"):
                    with ui.element("h1").classes("oo-el"):
                        self.heading = ui.label(title).classes("oo-el")
                    self._count = ui.label().classes("oo-t3 oo-nw").mark("count")
            if live:
                self._freshness = Freshness(on_toggle=self._toggle_pause)
                self._show_state()
            yield

    def title(self, title: str) -> None:
        """Set the title of the browser's tab. What the site is called comes first: tabs are narrow."""
        self._title = title
        site = self.installation.site_name
        ui.page_title(f"{site} · {title} · OpenOrchestrator" if site else f"{title} · OpenOrchestrator")

    def site_changed(self) -> None:
        """Show what the site is called now; the frame calls it."""
        if not self._closed and self._title:
            self.title(self._title)

    def count(self, text: str) -> None:
        """Say how many there are, beside the heading."""
        if self._count is not None and self._count.text != text:
            self._count.set_text(text)

    def close(self) -> None:
        """End all its queries: another page is shown."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.close()
        self._subscriptions.clear()
        if self._viewer.seen == self._mark_updated:
            self._viewer.seen = None

    def state_changed(self) -> None:
        """Show whether updates come; the frame calls it when the database is lost or back."""
        if not self._closed:
            self._show_state()

    def _toggle_pause(self) -> None:
        self._viewer.paused = not self._viewer.paused
        self._show_state()
        if not self._viewer.paused:
            self.refresh()

    def _show_state(self) -> None:
        if self._freshness is not None and not self._freshness.is_deleted:
            state = "paused" if self._viewer.paused else "lost" if self._live.lost else "live"
            self._freshness.set_state(state)

    def _mark_updated(self) -> None:
        # A page follows several queries, which all come at the same tick: one of them says so.
        now = time.monotonic()
        if now - self._marked < self._live.interval / 2:
            return
        if self._freshness is not None and not self._freshness.is_deleted:
            self._marked = now
            self._freshness.mark_updated()
