"""What lists in an address share, without a browser and a database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

from OpenOrchestrator.orchestrator.live.address_list import AddressList
from OpenOrchestrator.orchestrator.live.view import View
from tests.ui.pages import until


class Asked:
    """A page whose questions are answered when the test says so."""

    def __init__(self, **query: str) -> None:
        self.query = query
        self.shown: list[str] = []
        self.followed: list[str] = []
        self.answers: dict[str, asyncio.Future[str | None]] = {}
        view = SimpleNamespace(
            query=query,
            set_query=self._set_query,
            load=lambda ask: ask(),
            follow=self._follow,
            unfollow=lambda followed: self.followed.remove(followed) if followed is not None else None,
        )
        self.list: AddressList[str, Any] = AddressList(
            cast(View, view), "names", query_of=self._query_of, ask=self._ask, show=self.shown.append, every=len
        )

    def _follow(self, key: tuple[str, str], _ask: Any, _show: Any, *, every: float) -> str:
        self.followed.append(key[1])
        self.every = every
        return key[1]

    def _set_query(self, **changes: str | None) -> None:
        for name, value in changes.items():
            self.query.pop(name, None)
            if value:
                self.query[name] = value

    def _query_of(self, address: Mapping[str, str]) -> str:
        return address.get("q", "all")

    async def _ask(self, query: str) -> str | None:
        self.answers[query] = asyncio.get_running_loop().create_future()
        return await self.answers[query]

    async def asks(self, query: str) -> asyncio.Future[str | None]:
        """Wait until a question is asked."""
        await until(lambda: query in self.answers)
        return self.answers[query]


async def test_an_answer_that_comes_late_is_dropped() -> None:
    page = Asked()
    first = asyncio.create_task(page.list.change(q="first"))
    await page.asks("first")
    second = asyncio.create_task(page.list.change(q="second"))
    (await page.asks("second")).set_result("of the second")
    await second
    page.answers["first"].set_result("of the first")
    await first
    assert page.shown == ["of the second"]
    assert page.followed == ["second"]


async def test_without_an_answer_what_is_shown_stays_and_the_new_query_is_followed() -> None:
    page = Asked()
    page.list.follow()
    changing = asyncio.create_task(page.list.change(q="lost"))
    (await page.asks("lost")).set_result(None)
    await changing
    assert page.shown == []
    assert page.followed == ["lost"]
    assert page.every == len("lost"), "how often is asked depends on the query"


async def test_filters_and_sizes_lead_to_the_first_page() -> None:
    page = Asked(page="3", size="50")
    steps = (
        (page.list.filter({"q": "a"}), {"q": "a", "size": "50"}),
        (page.list.turn(2), {"q": "a", "size": "50", "page": "2"}),
        (page.list.resize(100), {"q": "a", "size": "100"}),
        (page.list.turn(1), {"q": "a", "size": "100"}),
        (page.list.resize(25), {"q": "a"}),
    )
    for change, address in steps:
        page.answers.clear()
        changing = asyncio.create_task(change)
        (await page.asks("a")).set_result("rows")
        await changing
        assert page.query == address
