"""The pause of the whole site: begun in Settings, said above every page, and ended from there."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Scheduler
from OpenOrchestrator.database.stores import site_pause
from OpenOrchestrator.database.stores.site_pause import SitePause
from OpenOrchestrator.orchestrator.components.forms.checks import check_end, end_of
from OpenOrchestrator.orchestrator.setup.pause_dialog import pause_words, sentences
from tests.ui.conftest import App
from tests.ui.pages import click, until
from tests.ui.sample import NOW, ZONE
from tests.ui.sample import site as site_time


def present(database: Database) -> SitePause | None:
    return database.read(site_pause.read)


def pause(database: Database, reason: str = "SAP is closed") -> None:
    database.write(lambda session: site_pause.pause(session, reason=reason, by="Ann"))


def banner(user: User) -> str:
    assert user.client is not None
    found = [each for each in user.client.elements.values() if "site-paused" in each._markers]
    if not found:  # the page is still being built
        return ""
    (element,) = found
    (label,) = [each for each in element.descendants() if isinstance(each, ui.label)]
    return str(label.text) if element.visible else ""


@pytest.mark.parametrize("path", ["/", "/triggers", "/jobs", "/queues", "/logs", "/schedulers", "/settings"])
async def test_every_page_says_that_the_site_is_paused(user: User, sample: Database, path: str) -> None:
    pause(sample, "SAP <b>is</b> closed")
    await user.open(path)
    words = await until(lambda: banner(user))
    assert words.startswith("The site is paused by Ann since ")
    assert words.endswith(", until it is resumed: SAP <b>is</b> closed. Nothing starts.")


async def test_an_open_tab_learns_of_a_pause_and_of_its_end(app: App, sample: Database) -> None:
    user = app.user()
    await user.open("/triggers")
    await user.should_see(marker="triggers", retries=30)
    assert banner(user) == ""
    pause(sample)
    app.live.refresh(_viewer(app))
    await until(lambda: "SAP is closed" in banner(user))
    assert sample.write(site_pause.resume)
    app.live.refresh(_viewer(app))
    await until(lambda: banner(user) == "")


async def test_the_site_is_paused_in_settings_and_resumed_from_the_banner(user: User, sample: Database) -> None:
    old = Scheduler(machine_name="Old", last_update=site_time(NOW - timedelta(seconds=20)))
    sample.write(lambda session: session.add(old))
    await user.open("/settings")
    await user.should_see("Not paused.", retries=50)
    await click(user, "pause-site")
    await user.should_see("Pause the site?", retries=30)
    await user.should_see("Old is of a version before 4.0 and will not obey")
    await click(user, "confirm-site-pause")
    await user.should_see("Say why: everybody who waits for a robot sees it.", retries=30)
    assert present(sample) is None
    user.find(marker="site-pause-reason").type("SAP is closed")
    user.find(marker="site-pause-until").type("2999-12-24T18:00")
    user.find(marker="your-name").type("Ann")
    await click(user, "confirm-site-pause")
    await user.should_see("The site is paused", retries=50)
    found = await until(lambda: present(sample))
    assert (found.reason, found.by) == ("SAP is closed", "Ann")
    assert found.until == datetime(2999, 12, 24, 17, tzinfo=timezone.utc)
    await until(lambda: "SAP is closed" in banner(user))

    await click(user, "site-paused-resume")
    await user.should_see("Resume the site?", retries=30)
    await click(user, "confirm")
    await user.should_see("The site is resumed", retries=50)
    assert present(sample) is None
    await until(lambda: banner(user) == "")
    await user.should_see("Not paused.", retries=50)


async def test_a_pause_is_changed_and_another_one_is_not_ended_by_mistake(user: User, sample: Database) -> None:
    pause(sample)
    await user.open("/settings")
    await click(user, "change-site-pause")
    await user.should_see("Change the pause?", retries=30)
    user.find(marker="site-pause-reason").clear()
    user.find(marker="site-pause-reason").type("New servers")
    await click(user, "confirm-site-pause")
    await user.should_see("The pause was changed", retries=50)
    found = present(sample)
    assert found is not None
    assert found.reason == "New servers"

    await until(lambda: "New servers" in banner(user))
    await click(user, "resume-site")
    await user.should_see("Resume the site?", retries=30)
    pause(sample, "Somebody else's")
    await click(user, "confirm")
    await user.should_see("Resume the site: changed meanwhile", retries=50)
    assert present(sample) is not None


def test_words_and_ends() -> None:
    words = pause_words(SitePause(reason="closed", until=NOW + timedelta(hours=2)), NOW, ZONE)
    assert words.startswith("The site is paused, until ")
    assert words.endswith(": closed. Nothing starts.")
    assert len(sentences(())) == 3
    assert "A and B are of versions before 4.0" in sentences(("A", "B"))[-1]
    assert check_end("", NOW, ZONE) is None
    assert check_end("nonsense", NOW, ZONE) == "Enter date and time, such as 2026-12-24T18:00."
    assert check_end("2020-01-01T00:00", NOW, ZONE) == "This has passed already."
    assert check_end("2999-01-01T00:00", NOW, ZONE) is None
    assert end_of("2999-07-01T18:00", ZONE) == datetime(2999, 7, 1, 16, tzinfo=timezone.utc)


def _viewer(app: App):  # type: ignore[no-untyped-def]
    feeds = app.live._feeds.values()
    return next(subscription.viewer for feed in feeds for subscription in feed.subscriptions)
