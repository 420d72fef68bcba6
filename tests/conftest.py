"""Fixtures for all tests: one suite for all databases.

A test that asks for ``database`` or ``empty_database_url`` runs once on each kind of database, or on those named by
``@pytest.mark.kinds("postgresql", ...)``. Where a server is missing it is skipped, saying what is missing.
"""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator

import pytest
from databases import Server, ServerMissingError, find_servers
from hypothesis import settings
from shared_statements import share_statements

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.site import TIME_ZONE, SiteSetting

ZONE = "Europe/Copenhagen"

_servers = find_servers()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "kinds(*names): run only on these kinds of databases (sqlite, postgresql, ...)")
    share_statements()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell's job in the background ignores Ctrl+C, and so would all that tests start and interrupt.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.register_profile("no deadline", deadline=None)  # a busy machine is no fault of what is tested
    settings.load_profile("no deadline")


def pytest_collection_finish() -> None:
    # What there is now stays until the end. Thousands of tests and modules would else be gone through whenever garbage
    # is collected, which the user simulation of the app does twice for each of its tests.
    gc.collect()
    gc.freeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_server" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("kinds")
        wanted = [server for server in _servers if marker is None or server.kind in marker.args]
        metafunc.parametrize("database_server", wanted, ids=[server.name for server in wanted], indirect=True)


@pytest.fixture(scope="session", autouse=True)
def _close_servers() -> Iterator[None]:
    yield
    for server in _servers:
        server.close()


@pytest.fixture
def database_server(request: pytest.FixtureRequest) -> Server:
    """The server this run of the test works on."""
    server: Server = request.param
    try:
        server.require()
    except ServerMissingError as error:
        request.node.user_properties.append(("database_missing", str(error)))
        pytest.skip(str(error))
    request.node.user_properties.append(("database", server.description))
    return server


@pytest.fixture
def clock() -> SettableClock:
    """A clock that stands at 2026-01-01 00:00 UTC (01:00 at the site) until the test moves it."""
    return SettableClock()


@pytest.fixture
def empty_database_url(database_server: Server) -> Iterator[str]:
    """URL of a database without any table."""
    url = database_server.make_empty()
    yield url
    database_server.drop(url)


@pytest.fixture
def database(database_server: Server, clock: SettableClock) -> Iterator[Database]:
    """A database with all tables and no rows but the site's zone, Europe/Copenhagen, on the clock of the test.

    For a second connection pool on it: ``Database(database.connection_string, clock=clock)``.
    """
    made = Database(database_server.with_tables(), clock=clock)
    made.write(lambda session: session.add(SiteSetting(name=TIME_ZONE, value=ZONE)))
    yield made
    made.close()
    if database_server.kind == "sqlite":
        database_server.drop(made.connection_string)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    used: dict[str, dict[str, set[str]]] = {"database": {}, "database_missing": {}}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name in used:
                    used[name].setdefault(value, set()).add(report.nodeid)
    if not any(used.values()):
        return
    terminalreporter.section("databases")
    for description, tests in sorted(used["database"].items()):
        terminalreporter.line(f"ran: {description} ({len(tests)} tests)")
    for reason, tests in sorted(used["database_missing"].items()):
        terminalreporter.line(f"did not run: {reason} ({len(tests)} tests)")
    if not any(server.kind == "mssql" for server in _servers):
        terminalreporter.line("did not run: SQL Server: set CONN_STRING to the URL of one to test on it")
