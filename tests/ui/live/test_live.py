"""Live pages: shared queries, resting tabs, a database that goes and comes back, an event loop that never waits."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import ConnectionFailedError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import QueueTrigger
from OpenOrchestrator.orchestrator.live.poller import Live, Viewer
from OpenOrchestrator.orchestrator.triggers.backend.triggers import TriggersBackend
from tests.ui.conftest import App
from tests.ui.pages import rows_of, table, until
from tests.ui.sample import add_trigger


class Question:
    """A query that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.asked


@pytest.fixture
def live(clock: SettableClock) -> Live:
    return Live(clock, interval=0)


async def test_tabs_with_the_same_key_share_one_query(live: Live) -> None:
    question, seen = Question(), []
    for _ in range(10):
        live.shared("key", question, Viewer(), seen.append)
    await live.tick()
    await asyncio.sleep(0)
    assert question.asked == 1
    assert seen == [1] * 10
    assert live.feeds == 1


async def test_hidden_and_paused_tabs_cause_no_query_and_are_told_nothing(live: Live) -> None:
    question, seen = Question(), []
    hidden, paused = Viewer(), Viewer()
    hidden.visible = False
    paused.paused = True
    live.shared("key", question, hidden, seen.append)
    live.shared("key", question, paused, seen.append)
    await live.tick()
    assert question.asked == 0
    awake = Viewer()
    live.shared("key", question, awake, seen.append)
    await live.tick()
    assert (question.asked, len(seen)) == (1, 1)


async def test_a_paused_tab_is_told_what_its_own_action_led_to_and_nothing_else(user: User, live: Live) -> None:
    question, seen, other = Question(), [], []
    acting, resting = Viewer(), Viewer()
    acting.paused = resting.paused = True
    live.shared("key", question, acting, seen.append)
    live.shared("key", question, resting, other.append)
    live.refresh(acting)
    await until(lambda: seen == [1] and not acting.asking)
    await live.tick()
    await asyncio.sleep(0)
    assert (question.asked, seen, other) == (1, [1], [])


async def test_a_closed_tab_is_forgotten(live: Live) -> None:
    question, viewer = Question(), Viewer()
    live.shared("key", question, viewer, lambda _: None)
    live.forget(viewer)
    await live.tick()
    assert question.asked == 0
    assert live.feeds == 0


async def test_while_the_database_is_lost_only_one_query_tries(live: Live) -> None:
    questions = [Question() for _ in range(5)]
    for number, question in enumerate(questions):
        question.error = ConnectionFailedError("gone")
        live.shared(number, question, Viewer(), lambda _: None)
    changes: list[bool] = []
    live.state_changed.subscribe(lambda: changes.append(live.lost))
    await live.tick()
    assert live.lost
    asked = sum(question.asked for question in questions)
    await live.tick()
    assert sum(question.asked for question in questions) == asked + 1
    for question in questions:
        question.error = None
    await live.tick()
    assert not live.lost
    assert changes == [True, False]


async def test_an_answer_to_what_was_asked_before_the_database_was_lost_does_not_bring_it_back(live: Live) -> None:
    asked, answer, seen = asyncio.Event(), asyncio.Event(), []

    async def fetch() -> str:
        asked.set()
        await answer.wait()
        return "old"

    live.shared("key", fetch, Viewer(), seen.append)
    looking = asyncio.create_task(live.tick())
    await asked.wait()
    live.failed(ConnectionFailedError("gone"))
    answer.set()
    await looking
    assert live.lost
    assert seen == ["old"]
    await live.tick()
    assert not live.lost


async def test_a_lost_database_shows_a_banner_keeps_the_page_and_comes_back_by_itself(
    user: User, app: App, sample: Database, tmp_path: Path
) -> None:
    await user.open("/triggers")
    before = await rows_of(user, "triggers")
    (tmp_path / "site.db").rename(tmp_path / "away.db")
    await user.should_see("Database silent. Showing 08:12.", retries=60)
    assert await rows_of(user, "triggers") == before
    (tmp_path / "away.db").rename(tmp_path / "site.db")
    await user.should_not_see("Database silent. Showing 08:12.", retries=120)
    add_trigger(sample, QueueTrigger, trigger_name="After the storm", queue_name="q", min_batch_size=1)
    await until(lambda: any(row["name"] == "After the storm" for row in _rows(user)))


async def test_a_page_opened_while_the_database_is_lost_comes_by_itself(
    user: User, sample: Database, tmp_path: Path
) -> None:
    (tmp_path / "site.db").rename(tmp_path / "away.db")
    await user.open("/triggers")
    await user.should_see("Triggers: waiting for the database", retries=60)
    (tmp_path / "away.db").rename(tmp_path / "site.db")
    assert len((await table(user, "triggers")).rows) == 14


async def test_an_action_while_the_database_is_lost_says_so(user: User, sample: Database, tmp_path: Path) -> None:
    await user.open("/triggers")
    row = (await rows_of(user, "triggers"))["ERP password rotation"]
    (tmp_path / "site.db").rename(tmp_path / "away.db")
    user.find(marker="triggers").trigger("action", {"action": "disable", "id": row["id"]})
    await user.should_see("Pause ERP password rotation: the database does not answer", retries=60)
    (tmp_path / "away.db").rename(tmp_path / "site.db")


async def test_an_unknown_page_and_an_unknown_id_are_not_found(user: User, sample: Database) -> None:
    await user.open("/no-such-page")
    await user.should_see("There is no page with this address.", retries=30)


async def test_a_slow_database_does_not_block_the_event_loop(
    user: User, sample: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read = Database.read

    def slow(self: Database, work: object) -> object:
        import time

        time.sleep(0.3)
        return read(self, work)  # type: ignore[arg-type,type-var]

    await user.open("/triggers")
    await rows_of(user, "triggers")
    monkeypatch.setattr(Database, "read", slow)
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = 0.2
    loop.set_debug(True)
    try:
        with caplog.at_level(logging.WARNING, logger="asyncio"):
            user.find(marker="triggers").trigger("sort", "name")
            await until(lambda: _rows(user)[0]["name"] == "Aktindsigt dispatcher")
    finally:
        loop.set_debug(False)
    slow_ones = [record.getMessage() for record in caplog.records if "took" in record.getMessage()]
    assert not slow_ones


async def test_counts_beside_the_navigation(user: User, sample: Database) -> None:
    await user.open("/triggers")
    await user.should_see("Europe/Copenhagen · CET", retries=30)
    await until(lambda: "4" in [label.text for label in _labels(user)])


async def test_the_list_is_one_transaction(sample: Database, clock: SettableClock, app: App) -> None:
    from OpenOrchestrator.orchestrator.triggers.backend.triggers import TriggerQuery

    calls: list[str] = []
    read = sample.read
    sample.read = lambda work: calls.append(work.__qualname__) or read(work)  # type: ignore[assignment,method-assign,func-returns-value]
    page = await TriggersBackend(sample, clock).page(TriggerQuery())
    own = [name for name in calls if name.startswith("TriggersBackend.")]  # the app looks at the site meanwhile
    assert (page.total, page.everything, page.attention, len(own)) == (14, 14, 4, 1)


def _rows(user: User) -> list[dict]:  # type: ignore[type-arg]
    return next(iter(user.find(marker="triggers").elements)).rows  # type: ignore[attr-defined,no-any-return]


def _labels(user: User) -> list:  # type: ignore[type-arg]
    from nicegui import ui

    return list(user.find(kind=ui.label).elements)
