"""The app as a real process on a database of its own, and Debian's Chromium to look at it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import Cookie, CookieJar
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 120

_START = """
import sys, typer
from OpenOrchestrator.cli.orchestrator import run_orchestrator
typer.run(run_orchestrator)
"""


def chromium() -> str | None:
    """Return the path of Chromium, or None."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    return None


def key_in(page: str) -> str:
    """Return the key of the new session that a page hands over."""
    found = re.search(r'localStorage\.setItem\("[^"]+", "([^"]+)"\)', page)
    assert found is not None, page
    return found[1]


@dataclass
class App:
    """A running app.

    Attributes:
        address: Without a slash at its end.
        output: Everything it has printed so far.
    """

    process: subprocess.Popen[str]
    address: str
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text("utf-8")

    @property
    def link(self) -> str:
        """A one-time link that works; asked for as a browser does that has none."""
        request = urllib.request.Request(self.address, headers={"Accept": "text/html"})
        with suppress(urllib.error.HTTPError):
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=START_SECONDS)
        return re.findall(r"http\S+/enter\?token=\S+", self.output)[-1]

    def sign_in(self) -> tuple[Cookie, str]:
        """Use a one-time link, and return the cookie and the key of the session."""
        jar = CookieJar()
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(jar)
        with urllib.request.build_opener(*handlers).open(self.link, timeout=START_SECONDS) as answer:
            key = key_in(answer.read().decode("utf-8"))
        return next(cookie for cookie in jar if not cookie.name.endswith("_tab")), key

    def stop(self) -> int:
        """Stop it as Ctrl+C does, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT if sys.platform != "win32" else signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        return self.process.returncode


def start(
    connection_string: str | None,
    folder: Path,
    *arguments: str,
    environment: dict[str, str] | None = None,
    browser: bool = False,
) -> App:
    """Start the app and wait until it answers."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("NICEGUI_", "OpenOrchestrator")) and name != "PYTEST_CURRENT_TEST"
    }
    clean |= {"XDG_DATA_HOME": str(folder / "data"), "LOCALAPPDATA": str(folder / "data"), "PYTHONUNBUFFERED": "1"}
    clean |= {"PYTHONPATH": str(ROOT), **(environment or {})}
    if connection_string:
        clean["OpenOrchestratorConnString"] = connection_string
    log = folder / "app.log"
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, *([] if browser else ["--no-browser"]), *arguments],
            cwd=folder,
            env=clean,
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
        )
    app = App(process, "", log)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The app ended with {process.returncode}: {app.output}")
        found = re.search(r"OpenOrchestrator is at (\S+)", app.output)
        if found:
            app.address = found[1]
            if _answers(app.address):
                return app
        time.sleep(0.05)
    app.stop()
    raise RuntimeError(f"The app did not answer within {START_SECONDS} s: {app.output}")


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
