"""The site as a file, downloaded in Settings."""

from __future__ import annotations

from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.triggers import QueueTrigger
from OpenOrchestrator.site import applying, document
from tests.ui.conftest import App
from tests.ui.pages import click
from tests.ui.sample import add_trigger


async def test_settings_give_the_file_that_makes_the_site_as_it_is(user: User, app: App, site: Database) -> None:
    add_trigger(site, QueueTrigger, trigger_name="Letters", queue_name="letters", min_batch_size=3)
    await user.open("/settings")
    await click(user, "download-site")
    with user:
        download = await user.download.next(timeout=5)
    assert "site-2026-11-23-0812.yaml" in download.headers["content-disposition"]
    assert b"  - name: Letters\n" in download.content
    read = document.read(download.content, dialect_name=site.dialect_name)
    assert applying.plan(site, read, prune=True, file_name="x").changes == ()
