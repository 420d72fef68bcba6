"""A database server for one run: made in a temporary folder, crashed at will, its clock stepped, and removed after.

Owns the server's processes and files. Must never touch a server that it did not start.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa

from benchmarks.chaos import programs

KINDS = ("postgresql", "mariadb", "sqlite")
HOST = "127.0.0.1"
MOST_CONNECTIONS = 400
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_DATABASE = "chaos"


class Cluster(ABC):
    """A private server of one kind, with one database.

    Args:
        folder: Empty, and readable by the user that the server runs as.

    Attributes:
        kind: postgresql, mariadb or sqlite.
        port: Where it listens; 0 for none.
        can_crash: Whether there is a server that can be crashed.
        clock_missing: Why the clock of the database cannot be stepped; empty if it can.
    """

    kind: ClassVar[str]
    can_crash = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.clock_missing = ""

    @abstractmethod
    def url(self, port: int | None = None) -> str:
        """Return the SQLAlchemy URL of the database, at another port if a proxy listens there."""

    @abstractmethod
    def start(self) -> None:
        """Start the server and make the database."""

    def crash(self) -> None:
        """Crash the server, so that it has to recover, and start it again; returns when it answers."""
        raise NotImplementedError

    def step_clock(self, seconds: int) -> None:
        """Let the server's clock go wrong by so many seconds from now on, on all its connections at once."""
        raise NotImplementedError

    @abstractmethod
    def stop(self) -> None:
        """End the server."""

    @abstractmethod
    def connections(self) -> int:
        """Return how many clients are connected, this question not counted."""


class SqliteFile(Cluster):
    """A SQLite file. There is no server: nothing crashes, and its clock is that of whoever asks."""

    kind = "sqlite"
    can_crash = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.clock_missing = "the clock of a SQLite database is the machine's"

    def url(self, port: int | None = None) -> str:  # noqa: ARG002  (there is no port)
        """Return the URL of the file."""
        return f"sqlite+pysqlite:///{(self.folder / 'chaos.db').as_posix()}"

    def start(self) -> None:
        """There is none; who upgrades the database makes the file."""

    def stop(self) -> None:
        """There is none."""

    def connections(self) -> int:
        """Return 0: nobody counts them."""
        return 0


class _Server(Cluster):
    """What PostgreSQL and MariaDB share: a child process.

    Args:
        folder: Empty, and readable by the user that the server runs as.
        is_measured: Durable and on the machine's clock, as a server in service; not for stepping its clock.
    """

    _user: ClassVar[str]
    _crash_signal: ClassVar[str]
    _stop_signal: ClassVar[str]

    def __init__(self, folder: Path, *, is_measured: bool = False) -> None:
        super().__init__(folder)
        self.is_measured = is_measured
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._engine = sa.create_engine(self._admin_url(), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        self._environment = dict(os.environ)
        if is_measured:
            self.clock_missing = "this server is measured, and a clock that can be stepped would slow it down"

    @abstractmethod
    def _admin_url(self) -> str: ...

    @abstractmethod
    def _prepare(self) -> list[str]: ...

    @abstractmethod
    def _command(self) -> list[str]: ...

    _connections: ClassVar[str]

    def start(self) -> None:
        """Make the files of the server, start it and make the database."""
        log = self.folder / "prepare.log"
        with log.open("wb") as output:
            prepared = subprocess.run(
                self._prepare(), stdout=output, stderr=output, cwd=self.folder, check=False, **self._as_user()
            )
        if prepared.returncode != 0:
            raise OSError(f"{self.kind} could not be set up: {log.read_text(errors='replace')[-1000:]}")
        self._start_process()
        with self._engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {_DATABASE}")

    def crash(self) -> None:
        """Send the signal that ends the server without tidying up, and start it again."""
        self._end(self._crash_signal)
        self._start_process()

    def stop(self) -> None:
        """End the server."""
        self._engine.dispose()
        self._end(self._stop_signal)

    def connections(self) -> int:
        """Ask the server."""
        with self._engine.connect() as connection:
            return int(connection.exec_driver_sql(self._connections).scalar_one())

    def _start_process(self) -> None:
        log = self.folder / "server.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env=self._environment,
                start_new_session=True,
                **self._as_user(),
            )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                with self._engine.connect():
                    return
            except sa.exc.DBAPIError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    words = log.read_text(errors="replace")[-1000:]
                    raise OSError(f"the private {self.kind} server does not start ({error.orig}): {words}") from error
                time.sleep(0.05)

    def _end(self, name: str) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.Signals[name])
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _as_user(self) -> dict[str, Any]:
        """Return how to start a process as the user that the server has to run as: never as root."""
        if os.geteuid() != 0:
            return {}
        user = programs.server_user(self._user)
        return {"user": user, "group": programs.user_group(user), "extra_groups": []}


_STEPPED_CLOCK = f"""
    CREATE SCHEMA stepped;
    CREATE TABLE stepped.clock AS SELECT interval '0' AS by;
    CREATE FUNCTION stepped.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
        AS 'SELECT pg_catalog.clock_timestamp() + by FROM stepped.clock';
    ALTER DATABASE {_DATABASE} SET search_path = public, stepped, pg_catalog
"""


