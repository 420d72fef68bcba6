"""What lists share whose filters, order and place stand in the address of their page. No page of its own.

Owns which query is shown, that an answer which comes late is dropped, and the place in an address. Must not know what
is listed.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Generic, TypeVar

from OpenOrchestrator.orchestrator.components.tables.paging import resized, turned
from OpenOrchestrator.orchestrator.live.poller import Subscription
from OpenOrchestrator.orchestrator.live.view import View

Q = TypeVar("Q", bound=Hashable)
A = TypeVar("A")


class AddressList(Generic[Q, A]):
    """The query that the address of a page asks for; its answer is shown and kept up to date.

    Args:
        view: The page's.
        name: Tells its queries from those of other pages.
        query_of: Reads an address.
        ask: Asks the database.
        show: Shows an answer.
        every: Seconds between two looks at a query; nought leaves it to the poller. None means nought for all.
    """

    def __init__(
        self,
        view: View,
        name: str,
        *,
        query_of: Callable[[Mapping[str, str]], Q],
        ask: Callable[[Q], Awaitable[A]],
        show: Callable[[A], None],
        every: Callable[[Q], float] | None = None,
    ) -> None:
        self.query = query_of(view.query)
        self._view = view
        self._name = name
        self._query_of = query_of
        self._ask = ask
        self._show = show
        self._every = every
        self._following: Subscription | None = None
        self._asked = 0

    async def first(self) -> A:
        """Return the first answer, for a page that asks before it builds anything."""
        return await self._ask(self.query)

    def follow(self) -> None:
        """Keep what is shown up to date."""
        query = self.query
        self._view.unfollow(self._following)
        every = self._every(query) if self._every is not None else 0
        self._following = self._view.follow((self._name, query), lambda: self._ask(query), self._show, every=every)

    async def change(self, **changes: str | None) -> None:
        """Change the address, and show what it asks for then."""
        self._view.set_query(**changes)
        query = self.query = self._query_of(self._view.query)
        self._asked += 1
        asked = self._asked
        answer = await self._view.load(lambda: self._ask(query))
        if asked != self._asked:
            return
        if answer is not None:
            self._show(answer)
        self.follow()

    async def filter(self, changes: Mapping[str, str | None]) -> None:
        """Change filters; that leads to the first page."""
        await self.change(**changes, page=None)

    async def turn(self, page: int) -> None:
        """Show another page."""
        await self.change(**turned(page))

    async def resize(self, size: int) -> None:
        """Show so many rows on a page, from the first page on."""
        await self.change(**resized(size))
