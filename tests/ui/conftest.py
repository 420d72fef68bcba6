"""Fixtures of the user simulation: the app on a real database, without a browser."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from nicegui import Client, core, ui
from nicegui import app as framework
from nicegui.functions.download import download
from nicegui.functions.navigate import Navigate
from nicegui.functions.notify import notify
from nicegui.storage import Storage
from nicegui.testing import User
from nicegui.testing.general import nicegui_reset_globals, prepare_simulation

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.orchestrator import application
from OpenOrchestrator.orchestrator.access.gate import Gate
from OpenOrchestrator.orchestrator.access.passwords import Password
from OpenOrchestrator.orchestrator.access.proxies import Proxies, proxy_networks
from OpenOrchestrator.orchestrator.access.security import KEY_HEADER
from OpenOrchestrator.orchestrator.access.sites import KnownHosts
from OpenOrchestrator.orchestrator.backend.installation import Installation
from OpenOrchestrator.orchestrator.live.poller import Live
from tests.ui import one_write
from tests.ui.sample import NOW, ZONE, empty_database, fill


class App:
    """The app within this process.

    Attributes:
        gate: Who is in.
        live: The poller; looks every 50 ms.
        installation: What it works on.
    """

    def __init__(self, installation: Installation, gate: Gate, live: Live) -> None:
        self.installation = installation
        self.gate = gate
        self.live = live

    def client(self, *, signed_in: bool = True) -> httpx.AsyncClient:
        """Return an HTTP client, of somebody who is signed in or of a stranger."""
        client = httpx.AsyncClient(transport=httpx.ASGITransport(core.app), base_url="http://test")
        if signed_in:
            session = self.gate.new_session()
            client.cookies.set(self.gate.cookie, session.cookie)
            client.headers[KEY_HEADER] = session.key
        return client

    def user(self) -> User:
        """Return another signed-in user."""
        return User(self.client())


@pytest.fixture(scope="session", autouse=True)
def _own_storage(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what the framework stores apart from other workers: each removes the whole folder."""
    Storage.path = tmp_path_factory.mktemp("storage")
    framework.storage = Storage()  # the one that is there keeps its files where they were


@asynccontextmanager
async def running(
    database: Database | None, clock: SettableClock, *, password: str | None = None, proxies: str = ""
) -> AsyncIterator[App]:
    """Run the app within this process."""
    with nicegui_reset_globals():
        os.environ["NICEGUI_USER_SIMULATION"] = "true"
        try:
            prepare_simulation()
            installation = Installation(database, None, clock)
            gate = Gate(1, password=Password(password) if password else None)
            live = Live(clock, interval=0.05)
            root = application.setup(
                installation,
                gate,
                storage_secret="test",
                live=live,
                proxies=Proxies(proxy_networks(proxies)),
                hosts=KnownHosts(["test", "oo.example"]),
            )
            await installation.check()
            ui.run(root, storage_secret="test")
            async with core.app.router.lifespan_context(core.app):
                try:
                    yield App(installation, gate, live)
                finally:
                    # A tab that is never closed is never freed: each test would be slower than the one before.
                    for client in list(Client.instances.values()):
                        client.delete()
        finally:
            os.environ.pop("NICEGUI_USER_SIMULATION", None)
            ui.navigate = Navigate()
            ui.notify = notify
            ui.download = download


@pytest.fixture(autouse=True)
def _no_error_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test during which an error was logged: NiceGUI catches what handlers raise."""
    yield
    errors = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not errors, "\n".join(record.getMessage() for record in errors)


@pytest.fixture(autouse=True)
def _one_write(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test during which the app changed a database by another way than the one write of its backends."""
    found = one_write.watch(monkeypatch)
    yield
    assert not found, "\n".join(found)


@pytest.fixture
def clock() -> SettableClock:
    """Stands at Monday 23 November 2026, 08:12 in Copenhagen, until the test moves it."""
    return SettableClock(NOW)


@pytest.fixture
def site(tmp_path: Path, clock: SettableClock) -> Iterator[Database]:
    """An empty database of a site in Copenhagen."""
    url = f"sqlite+pysqlite:///{tmp_path / 'site.db'}"
    empty_database(url, clock).close()
    database = Database(url, clock=clock, patience_seconds=1)
    yield database
    database.close()


@pytest.fixture
def sample(site: Database) -> Database:
    """The database of a site on a Monday morning: triggers, jobs, queues, logs and schedulers in every state."""
    fill(site, NOW)
    return site


@pytest.fixture
async def app(site: Database, clock: SettableClock) -> AsyncIterator[App]:
    """The app on the ``site`` database, which ``sample`` fills."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(running(site, clock))


@pytest.fixture
async def user(app: App) -> User:
    """A signed-in user."""
    return app.user()


__all__ = ["ZONE", "App", "running"]
