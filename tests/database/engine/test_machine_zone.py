"""The time zone of a machine: understood, or asked for; never silently another one."""

from __future__ import annotations

import sys

import pytest

from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.stamp import machine_zone, machine_zone_name
from OpenOrchestrator.database.schema import migrations
from OpenOrchestrator.database.site import SiteSetting

POSIX_ZONES = ["CET-1CEST,M3.5.0,M10.5.0/3", "<+03>-3", "Nonsense"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="TZ names no time zone on Windows")


@pytest.fixture(autouse=True)
def _asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_cache_tz", "_cache_tz_name"):
        monkeypatch.setattr(f"tzlocal.unix.{name}", None)


@pytest.mark.parametrize("tz", POSIX_ZONES)
@pytest.mark.parametrize("ask", [machine_zone, machine_zone_name])
def test_rules_in_place_of_a_name_are_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tz: str, ask: object
) -> None:
    monkeypatch.setenv("TZ", tz)
    with pytest.raises(ConfigurationError, match="no IANA name") as caught:
        ask()  # type: ignore[operator]
    assert repr(tz) in str(caught.value)
    assert "--timezone" in str(caught.value)


@pytest.mark.parametrize("tz", ["Europe/Copenhagen", ":Europe/Copenhagen", "EST5EDT", "UTC"])
def test_a_name_is_understood_however_it_is_written(monkeypatch: pytest.MonkeyPatch, tz: str) -> None:
    monkeypatch.setenv("TZ", tz)
    assert machine_zone_name() == tz.removeprefix(":")
    assert machine_zone().key == tz.removeprefix(":")


@pytest.mark.kinds("sqlite")
def test_programs_and_upgrades_ask_for_a_name_where_the_site_has_none(
    database: Database, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", POSIX_ZONES[0])
    assert database.zone.key == "Europe/Copenhagen"  # which is stored, so the machine's does not count
    database.write(lambda session: session.query(SiteSetting).delete())
    database.forget_zone()
    with pytest.raises(ConfigurationError, match="no IANA name"):
        database.site_now()
    with pytest.raises(ConfigurationError, match="no IANA name"):
        migrations.upgrade(empty_database_url)
    assert migrations.upgrade(empty_database_url, zone="Europe/Copenhagen").changed_anything
