"""Live pages: one poller for the whole process, however many tabs look at the same thing.

Owns: which queries are repeated, how often, and who is told of their results; and whether the database answers. Must
not know what is queried. Ten tabs with the same key cause one query per tick; a tab that is hidden or paused causes
none and is told nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime
from typing import Any, Generic, TypeVar

from nicegui import Event, app, background_tasks
from nicegui.timer import Timer

from OpenOrchestrator.common.clock import Clock
from OpenOrchestrator.common.errors import DatabaseError

T = TypeVar("T")
Fetch = Callable[[], Awaitable[T]]

DEFAULT_INTERVAL = 2.0
"""Seconds between two looks at the database."""

SHORTEST_INTERVAL, LONGEST_INTERVAL = 0.5, 300.0
"""What is obeyed of a stored interval, in seconds: the file that keeps it may have been edited."""

_INTERVAL_KEY = "refresh_seconds"

PARALLEL = 4
"""Queries at once, so that many different tabs do not take all the threads."""


class Viewer:
    """One open tab.

    Attributes:
        visible: Whether its browser shows it.
        paused: Whether its user paused the updates.
        asking: How many looks its user asked for in spite of that, by doing something.
        seen: Told after each look at the database that found nothing wrong.
    """

    def __init__(self) -> None:
        self.visible = True
        self.paused = False
        self.asking = 0
        self.seen: Callable[[], None] | None = None

    @property
    def awake(self) -> bool:
        """Whether it wants to be told anything."""
        return self.visible and (not self.paused or self.asking > 0)


class Subscription:
    """A tab's interest in a feed; close it when the page goes."""

    def __init__(self, feed: Feed[Any], viewer: Viewer, handler: Callable[..., None]) -> None:
        self.viewer = viewer
        self._feed = feed
        self._handler = handler

    def close(self) -> None:
        """Be told no more."""
        self._feed.drop(self, self._handler)


class Feed(Generic[T]):
    """A query that is repeated while somebody looks at its result.

    Args:
        fetch: Asks the database; any tab's will do, because they share the key.
        every: Seconds between two repetitions at least.
    """

    def __init__(self, fetch: Fetch[T], every: float) -> None:
        self.fetch = fetch
        self.every = every
        self.event: Event[[T]] = Event()
        self.subscriptions: list[Subscription] = []
        self.due = 0.0
        self.busy = False

    @property
    def wanted(self) -> bool:
        """Whether anybody awake looks at it."""
        return any(each.viewer.awake for each in self.subscriptions)

    def drop(self, subscription: Subscription, handler: Callable[..., None]) -> None:
        """Forget a subscription."""
        if subscription in self.subscriptions:
            self.subscriptions.remove(subscription)
        self.event.unsubscribe(handler)


