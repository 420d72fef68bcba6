"""Commands in the places services and scheduled tasks start them in: without a home, streams, environment or locale.

Each starts, or says in one line what to set.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from OpenOrchestrator.cli import terminal
from OpenOrchestrator.common.crypto_util import generate_key
from OpenOrchestrator.database.schema import migrations

ROOT = Path(__file__).parents[3]
NOBODY = 54321  # has no entry in the list of accounts
SECONDS = 60.0

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="closes descriptors and changes accounts as POSIX does")


@dataclass(frozen=True)
class Place:
    """Somewhere to start a command."""

    name: str
    environment: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    has_home: bool = True
    streams: bool = True

    def command(self, *words: str) -> list[str]:
        return [*self.before, sys.executable, "-m", "OpenOrchestrator", *words]

    def variables(self, **more: str) -> dict[str, str]:
        needed = {name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
        return needed | {"PYTHONPATH": str(ROOT)} | self.environment | more


_SOMEBODY_ELSE = (
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
    # It may read everything, because the interpreter of the tests can be in a folder that only root can read.
    "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search",
)  # fmt: skip

BARE = Place("no environment")
HOMELESS = Place("an account without an entry and a home", before=_SOMEBODY_ELSE, has_home=False)
READ_ONLY = Place("a home that cannot be written", {"HOME": "/proc"}, has_home=False)
OLD_LOCALE = Place("C locale", {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"})
NO_STREAMS = Place("closed streams", before=("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"), streams=False)
PLACES = (BARE, HOMELESS, READ_ONLY, OLD_LOCALE, NO_STREAMS)


@pytest.fixture(params=PLACES, ids=[place.name for place in PLACES])
def place(request: pytest.FixtureRequest) -> Place:
    chosen: Place = request.param
    if chosen is HOMELESS and (
        os.geteuid() != 0
        or shutil.which("setpriv") is None
        or subprocess.run([*chosen.before, "true"], check=False).returncode
    ):
        pytest.skip("another account can only be taken as root, with setpriv and all of root's rights")
    return chosen


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables."""
    file = tmp_path_factory.mktemp("made") / "site.db"
    migrations.upgrade(f"sqlite:///{file}", new=True)
    return file


@pytest.fixture
def site(tmp_path: Path, made: Path) -> Path:
    """A folder everybody may write, and a database in it."""
    folder = tmp_path / "site"
    folder.mkdir()
    shutil.copy(made, folder)
    for path in (*tmp_path.parents[:2], tmp_path, folder):
        path.chmod(0o777)
    (folder / made.name).chmod(0o666)
    return folder


def settings(site: Path, *, folders: bool) -> dict[str, str]:
    # Whether the interpreter can be executed by the other account is not the matter here.
    found = {
        "OpenOrchestratorConnString": f"sqlite:///{site}/site.db",
        "OpenOrchestratorKey": generate_key().decode(),
        "OpenOrchestratorPython": "/bin/sh",
    }
    if folders:
        found |= {"OpenOrchestratorWorkspace": str(site / "work"), "OpenOrchestratorAppFolder": str(site / "app")}
    return found


def ended(place: Place, *words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        place.command(*words),
        env=place.variables(**environment),
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )


@contextlib.contextmanager
def running(
    place: Place, *words: str, cwd: Path, until: Callable[[], bool], **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    log = cwd / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            place.command(*words), env=place.variables(**environment), cwd=cwd, stdout=stream, stderr=stream
        )
    try:
        deadline = time.monotonic() + SECONDS
        while not until():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def is_enrolled(site: Path) -> bool:
    with contextlib.closing(sqlite3.connect(site / "site.db", timeout=10)) as connection:
        return bool(connection.execute("SELECT count(*) FROM Schedulers").fetchone()[0])


@posix_only
def test_help_and_key(place: Place, site: Path) -> None:
    for words in (["--help"], ["key"]):
        done = ended(place, *words, cwd=site)
        assert (done.returncode, done.stderr) == (0, "")
        assert bool(done.stdout) == place.streams


