"""What a site is called, and its colour, on every kind of database."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.site import SITE_COLOUR, SITE_NAME, SiteSetting
from OpenOrchestrator.database.stores import site_identity
from OpenOrchestrator.database.stores.site_identity import SiteIdentity


def store(database: Database, **values: str) -> SiteIdentity:
    return database.write(lambda session: site_identity.store(session, **values))


def stored(database: Database) -> SiteIdentity:
    return database.read(site_identity.read)


def test_a_site_has_no_name_until_it_is_given_one(database: Database) -> None:
    assert stored(database) == SiteIdentity("", "")


def test_name_and_colour_are_kept_and_changed_one_by_one(database: Database) -> None:
    assert store(database, name=" Prøve  å🧪 ", colour="Green") == SiteIdentity("Prøve å🧪", "green")
    assert stored(database) == SiteIdentity("Prøve å🧪", "green")
    store(database, name="PROD")
    assert stored(database) == SiteIdentity("PROD", "green")
    store(database, colour="#C2302A")
    assert stored(database) == SiteIdentity("PROD", "#c2302a")
    store(database, colour="")
    assert stored(database) == SiteIdentity("PROD", "")


def test_without_a_name_there_is_no_colour(database: Database) -> None:
    with pytest.raises(InvalidInputError, match="A site without a name has no colour"):
        store(database, colour="red")
    assert stored(database) == SiteIdentity()
    store(database, name="TEST", colour="red")
    store(database, name="")
    assert stored(database) == SiteIdentity()
    store(database, name="PROD")
    assert stored(database) == SiteIdentity("PROD", ""), "the colour went with the name"


def test_what_was_stored_by_other_means_and_is_none_is_not_there(database: Database) -> None:
    def put(name: str, colour: str) -> None:
        def work(session: sa.orm.Session) -> None:
            session.merge(SiteSetting(name=SITE_NAME, value=name))
            session.merge(SiteSetting(name=SITE_COLOUR, value=colour))

        database.write(work)

    put("TEST", "url(javascript:alert(1))")
    assert stored(database) == SiteIdentity("TEST", "")
    put("TE\x1bST", "red")
    assert stored(database) == SiteIdentity()
