"""How the app is shown to whoever started it: in the browser, or in a window of its own."""

from __future__ import annotations

import importlib.util
import threading
import webbrowser
from typing import TYPE_CHECKING

from OpenOrchestrator.common.errors import ConfigurationError

if TYPE_CHECKING:
    from nicegui.native import NativeConfig


def open_browser(link: str) -> None:
    """Open a link in the browser; returns at once, because some browsers take their time."""
    threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()


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
        native: NiceGUI's settings of windows.
        link: The one-time link.
    """
    # pywebview allows neither by itself, and output, queues and tracebacks are there to be taken along.
    native.settings["ALLOW_DOWNLOADS"] = True
    native.window_args.update(url=link, text_select=True)