@posix_only
def test_upgrade(place: Place, site: Path) -> None:
    package = Path(migrations.__file__)
    if place is HOMELESS and not all(folder.stat().st_mode & 0o001 for folder in package.parents):
        pytest.skip("the package is in a folder that only its owner can enter, and Alembic asks without capabilities")
    done = ended(place, "upgrade", f"sqlite:///{site}/blåbær.db", cwd=site)
    assert (done.returncode, done.stderr) == (0, "")
    assert (site / "blåbær.db").exists()
    assert not place.streams or "Created" in done.stdout


@posix_only
def test_scheduler_and_run(place: Place, site: Path) -> None:
    if not place.has_home:
        for words in (["s"], ["run", "x"]):
            done = ended(place, *words, cwd=site, **settings(site, folders=False))
            assert done.returncode == 1
            assert done.stderr.startswith("Error: ")
            assert "OpenOrchestratorWorkspace" in done.stderr
            assert done.stderr.count("\n") == 1
    done = ended(place, "run", "blåbær", cwd=site, **settings(site, folders=True))
    assert done.returncode == 1
    if place.streams:
        assert "There is no trigger" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    with running(place, "s", cwd=site, until=lambda: is_enrolled(site), **settings(site, folders=True)) as process:
        pass
    assert process.returncode == 0


@posix_only
def test_app(place: Place, site: Path) -> None:
    if not place.has_home:
        done = ended(place, "o", "-d", cwd=site, **settings(site, folders=False))
        assert done.returncode == 1
        assert done.stderr.startswith("Error: ")
        assert "OpenOrchestratorAppFolder" in done.stderr
        assert done.stderr.count("\n") == 1
    port = free_port()
    with running(
        place,
        *("o", "-d", "--port", str(port)),
        cwd=site,
        until=lambda: is_healthy(port),
        **settings(site, folders=True),
    ) as process:
        if sys.platform == "linux":
            streams = [Path(f"/proc/{process.pid}/fd/{number}").readlink() for number in range(3)]
            # Were they closed, the database or a socket would get their numbers, and what is printed.
            assert place.streams or set(streams) == {Path(os.devnull)}
    assert (site / "app" / "cookie-secret").stat().st_mode & 0o777 == 0o600


@posix_only
def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'mkdir "$0/gone"; cd "$0/gone"; rmdir "$0/gone"; exec "$@"', str(tmp_path), *BARE.command("key")],
        env=BARE.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The current folder does not exist any more")
    assert done.stderr.count("\n") == 1


@posix_only
@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_a_name_that_is_no_text_is_said(site: Path, locale: dict[str, str]) -> None:
    done = subprocess.run(
        [*map(os.fsencode, BARE.command("run")), b"bl\xe5b\xe6r"],
        env=BARE.variables(**settings(site, folders=True), **locale),
        cwd=site,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: An argument, a setting or a file name holds characters")
    assert done.stderr.count("\n") == 1


def test_streams_that_are_missing_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)  # as pythonw.exe leaves them
    terminal.complete_streams()
    assert sys.stdin.read() == ""
    for stream in (sys.stdout, sys.stderr):
        stream.write("blåbær")
        stream.flush()
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.close()


def test_the_null_device_is_no_terminal() -> None:
    """On Windows isatty() says that it is, and a question would wait for ever."""
    for mode in ("r", "w"):
        with Path(os.devnull).open(mode) as stream:
            assert not terminal.is_terminal(stream)
    assert not terminal.is_terminal(None)


@pytest.mark.parametrize("words", [["o", "-d", "--host", "0.0.0.0"], ["upgrade"]])
def test_nobody_is_asked_when_input_comes_from_the_null_device(words: list[str], tmp_path: Path) -> None:
    hidden = {"OPENORCHESTRATORCONNSTRING", "OPENORCHESTRATORPASSWORD"}
    done = subprocess.run(
        [sys.executable, "-m", "OpenOrchestrator", *words],
        env={name: value for name, value in os.environ.items() if name.upper() not in hidden}
        | {"PYTHONPATH": str(ROOT), "OpenOrchestratorAppFolder": str(tmp_path)},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1


@posix_only
def test_a_terminal_is_one() -> None:
    import pty

    leader, follower = pty.openpty()
    with os.fdopen(leader, "rb"), os.fdopen(follower) as stream:
        assert terminal.is_terminal(stream)