class PostgreSQL(_Server):
    """A PostgreSQL; its crash is that of ``pg_ctl restart -m immediate``.

    Its clock is stepped where SQL asks for it, by a function in the place of the server's own. Under libfaketime the
    server's time-outs would be dead: its handler of SIGALRM sees the true time while it waits, and waits on.
    """

    kind = "postgresql"
    _user = "postgres"
    _crash_signal = "SIGQUIT"
    _stop_signal = "SIGQUIT"
    _connections = """SELECT count(*) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""

    def __init__(self, folder: Path, *, is_measured: bool = False) -> None:
        super().__init__(folder, is_measured=is_measured)
        self._programs = programs.postgresql_programs()

    def start(self) -> None:
        """Make the files of the server, start it, make the database, and give it a clock that can be stepped."""
        super().start()
        if not self.is_measured:
            self._execute(_STEPPED_CLOCK)

    def step_clock(self, seconds: int) -> None:
        """Change what the function in the place of the server's own adds."""
        self._execute(f"UPDATE stepped.clock SET by = interval '{seconds} s'")

    def _execute(self, statements: str) -> None:
        """Run statements that may be run twice, also while the server is being started again."""
        engine = sa.create_engine(self.url(), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                with engine.connect() as connection:
                    connection.exec_driver_sql(statements)
            except sa.exc.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def url(self, port: int | None = None) -> str:
        """Return the URL for the superuser, who needs no password from this machine."""
        return f"postgresql+psycopg://postgres@{HOST}:{port or self.port}/{_DATABASE}"

    def _admin_url(self) -> str:
        return f"postgresql+psycopg://postgres@{HOST}:{self.port}/postgres"

    def _prepare(self) -> list[str]:
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        return [str(self._programs / "initdb"), "-D", str(self.folder / "data"), *options]

    def _command(self) -> list[str]:
        settings = [f"max_connections={MOST_CONNECTIONS}", "log_checkpoints=off"]
        if not self.is_measured:
            settings.append("fsync=off")  # processes are killed here, not machines
        options = ["-D", str(self.folder / "data"), "-h", HOST, "-p", str(self.port), "-k", str(self.folder)]
        return [str(self._programs / "postgres"), *options, *(part for one in settings for part in ("-c", one))]


class MariaDB(_Server):
    """A MariaDB; its crash is a kill -9. It runs under libfaketime, which reads the offset of its clock from a file."""

    kind = "mariadb"
    _user = "mysql"
    _crash_signal = "SIGKILL"
    _stop_signal = "SIGTERM"
    _connections = """SELECT COUNT(*) FROM information_schema.PROCESSLIST
        WHERE ID <> CONNECTION_ID() AND USER NOT IN ('system user', 'event_scheduler')"""

    def __init__(self, folder: Path, *, is_measured: bool = False) -> None:
        super().__init__(folder, is_measured=is_measured)
        self._daemon = programs.program("mariadbd", "/usr/sbin")
        self._installer = programs.program("mariadb-install-db", "/usr/bin")
        self._offset = folder / "clock-offset"
        library = None if is_measured else programs.faketime()
        if library is not None:
            # Its monotonic clock stays right, as that of a real machine does when somebody sets the time.
            self._environment |= {
                "LD_PRELOAD": str(library),
                "FAKETIME_TIMESTAMP_FILE": str(self._offset),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "DONT_FAKE_MONOTONIC": "1",
            }
        elif not is_measured:
            self.clock_missing = "libfaketime is not installed (Debian's package faketime)"

    def start(self) -> None:
        """Make the files of the server, start it and make the database."""
        self.step_clock(0)
        super().start()

    def step_clock(self, seconds: int) -> None:
        """Write the offset where the server looks for it each time it asks for the time."""
        temporary = self._offset.with_suffix(".new")
        temporary.write_text(f"{seconds:+d}\n", encoding="ascii")
        temporary.replace(self._offset)

    def url(self, port: int | None = None) -> str:
        """Return the URL for root, who needs no password from this machine."""
        return f"mysql+pymysql://root@{HOST}:{port or self.port}/{_DATABASE}"

    def _admin_url(self) -> str:
        return f"mysql+pymysql://root@{HOST}:{self.port}/mysql"

    def _prepare(self) -> list[str]:
        where = f"--datadir={self.folder / 'data'}"
        return [self._installer, "--no-defaults", where, "--auth-root-authentication-method=normal", "--skip-test-db"]

    def _command(self) -> list[str]:
        # 2: commits reach the operating system, not the disk. Processes are killed here, not machines.
        flush = 1 if self.is_measured else 2
        return [
            self._daemon,
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            f"--socket={self.folder / 'socket'}",
            f"--port={self.port}",
            f"--bind-address={HOST}",
            f"--max-connections={MOST_CONNECTIONS}",
            f"--innodb-flush-log-at-trx-commit={flush}",
            "--skip-name-resolve",
        ]

    def _end(self, name: str) -> None:
        number = None if self._process is None else self._process.pid
        super()._end(name)
        for left in (f"faketime_shm_{number}", f"sem.faketime_sem_{number}"):
            Path("/dev/shm", left).unlink(missing_ok=True)


@contextmanager
def private_cluster(kind: str, *, is_measured: bool = False) -> Iterator[Cluster]:
    """Make a server of a kind, and remove it with its files afterwards.

    Args:
        kind: postgresql, mariadb or sqlite.
        is_measured: For figures: durable, and on the machine's clock.

    Raises:
        ServerMissingError: If its programs are not on this machine.
        OSError: If it does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="oo-chaos-db-"))
    cluster: Cluster | None = None
    try:
        if kind == "sqlite":
            cluster = SqliteFile(folder)
        else:
            made = (PostgreSQL if kind == "postgresql" else MariaDB)(folder, is_measured=is_measured)
            if os.geteuid() == 0:
                shutil.chown(folder, programs.server_user(made._user))
            cluster = made
        cluster.start()
        yield cluster
    finally:
        if cluster is not None:
            cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
