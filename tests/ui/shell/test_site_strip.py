"""What the site is called, above every page, in the tab and in questions."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.stores import site_identity
from OpenOrchestrator.orchestrator.shell.site_strip import icon_address
from tests.ui.conftest import App
from tests.ui.pages import act_on, click, until


def call_site(database: Database, name: str, colour: str = "") -> None:
    database.write(lambda session: site_identity.store(session, name=name, colour=colour))


def strip(user: User) -> ui.element:
    (element,) = user.find(marker="site").elements
    return element


def title(user: User) -> str:
    assert user.client is not None
    return str(user.client.title)


async def test_a_site_without_a_name_looks_as_ever(user: User, sample: Database) -> None:
    await user.open("/triggers")
    await user.should_see(marker="triggers", retries=30)
    await user.should_not_see(marker="site")
    assert title(user) == "Triggers · OpenOrchestrator"
    await act_on(user, "triggers", "delete", "Månedsafslutning kontrol")
    await user.should_see("Delete Månedsafslutning kontrol?", retries=30)
    await user.should_not_see(marker="on-site")


async def test_name_and_colour_stand_above_every_page_in_the_tab_and_in_questions(app: App, sample: Database) -> None:
    call_site(sample, "PRØVE <b>1</b>", "yellow")
    await app.installation.check()
    user = app.user()
    await user.open("/triggers")
    await user.should_see(marker="site", retries=30)
    await user.should_see("PRØVE <b>1</b>")
    assert strip(user).style["--site"] == "#f2c230"
    assert strip(user).style["--on-site"] == "#000000"
    assert strip(user).props["aria-label"] == "Site: PRØVE <b>1</b>"
    assert title(user) == "PRØVE <b>1</b> · Triggers · OpenOrchestrator"
    await user.should_see(marker="triggers", retries=30)
    await act_on(user, "triggers", "delete", "Månedsafslutning kontrol")
    await user.should_see("Delete Månedsafslutning kontrol?", retries=30)
    await user.should_see("On PRØVE <b>1</b>")
    (dialog,) = [each for each in user.find(kind=ui.dialog).elements if each.props.get("role") == "alertdialog"]
    assert dialog.props["aria-label"] == "PRØVE <b>1</b>: Delete Månedsafslutning kontrol?"


async def test_an_open_tab_learns_that_the_site_was_named(app: App, sample: Database) -> None:
    user, other = app.user(), app.user()
    await user.open("/triggers")
    await other.open("/jobs")
    await user.should_see(marker="triggers", retries=30)
    await other.should_see(marker="jobs", retries=30)
    for name in ("TEST", "PROD", ""):
        call_site(sample, name)
        await app.installation.check()
        for each, page in ((user, "Triggers"), (other, "Jobs")):
            await until(lambda each=each, name=name: strip_text(each) == name)
            assert title(each) == (f"{name} · {page} · OpenOrchestrator" if name else f"{page} · OpenOrchestrator")


def strip_text(user: User) -> str:
    assert user.client is not None
    (element,) = [each for each in user.client.elements.values() if "site" in each._markers]
    (label,) = [each for each in element.descendants() if isinstance(each, ui.label)]
    return str(label.text) if element.visible else ""


async def test_a_new_name_is_given_in_settings(app: App, site: Database) -> None:
    user = app.user()
    await user.open("/settings")
    await user.should_see(marker="site-name-field", retries=50)
    assert not enabled(user, "save-site-name")
    await user.should_see("A site without a name shows none.")
    enter(user, "site-name-field", " TEST ")
    enter(user, "site-colour", "green")
    await click(user, "save-site-name")
    await user.should_see("The site is called TEST", retries=50)
    assert site.read(site_identity.read) == site_identity.SiteIdentity("TEST", "green")
    await user.should_see(marker="site-name", retries=30)
    assert not enabled(user, "save-site-name")
    enter(user, "site-colour", "own")
    await until(lambda: not enabled(user, "save-site-name"))
    enter(user, "site-own-colour", "#12345")
    await user.should_see("is no colour. Give one of red", retries=30)
    assert not enabled(user, "save-site-name")
    enter(user, "site-own-colour", "#123456")
    await until(lambda: enabled(user, "save-site-name"))
    await click(user, "save-site-name")
    await until(lambda: site.read(site_identity.read).colour == "#123456")
    enter(user, "site-name-field", "")
    await click(user, "save-site-name")
    await user.should_see("The site has no name", retries=50)
    await user.should_not_see(marker="site", retries=30)


@pytest.mark.parametrize(("name", "said"), [("x" * 41, "may have 40"), ("TE\x1bST", "U+001B")])
async def test_a_name_that_cannot_be_says_why(app: App, site: Database, name: str, said: str) -> None:
    user = app.user()
    await user.open("/settings")
    await user.should_see(marker="site-name-field", retries=50)
    enter(user, "site-name-field", name)
    await click(user, "save-site-name")
    await user.should_see(said, retries=50)
    assert site.read(site_identity.read).name == ""


def test_the_icon_is_in_the_colour_and_what_is_drawn_on_it_can_be_seen() -> None:
    icon = unquote(icon_address("yellow"))
    assert icon.startswith("data:image/svg+xml,<svg")
    assert 'fill="#f2c230"' in icon
    assert 'stroke="#000000"' in icon
    assert 'stroke="#ffffff"' in unquote(icon_address("#123456"))
    assert "#" not in icon_address("red"), "it would begin a fragment"


def enter(user: User, marker: str, text: str) -> None:
    with user:
        for element in user.find(marker=marker).elements:
            element.value = text  # type: ignore[attr-defined]


def enabled(user: User, marker: str) -> bool:
    (element,) = user.find(marker=marker).elements
    return bool(element.enabled)  # type: ignore[attr-defined]
