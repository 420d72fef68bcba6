"""What this process of the app works on: which database of which site, which key, which clock.

Owns the connection string and the key; neither ever leaves the server, and nothing here returns the key to a page but
for encrypting. Must not know any page.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone, tzinfo
from typing import TYPE_CHECKING

from OpenOrchestrator.common.clock import Clock, SystemClock
from OpenOrchestrator.common.errors import NotConnectedError
from OpenOrchestrator.orchestrator.backend.base import off_loop

if TYPE_CHECKING:
    from OpenOrchestrator.database.engine.database import Database
    from OpenOrchestrator.database.stores.site_identity import SiteIdentity


PATIENCE_SECONDS = 3.0
"""How long a page waits for a silent database; the banner comes after it."""


def open_database(connection_string: str, clock: Clock | None = None) -> Database:
    """Return the database of a connection string as the app uses it; connects nothing yet.

    Raises:
        ConfigurationError: If it cannot be understood; the message may hold its secrets.
    """
    from OpenOrchestrator.database.engine.database import Database  # noqa: PLC0415  (loads SQLAlchemy)

    return Database(connection_string, clock=clock, patience_seconds=PATIENCE_SECONDS)


class Installation:
    """The server-wide state, shared by all tabs of all users.

    Args:
        database: The database; None until somebody connects one.
        key: Key of the credentials; None if there is none.
        clock: Tells the time.
    """

    def __init__(self, database: Database | None = None, key: str | None = None, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self.key = key
        self.problem: str | None = None
        self._database = database
        self._zone: tzinfo = timezone.utc
        self._site: SiteIdentity | None = None
        self._listeners: list[Callable[[], None]] = []
        self._site_listeners: list[Callable[[], None]] = []

    @property
    def database(self) -> Database:
        """The connected database.

        Raises:
            NotConnectedError: If there is none.
        """
        if self._database is None:
            raise NotConnectedError("Not connected to a database. Connect one under Settings.")
        return self._database

    @property
    def connected(self) -> bool:
        """Whether there is a database that this program can work with."""
        return self._database is not None and self.problem is None

    @property
    def has_database(self) -> bool:
        """Whether a connection string was given, whatever the state of its database."""
        return self._database is not None

    @property
    def zone(self) -> tzinfo:
        """The site's time zone as it was last read; UTC before."""
        return self._zone

    @property
    def site_name(self) -> str:
        """What the site is called, as it was last read; empty before, and for one without a name."""
        return self._site.name if self._site is not None else ""

    @property
    def site_colour(self) -> str:
        """The colour of the site, as it was last read; empty for the default one."""
        return self._site.colour if self._site is not None else ""

    def now(self) -> datetime:
        """Return the current instant, aware UTC."""
        return self.clock.utc_now()

    async def check(self) -> None:
        """Look at the database: sets ``problem`` (None when it can be worked with), time zone, and name of the site.

        Raises:
            ConnectionFailedError: If it cannot be reached now; ``problem`` stays as it was.
        """
        if await self._look_again():
            self._tell()

    async def know_site(self) -> None:
        """Look at the database unless that was done: afterwards it is known what the site is called.

        Raises:
            ConnectionFailedError: If it cannot be reached now.
        """
        if self._database is not None and self._site is None and self.problem is None:
            await self.check()

    async def _look_again(self) -> bool:
        """Look at the database, and return whether ``problem`` became another one."""
        database = self._database
        if database is None:
            self.problem = None
            return False
        problem, zone, site = await off_loop(lambda: _look(database))
        if database is not self._database:
            return False  # another one was connected meanwhile
        changed, self.problem = problem != self.problem, problem
        if zone is not None:
            self._zone = zone
        if site != self._site:
            self._site = site
            for listener in list(self._site_listeners):
                listener()
        return changed

    async def connect(self, database: Database) -> None:
        """Work on another database from now on; the former one is closed.

        Raises:
            ConnectionFailedError: If it cannot be reached; the former one stays.
        """
        await off_loop(database.verify)
        former, self._database = self._database, database
        if former is not database:
            self._site = None
        if former is not None and former is not database:
            await off_loop(former.close)
        await self._look_again()
        self._tell()

    async def disconnect(self) -> None:
        """Work on no database from now on, and forget the key."""
        former, self._database, self.key, self.problem = self._database, None, None, None
        self._site = None
        if former is not None:
            await off_loop(former.close)
        self._tell()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever another database is connected, or none."""
        self._listeners.append(listener)

    def off_change(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` no more."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def on_site_change(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever the site has another name or colour."""
        self._site_listeners.append(listener)

    def off_site_change(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` no more."""
        if listener in self._site_listeners:
            self._site_listeners.remove(listener)

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener()


def _look(database: Database) -> tuple[str | None, tzinfo | None, SiteIdentity | None]:
    from OpenOrchestrator.common.errors import RevisionError  # noqa: PLC0415
    from OpenOrchestrator.database.schema.revisions import check_exact  # noqa: PLC0415
    from OpenOrchestrator.database.stores import site_identity  # noqa: PLC0415

    try:
        check_exact(database)
    except RevisionError as error:
        return str(error), None, None
    return None, database.zone, database.read(site_identity.read)