class Live:
    """The poller of the process.

    Args:
        clock: Tells the time that banners show.
        interval: Seconds between two looks.

    Attributes:
        lost_since: When the database stopped to answer; None while it answers.
        lost_reason: The error's message then.
        answered_at: When it last answered.
        state_changed: Fired when the database is lost, and when it is back.
    """

    def __init__(self, clock: Clock, interval: float = DEFAULT_INTERVAL) -> None:
        self._clock = clock
        self.interval = interval
        self.lost_since: datetime | None = None
        self.lost_reason = ""
        self.answered_at: datetime | None = None
        self.state_changed: Event[[]] = Event()
        self._feeds: dict[Hashable, Feed[Any]] = {}
        self._failures = 0
        self._timer: Timer | None = None
        self._slots: asyncio.Semaphore | None = None

    @property
    def lost(self) -> bool:
        """Whether the database does not answer."""
        return self.lost_since is not None

    @property
    def feeds(self) -> int:
        """How many different queries are repeated."""
        return len(self._feeds)

    def start(self) -> None:
        """Begin to poll; needs NiceGUI, running or about to run."""
        if self._timer is None:
            self._timer = app.timer(self.interval, self.tick, immediate=False)

    def stop(self) -> None:
        """Poll no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def recall_interval(self) -> None:
        """Look as often as was chosen last, in this run of the app or an earlier one."""
        stored = app.storage.general.get(_INTERVAL_KEY)
        if isinstance(stored, (int, float)) and SHORTEST_INTERVAL <= stored <= LONGEST_INTERVAL:
            self._set_interval(float(stored))

    def remember_interval(self, seconds: float) -> None:
        """Look this often from now on, and after a restart of the app."""
        self._set_interval(seconds)
        app.storage.general[_INTERVAL_KEY] = seconds

    def _set_interval(self, seconds: float) -> None:
        self.interval = seconds
        if self._timer is not None:
            self._timer.interval = seconds

    def shared(
        self, key: Hashable, fetch: Fetch[T], viewer: Viewer, show: Callable[[T], None], *, every: float = 0
    ) -> Subscription:
        """Repeat a query for a tab, together with all other tabs that use the same key.

        Call it in the page that is told: ``show`` runs there, so that it may change elements.

        Args:
            key: Equal for queries with equal results: name and every argument.
            fetch: Asks the database; raises DatabaseError when it cannot.
            viewer: The tab.
            show: Told every result. It must compare and change nothing where nothing changed.
            every: Seconds between two repetitions at least; 0 repeats it at every tick.
        """
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._feeds[key] = Feed(fetch, every)
            feed.due = time.monotonic() + max(every, self.interval / 2)

        def handler(value: T) -> None:
            if viewer.awake:
                show(value)
                if viewer.seen is not None:
                    viewer.seen()

        subscription = Subscription(feed, viewer, handler)
        feed.subscriptions.append(subscription)
        feed.event.subscribe(handler, expect_args=True)
        return subscription

    def refresh(self, viewer: Viewer) -> None:
        """Look at once for one tab, also for a paused one: after an action, or when it is shown again."""
        feeds = [feed for feed in self._feeds.values() if any(each.viewer is viewer for each in feed.subscriptions)]
        if feeds and viewer.visible:
            background_tasks.create(self._look(feeds, viewer), name="refresh")

    async def _look(self, feeds: list[Feed[Any]], viewer: Viewer) -> None:
        viewer.asking += 1
        try:
            await asyncio.gather(*(self._poll(feed) for feed in feeds))
        finally:
            viewer.asking -= 1

    def forget(self, viewer: Viewer) -> None:
        """Drop everything a closed tab was interested in."""
        for feed in list(self._feeds.values()):
            for subscription in [each for each in feed.subscriptions if each.viewer is viewer]:
                subscription.close()
        self._sweep()

    def forget_results(self) -> None:
        """Ask everything anew at the next tick: another database is connected."""
        for feed in self._feeds.values():
            feed.due = 0.0
        self.answered()

    async def tick(self) -> None:
        """Ask what is due and wanted. While the database is lost, only one query tries whether it is back."""
        self._sweep()
        now = time.monotonic()
        wanted = [feed for feed in self._feeds.values() if feed.wanted and not feed.busy]
        if self.lost and wanted:
            await self._poll(wanted[0])
            if self.lost:
                return
        due = [feed for feed in wanted if feed.due <= now and not feed.busy]
        if self._slots is None:
            self._slots = asyncio.Semaphore(PARALLEL)
        slots = self._slots

        async def limited(feed: Feed[Any]) -> None:
            async with slots:
                await self._poll(feed)

        await asyncio.gather(*(limited(feed) for feed in due))

    def failed(self, error: DatabaseError) -> None:
        """Take note that the database did not answer; pages call it for what they ask themselves."""
        self._failures += 1
        fresh = not self.lost or self.lost_reason != str(error)
        self.lost_reason = str(error)
        if self.lost_since is None:
            self.lost_since = self._clock.utc_now()
        if fresh:
            self.state_changed.emit()

    def answered(self) -> None:
        """Take note that the database answered."""
        self.answered_at = self._clock.utc_now()
        if self.lost_since is not None:
            self.lost_since = None
            self.lost_reason = ""
            self.state_changed.emit()

    async def _poll(self, feed: Feed[Any]) -> None:
        if feed.busy:
            return
        feed.busy = True
        failures = self._failures
        try:
            value = await feed.fetch()
        except DatabaseError as error:
            self.failed(error)
            return
        finally:
            feed.busy = False
            feed.due = time.monotonic() + max(feed.every, self.interval * 0.9)
        # What was asked before the database was lost says nothing of whether it is back.
        if self._failures == failures:
            self.answered()
        feed.event.emit(value)

    def _sweep(self) -> None:
        for key in [key for key, feed in self._feeds.items() if not feed.subscriptions]:
            del self._feeds[key]
