"""Where constants and credentials are used, as an admin sees it: in the lists, in the forms, before one is deleted."""

from __future__ import annotations

import sqlalchemy as sa
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Constant, Use
from OpenOrchestrator.database.statuses import Access, UsedKind
from OpenOrchestrator.database.stores import credentials
from tests.ui.noted_uses import add_trigger, note
from tests.ui.pages import act_on, cell, click, rows_of

READ, WRITE = Access


def add(database: Database, *names: str) -> None:
    rows = [Constant(name=name, value="v", changed_at=database.site_now()) for name in names]
    database.write(lambda session: session.add_all(rows))


def links(user: User) -> dict[str, str]:
    found = user.find(kind=ui.link).elements
    return {each.text: str(each.props["href"]) for each in found if isinstance(each, ui.link)}


def texts(user: User, marker: str) -> list[str]:
    found = sorted(user.find(marker=marker).elements, key=lambda element: element.id)
    return [
        " ".join(label.text for label in each.descendants() if isinstance(label, (ui.label, ui.link))) for each in found
    ]


async def test_the_list_says_when_each_was_last_read_and_can_be_sorted_by_it(user: User, site: Database) -> None:
    add(site, "a", "B", "c", "d", "e")
    note(site, UsedKind.CONSTANT, "a", "Invoices", READ, days_ago=0)
    note(site, UsedKind.CONSTANT, "a", "Mail", READ, days_ago=3)
    note(site, UsedKind.CONSTANT, "B", "Mail", READ, days_ago=1)
    note(site, UsedKind.CONSTANT, "b", "Mail", READ, days_ago=0)
    note(site, UsedKind.CREDENTIAL, "c", "Mail", READ, days_ago=0)
    note(site, UsedKind.CONSTANT, "c", "Mail", WRITE, days_ago=0)
    note(site, UsedKind.CONSTANT, "d", "Mail", READ, days_ago=30)
    note(site, UsedKind.CONSTANT, "e", "Mail", READ, days_ago=399)
    await user.open("/constants")
    rows = await rows_of(user, "constants")
    assert {name: cell(row, "read")["t"] for name, row in rows.items()} == {
        "a": "today",
        "B": "yesterday",
        "c": "not noted",
        "d": "24 Oct",
        "e": "20 Oct 2025",
    }
    assert cell(rows["d"], "read")["tip"] == "Sat 24 Oct 2026"
    assert "4 or higher" in cell(rows["c"], "read")["tip"]
    for sort, order in (("read", ["c", "e", "d", "B", "a"]), ("-read", ["a", "B", "d", "e", "c"])):
        await user.open(f"/constants?sort={sort}")
        assert list(await rows_of(user, "constants")) == order


async def test_the_form_says_who_reads_and_changes_it_with_links_to_their_triggers(user: User, site: Database) -> None:
    add(site, "Limit", "limit2")
    one = add_trigger(site, "Invoices")
    for _ in range(2):
        add_trigger(site, "Mail, & more")
    add_trigger(site, "INVOICES")
    note(site, UsedKind.CONSTANT, "Limit", "Invoices", READ, days_ago=2)
    note(site, UsedKind.CONSTANT, "Limit", "Mail, & more", READ, days_ago=0)
    note(site, UsedKind.CONSTANT, "Limit", "Mail, & more", WRITE, days_ago=1)
    note(site, UsedKind.CONSTANT, "Limit", "By hand <b>", WRITE, days_ago=0)
    note(site, UsedKind.CONSTANT, "limit2", "Another", READ, days_ago=0)
    await user.open("/constants")
    await act_on(user, "constants", "edit", "Limit")
    await user.should_see("Last read today", retries=50)
    assert texts(user, "use") == [
        "By hand <b> changed today",
        "Mail, & more read today changed yesterday",
        "Invoices read 2 days ago",
    ]
    assert links(user)["Invoices"] == f"/triggers/{one}"
    assert links(user)["Mail, & more"] == "/triggers?process=Mail%252C+%26+more"
    assert "By hand <b>" not in links(user)
    await user.should_not_see("Another")


async def test_a_form_of_what_nobody_noted_says_so(user: User, site: Database) -> None:
    add(site, "Limit")
    await user.open("/constants")
    await act_on(user, "constants", "edit", "Limit")
    await user.should_see("Not noted", retries=50)
    await user.should_see("Older robots do not note what they use")
    await user.open("/constants?form=new")
    await user.should_see(marker="save", retries=30)
    await user.should_not_see(marker="uses")


async def test_whoever_deletes_one_is_told_who_read_it_and_its_uses_go_along(user: User, site: Database) -> None:
    add(site, "Limit")
    for number in range(7):
        note(site, UsedKind.CONSTANT, "Limit", f"P{number}", READ, days_ago=number)
    note(site, UsedKind.CONSTANT, "Limit", "Writer", WRITE, days_ago=0)
    await user.open("/constants")
    await act_on(user, "constants", "delete", "Limit")
    known = "Read lately by P0 (today), P1 (yesterday), P2 (2 days ago), P3 (3 days ago), P4 (4 days ago) and 2 more."
    await user.should_see(known, retries=50)
    await click(user, "confirm")
    await user.should_see("Limit was deleted", retries=50)
    counted = sa.select(sa.func.count()).select_from(Use)
    assert site.read(lambda session: session.execute(counted).scalar_one()) == 0


async def test_credentials_are_shown_likewise(user: User, site: Database) -> None:
    stored = credentials.values(
        site.dialect_name, username="u", password="p", key=crypto_util.generate_key(), now=site.site_now()
    )
    site.write(lambda session: credentials.create(session, "ERP", stored))
    note(site, UsedKind.CREDENTIAL, "ERP", "Invoices", READ, days_ago=1)
    note(site, UsedKind.CONSTANT, "ERP", "Mail", READ, days_ago=0)
    await user.open("/credentials")
    assert cell((await rows_of(user, "credentials"))["ERP"], "read")["t"] == "yesterday"
    await act_on(user, "credentials", "edit", "ERP")
    await user.should_see("Last read yesterday", retries=50)
    assert texts(user, "use") == ["Invoices read yesterday"]
