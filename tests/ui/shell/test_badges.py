"""What is counted beside the navigation: declared by a noun, counted by the shell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import QueueElement, SiteSetting
from OpenOrchestrator.database.statuses import QueueStatus
from OpenOrchestrator.database.stores import queue_marks
from OpenOrchestrator.orchestrator.backend.badges import Badge, CountingTime
from OpenOrchestrator.orchestrator.live.registry import NavEntry, PageSpec, badges_of
from OpenOrchestrator.orchestrator.live.view import View
from OpenOrchestrator.orchestrator.queues.backend.badge import BADGE as QUEUES_BADGE
from OpenOrchestrator.orchestrator.shell import page_list
from OpenOrchestrator.orchestrator.shell.backend import CountsBackend
from OpenOrchestrator.orchestrator.shell.navigation import badge_text, zone_text
from tests.ui.conftest import running
from tests.ui.pages import click, until
from tests.ui.sample import NOW, ZONE
from tests.ui.sample import site as site_time


class Counter:
    """A badge's count: 1 the first time, 2 the second."""

    def __init__(self) -> None:
        self.sessions: list[Any] = []
        self.times: list[CountingTime] = []

    def __call__(self, session: Any, time: CountingTime) -> int:
        self.sessions.append(session)
        self.times.append(time)
        return len(self.times)


async def test_all_badges_are_counted_in_one_transaction_at_one_moment(site: Database, clock: SettableClock) -> None:
    first, second = Counter(), Counter()
    badges = (Badge(key="first", count=first), Badge(key="second", count=second, attention=False))
    assert await CountsBackend(site, clock, badges).counts() == {"first": 1, "second": 1}
    assert first.sessions[0] is second.sessions[0]
    assert first.times == second.times == [CountingTime(NOW, site_time(NOW).replace(tzinfo=None))]


async def test_what_is_not_cheap_is_counted_as_seldom_as_it_says(site: Database, clock: SettableClock) -> None:
    seconds = [100.0]
    badges = (Badge(key="cheap", count=Counter()), Badge(key="dear", count=Counter(), every=30))
    backend = CountsBackend(site, clock, badges, monotonic=lambda: seconds[0])
    counted = []
    for now in (100.0, 105.0, 129.9, 130.0, 131.0):
        seconds[0] = now
        counted.append(tuple((await backend.counts()).values()))
    assert counted == [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2)]


def test_failed_elements_are_not_counted_at_every_look() -> None:
    badges = {badge.key: badge for badge in badges_of(page_list.all_pages())}
    assert {key: (badge.every, badge.attention) for key, badge in badges.items()} == {
        "triggers": (0, True),
        "jobs": (0, False),
        "queues": (30, True),
        "schedulers": (0, True),
    }


@pytest.mark.parametrize(("number", "text"), [(0, ""), (7, "7"), (999, "999"), (4711, "999+")])
def test_a_count_is_short_enough_for_the_narrow_navigation(number: int, text: str) -> None:
    assert badge_text(number) == text


def test_a_zone_is_not_named_twice() -> None:
    assert zone_text(NOW, ZoneInfo("UTC")) == "UTC"
    assert zone_text(NOW, ZONE) == "Europe/Copenhagen · CET"


def add_failed(database: Database, queue: str, *ended: timedelta) -> None:
    """Store failed elements that ended so long before now."""
    moments = [site_time(NOW - each) for each in ended]
    elements = [
        QueueElement(queue_name=queue, status=QueueStatus.FAILED, created_date=each, end_date=each) for each in moments
    ]
    database.write(lambda session: session.add_all(elements))


async def failed_count(database: Database, clock: SettableClock) -> int:
    return (await CountsBackend(database, clock, [QUEUES_BADGE]).counts())["queues"]


async def test_failed_elements_are_counted_until_somebody_looks_at_their_queue(
    user: User, site: Database, clock: SettableClock
) -> None:
    add_failed(site, "letters", timedelta(hours=1), timedelta(hours=2))
    add_failed(site, "bills", timedelta(hours=1))
    assert await failed_count(site, clock) == 3
    await user.open("/queues/letters")
    await user.should_see("letters", retries=30)
    await until(lambda: marks(site) == 1)
    assert await failed_count(site, clock) == 1
    clock.advance(timedelta(seconds=60))
    add_failed(site, "letters", timedelta(seconds=-30))
    assert await failed_count(site, clock) == 2


async def test_what_failed_in_all_queues_is_marked_as_seen_at_once(
    user: User, site: Database, clock: SettableClock
) -> None:
    add_failed(site, "letters", timedelta(hours=1))
    add_failed(site, "bills", timedelta(hours=1))
    await user.open("/queues")
    await click(user, "mark-seen")
    await until(lambda: marks(site) == 2)
    assert await failed_count(site, clock) == 0


async def test_a_mark_never_goes_back(site: Database) -> None:
    assert site.write(lambda session: queue_marks.mark_seen(session, "q", site_time(NOW)))
    assert not site.write(lambda session: queue_marks.mark_seen(session, "q", site_time(NOW - timedelta(hours=1))))
    assert site.read(lambda session: queue_marks.seen_until(session, ["q", "other"])) == {"q": site_time(NOW)}


def marks(database: Database) -> int:
    query = sa.select(sa.func.count()).select_from(SiteSetting).where(SiteSetting.name.like("queue_seen:%"))
    return database.read(lambda session: session.execute(query).scalar_one())


def test_no_badge_has_the_key_of_another_one() -> None:
    keys = [badge.key for badge in badges_of(page_list.all_pages())]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(("attention", "style"), [(True, "oo-bad"), (False, "oo-cnt")])
async def test_a_new_noun_s_badge_needs_nothing_but_its_line(
    site: Database, clock: SettableClock, monkeypatch: pytest.MonkeyPatch, attention: bool, style: str
) -> None:
    async def build(view: View) -> None:
        ui.label("Alerts are here")

    badge = Badge(key="alerts", count=lambda _session, _time: 4711, attention=attention)
    nav = NavEntry("Operate", 60, "sym_r_notifications", badge=badge)
    noun = SimpleNamespace(PAGES=(PageSpec(path="/alerts", title="Alerts", build=build, nav=nav),))
    monkeypatch.setattr(page_list, "_MODULES", (*page_list._MODULES, noun))
    async with running(site, clock) as app:
        user = app.user()
        await user.open("/alerts")
        await user.should_see("Alerts are here", retries=30)
        await until(lambda: _styles(user, lambda text: text == "999+"))
        assert _styles(user, lambda text: text == "999+") == [[style]]


def _styles(user: User, wanted: Callable[[str], bool]) -> list[list[str]]:
    labels = user.find(kind=ui.label).elements
    return [list(label.classes) for label in labels if isinstance(label, ui.label) and wanted(label.text)]
