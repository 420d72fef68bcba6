"""How the app is shown to whoever started it: in the browser, or in a window of its own."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import threading
import webbrowser
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from OpenOrchestrator.common.errors import ConfigurationError

if TYPE_CHECKING:
    from nicegui.native import NativeConfig

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={link}"><title>OpenOrchestrator</title></head>
<body><p><a href="{link}">Open OpenOrchestrator</a></p></body></html>
"""
_SNAP = Path("/snap")


class Handover:
    """Hands a link to the browser without naming it where others can read it.

    Every user of a machine can read the arguments of every process, so the browser is started with the name of a file
    that leads to the link, in a folder that nobody else can enter.

    Args:
        parent: Where the folder is made; None for a place that browsers can read.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self._parent = parent
        self._folder: Path | None = None

    def write(self, link: str) -> Path:
        """Write the file and return its path.

        Raises:
            OSError: If no folder can be made.
        """
        self.remove()
        # Makes the folder with no rights for anybody else from the first moment.
        self._folder = Path(tempfile.mkdtemp(prefix="openorchestrator-", dir=self._parent or _readable_parent()))
        file = self._folder / "open.html"
        file.touch(0o600)
        file.write_text(_PAGE.format(link=escape(link)), "utf-8")
        return file

    def open_browser(self, link: str, otherwise: str) -> None:
        """Open a link in the browser; returns at once, because some browsers take their time.

        Args:
            link: Known to nobody else.
            otherwise: What is opened if no file can be written; no secret.
        """
        try:
            address = self.write(link).as_uri()
        except OSError:
            address = otherwise
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    def remove(self) -> None:
        """Remove the file: the link was used, or has ended."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _readable_parent() -> Path | None:
    """Return where browsers can read; None for the usual folder of temporary files.

    Browsers that came as a snap see neither that folder nor hidden ones of their user.
    """
    if not _SNAP.is_dir():
        return None
    try:
        home = Path.home()
    except RuntimeError:  # an account without one
        return None
    return home if home.is_dir() else None


def require_window() -> None:
    """See that a window of its own can be opened.

    Raises:
        ConfigurationError: If what it needs is not installed.
    """
    if importlib.util.find_spec("webview") is None:
        raise ConfigurationError(
            'A window of its own needs pywebview. Install it with: pip install "OpenOrchestrator[desktop]", or leave '
            "out --window."
        )


def prepare_window(native: NativeConfig, link: str) -> None:
    """Let the window of its own open the app, signed in, and do what a browser does.

    Args:
        native: NiceGUI's settings of windows. They reach the window's process through a pipe, never as arguments.
        link: The one-time link.
    """
    # pywebview allows neither by itself, and output, queues and tracebacks are there to be taken along.
    native.settings["ALLOW_DOWNLOADS"] = True
    native.window_args.update(url=link, text_select=True)
