"""The processes of a demo: its scheduler and its admin app, started as users start them.

Owns how they are started, asked and stopped; must not know what a demo shows or judges.
"""

from __future__ import annotations

import ctypes
import http.client
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import typer

from OpenOrchestrator.cli.terminal import is_terminal
from OpenOrchestrator.scheduler.host.console import press_break

if TYPE_CHECKING:
    from typing_extensions import Self

    from OpenOrchestrator.cli.demo_setup import DemoSite

_STOP_SECONDS = 15.0
_APP_STOP_SECONDS = 5.0
_HEALTH_SECONDS = 2.0
_LAST_LINES = 15
_APP_TRIES = 5
_GAVE_UP = 3
"""Exit status of a server that could not listen."""
_LINK = re.compile(r"(http://\S+/enter\?token=\S+)\s")  # with the end of its line, or it may not be written whole
_PORT = re.compile(r"http://[^/\s]*:(\d+)")


class DemoProcess:
    """A command of OpenOrchestrator that works on a demo's site.

    It gets its secrets through the environment, a process group of its own, so that Ctrl+C reaches only the demo, and
    a log file that only this account can read. Leaving the block stops it.

    Args:
        site: What it works on.
        name: What it is called in messages and in the name of its log.
        arguments: The command and its options.
    """

    def __init__(self, site: DemoSite, name: str, arguments: Sequence[str]) -> None:
        self._site = site
        self._arguments = arguments
        self.name = name
        self.log = site.folder / f"{name.replace(' ', '-')}.log"
        self._process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def poll(self) -> int | None:
        """Return its exit status if it has ended."""
        return self._process.poll()

    def text(self) -> str:
        """Return everything it has written."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def last_words(self) -> str:
        """Return the end of its log, for an error message."""
        return "\n".join([f"The end of {self.log}:", *self.text().splitlines()[-_LAST_LINES:]])

    def stop(self) -> None:
        """Ask it to stop, and end it if it does not."""
        if not self._stopped_within(_STOP_SECONDS):
            typer.echo(f"The {self.name} was killed before it had stopped.", err=True)

    def _start(self) -> subprocess.Popen[bytes]:
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NEW_PROCESS_GROUP
        self.log.touch(mode=0o600)
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [str(self._site.python), "-m", "OpenOrchestrator", *self._arguments],
                cwd=self._site.folder,
                env=self._site.environment() | {"PYTHONIOENCODING": "utf-8"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                creationflags=flags,
                start_new_session=sys.platform != "win32",
            )

    def _with_children(self) -> list[psutil.Process]:
        """Return its process, which is the first to end, and all that it has started."""
        try:
            process = psutil.Process(self._process.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _stopped_within(self, seconds: float) -> bool:
        """Ask it to stop, and tell whether it did; otherwise it was killed."""
        if self._process.poll() is not None:
            return True
        with suppress(OSError):  # it may have ended meanwhile
            if sys.platform == "win32":
                if not press_break(self._process.pid, ctypes.WinDLL("kernel32")):
                    self._process.terminate()  # there is no console to ask it by
            else:
                self._process.terminate()
        try:
            self._process.wait(seconds)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            for process in self._with_children():
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            self._process.wait()
            return False
        return True


class SchedulerProcess(DemoProcess):
    """The scheduler of a demo. Stopping it lets its robots finish, and ends those that take too long.

    Args:
        site: What it works on.
    """

    def __init__(self, site: DemoSite) -> None:
        super().__init__(site, "scheduler", ["s", "--on-stop", "wait"])

    def stop(self) -> None:
        """Ask it to stop, and end it with its robots if it does not."""
        if not self._stopped_within(_STOP_SECONDS):
            typer.echo("The scheduler was killed before it had stopped, and its robots with it.", err=True)


class AppProcess(DemoProcess):
    """The admin app of a demo, on the usual port or the next free one.

    Args:
        site: What it works on.
        browser: Whether it opens the browser.
    """

    def __init__(self, site: DemoSite, *, browser: bool) -> None:
        self._tries = 1
        self._answered = False
        super().__init__(site, "admin app", ["orchestrator", *([] if browser else ["--no-browser"])])

    def poll(self) -> int | None:
        """Return its exit status if it has ended for good.

        An app that gives up before it ever answered is started again: somebody may have taken the port between its
        look and its use.
        """
        status = super().poll()
        if status != _GAVE_UP or self._answered or self._tries >= _APP_TRIES:
            return status
        self._tries += 1
        self._process = self._start()
        return None

    def link(self) -> str:
        """Return the link that opens it now, which works once; nothing until it has printed one."""
        links = _LINK.findall(self.text())
        return links[-1] if links else ""

    def answers(self) -> bool:
        """Tell whether it is healthy: it serves pages and reaches the database. Waits up to some seconds."""
        match = _PORT.search(self.link())
        if match is None or not self._listens(int(match[1])):
            return False
        connection = http.client.HTTPConnection("127.0.0.1", int(match[1]), timeout=_HEALTH_SECONDS)
        try:
            connection.request("GET", "/healthz")
            healthy = connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        self._answered = self._answered or healthy
        return healthy

    def _listens(self, port: int) -> bool:
        """Tell whether it has the port, and not another app that came first."""
        try:
            process = psutil.Process(self._process.pid)
            family = [process, *process.children(recursive=True)]  # in a virtual environment of Windows it is a child
            sockets = [each for member in family for each in member.net_connections("tcp")]
        except psutil.Error:
            return False
        return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in sockets)

    def stop(self) -> None:
        """Ask it to stop, and end it if it does not: it has nothing to lose."""
        self._stopped_within(_APP_STOP_SECONDS)


def browser_is_seen() -> bool:
    """Tell whether somebody would see a browser that is opened: at a terminal, with a screen, and not in CI."""
    if not is_terminal(sys.stdout) or os.environ.get("CI"):
        return False
    has_screen = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    return has_screen or sys.platform in ("win32", "darwin")
