"""The composition root of the admin app: options in, a running server out.

Owns: which address it listens on, who may come in, and what all tabs share. Must not know how a page looks.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from OpenOrchestrator.common.errors import ConfigurationError, DatabaseError

if TYPE_CHECKING:
    from nicegui.native import NativeConfig

    from OpenOrchestrator.orchestrator.access.gate import Gate
    from OpenOrchestrator.orchestrator.backend.installation import Installation
    from OpenOrchestrator.orchestrator.live.poller import Live

PREFERRED_PORT = 34538
PORTS_TO_TRY = 20
PATIENCE_SECONDS = 3.0
"""How long a page waits for a silent database; the banner comes after it."""

SLOW_CALLBACK_SECONDS = 0.05
DEBUG_VARIABLE = "OpenOrchestratorDebugEventLoop"
"""Set to 1, the event loop reports every callback that blocks it for more than 50 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the app is started.

    Attributes:
        connection_string: The database; None connects none yet.
        key: Key of the credentials.
        host: Address to listen on.
        port: The preferred port; None for the usual one. The next free one is taken if somebody has it.
        password: Opens the app to others; needed for any address but this machine's own.
        open_browser: Whether the browser is opened.
        window: Whether it is shown in a window of its own instead.
        base_path: Path under which a reverse proxy serves it.
    """

    connection_string: str | None = None
    key: str | None = None
    host: str = "127.0.0.1"
    port: int | None = None
    password: str | None = None
    open_browser: bool = True
    window: bool = False
    base_path: str = ""


def run(options: Options, *, say: Callable[[str], None]) -> None:
    """Serve the app until it is asked to stop.

    Args:
        options: How.
        say: Prints a line for the person who started it.

    Raises:
        ConfigurationError: If an option cannot be used, or listening there needs a password.
    """
    from OpenOrchestrator.orchestrator.access.gate import Gate, Password, is_loopback  # noqa: PLC0415

    base_path = clean_base_path(options.base_path)
    if not is_loopback(options.host) and options.password is None:
        raise ConfigurationError(
            f"Listening on {options.host} lets others reach this app, so it needs a password: set "
            "OpenOrchestratorPassword, or listen on 127.0.0.1."
        )
    password = Password(options.password) if options.password is not None else None
    port = free_port(options.host, options.port or PREFERRED_PORT, say=say)
    storage, secret = prepare_storage()
    os.environ["NICEGUI_STORAGE_PATH"] = str(storage)  # read when NiceGUI is imported, so before that
    if options.window:
        _require_window()

    from nicegui import ui  # noqa: PLC0415

    address = f"http://{_address_host(options.host)}:{port}{base_path}"

    def link() -> str:
        return f"{address}/enter?token={gate.new_link_token()}"

    gate = Gate(port, password=password, on_link_used=lambda: say(f"For another browser: {link()}"))
    installation = make_installation(options.connection_string, options.key)
    root = setup(installation, gate, base_path=base_path, storage_secret=secret)
    first = link()
    say(f"OpenOrchestrator is at {address}")
    say(f"Open it with this link, which works once: {first}")
    say("Stop it with Ctrl+C.")
    from nicegui import app  # noqa: PLC0415

    if options.window:
        prepare_window(app.native, first)
    elif options.open_browser:
        app.on_startup(lambda: _open_browser(first))
    with _quiet_interrupt():
        ui.run(
            root,
            host=options.host,
            port=port,
            title="OpenOrchestrator",
            favicon=Path(__file__).parent / "shell" / "favicon.svg",
            reload=False,
            show=False,
            dark=None,
            language="en-US",
            tailwind=False,
            storage_secret=secret,
            reconnect_timeout=30,
            binding_refresh_interval=0.5,
            show_welcome_message=False,
            uvicorn_logging_level="error",
            native=options.window,
            window_size=(1440, 900) if options.window else None,
        )


def setup(
    installation: Installation,
    gate: Gate,
    *,
    base_path: str = "",
    storage_secret: str,
    live: Live | None = None,
) -> Callable[[], None]:
    """Register routes, the guard and the poller with NiceGUI, and return the root that builds a tab.

    Args:
        installation: What the app works on.
        gate: Who is in.
        base_path: Path under which a reverse proxy serves it.
        storage_secret: Signs NiceGUI's own cookie.
        live: The poller; None makes one.
    """
    from nicegui import app, background_tasks  # noqa: PLC0415
    from starlette.middleware.sessions import SessionMiddleware  # noqa: PLC0415

    from OpenOrchestrator.orchestrator.access.security import Guard  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.jobs.page_output import serve_downloads  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.live.poller import Live  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.shell import assets  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.shell.frame import Frame  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.shell.page_list import all_pages  # noqa: PLC0415

    poller = live or Live(installation.clock)
    if live is None:
        poller.recall_interval()
    pages = all_pages()
    assets.serve()
    serve_downloads(installation)

    def health() -> tuple[int, dict[str, str]]:
        if not installation.has_database:
            return 503, {"status": "degraded", "database": "not connected"}
        if poller.lost or poller.answered_at is None:
            return 503, {"status": "degraded", "database": "lost" if poller.lost else "not reached yet"}
        if installation.problem is not None:
            return 503, {"status": "degraded", "database": "wrong revision"}
        return 200, {"status": "ok", "database": "connected"}

    # Added first, they are innermost: the guard stands around sessions and pages, within the compression.
    app.add_middleware(
        SessionMiddleware, secret_key=storage_secret, session_cookie=f"{gate.cookie}_tab", same_site="lax"
    )
    app.add_middleware(Guard, gate=gate, health=health, base_path=base_path)
    poller.start()
    app.timer(HEALTH_SECONDS, lambda: _probe(installation, poller))
    installation.on_change(poller.forget_results)
    background_tasks.create_or_defer(_first_look(installation, poller), name="first look")

    def root() -> None:
        Frame(installation, poller, pages).build()

    return root


HEALTH_SECONDS = 10.0


async def _first_look(installation: Installation, live: Live) -> None:
    _report_slow_callbacks()
    try:
        await installation.check()
    except DatabaseError as error:
        live.failed(error)
    else:
        live.answered()


async def _probe(installation: Installation, live: Live) -> None:
    """Look whether the database is there even while no tab asks it anything, for monitors."""
    if not installation.has_database:
        return
    try:
        await installation.check()
    except DatabaseError as error:
        live.failed(error)
    else:
        live.answered()


def _report_slow_callbacks() -> None:
    if os.environ.get(DEBUG_VARIABLE) == "1":
        import asyncio  # noqa: PLC0415

        loop = asyncio.get_running_loop()
        loop.slow_callback_duration = SLOW_CALLBACK_SECONDS
        loop.set_debug(True)


def make_installation(connection_string: str | None, key: str | None) -> Installation:
    """Return what the app works on; connects nothing yet."""
    from OpenOrchestrator.database.engine.database import Database  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.backend.installation import Installation  # noqa: PLC0415

    database = None
    if connection_string is not None:
        database = Database(connection_string, patience_seconds=PATIENCE_SECONDS)
    return Installation(database, key)


def clean_base_path(path: str) -> str:
    """Return a base path as the server uses it: ``/tools/oo``, or nothing.

    Raises:
        ConfigurationError: If it is no path.
    """
    cleaned = "/" + path.strip("/") if path.strip("/") else ""
    if any(character in cleaned for character in "?#\\ \"'<>") or "//" in cleaned:
        raise ConfigurationError(f"{path!r} is no path to serve the app under. Example: --base-path /orchestrator")
    return cleaned


def free_port(host: str, preferred: int, *, say: Callable[[str], None]) -> int:
    """Return the preferred port, or the next one that nobody listens on.

    Raises:
        ConfigurationError: If the address is none of this machine's, or all ports near it are taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(preferred, min(preferred + PORTS_TO_TRY, 65536)):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if sys.platform != "win32":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno in _NOT_HERE:
                    raise ConfigurationError(f"{host} is no address of this machine: {error}") from error
                continue
        if port != preferred:
            say(f"Port {preferred} is taken; using {port}.")
        return port
    raise ConfigurationError(f"All ports from {preferred} on are taken: choose another one with --port.")


def prepare_storage() -> tuple[Path, str]:
    """Return the folder for what the app remembers of each browser (light or dark), and the secret of its cookie.

    The secret is made once for each installation and can only be read by its owner.
    """
    import platformdirs  # noqa: PLC0415

    folder = Path(platformdirs.user_data_dir("OpenOrchestrator", appauthor=False)) / "app"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "cookie-secret"
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = file.read_text("ascii").strip()
        if secret:
            return folder / "storage", secret
        descriptor = os.open(file, os.O_WRONLY | os.O_TRUNC)
    secret = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(secret)
    return folder / "storage", secret


def _open_browser(link: str) -> None:
    import threading  # noqa: PLC0415

    threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()


def prepare_window(native: NativeConfig, link: str) -> None:
    """Let the window of its own open the app, signed in, and do what a browser does.

    Args:
        native: NiceGUI's settings of windows.
        link: The one-time link.
    """
    # pywebview allows neither by itself, and output, queues and tracebacks are there to be taken along.
    native.settings["ALLOW_DOWNLOADS"] = True
    native.window_args.update(url=link, text_select=True)


def _require_window() -> None:
    import importlib.util  # noqa: PLC0415

    if importlib.util.find_spec("webview") is None:
        raise ConfigurationError(
            'A window of its own needs pywebview. Install it with: pip install "OpenOrchestrator[desktop]", or leave '
            "out --window."
        )


def _address_host(host: str) -> str:
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  (compared, not bound)
        return "localhost"
    return f"[{host}]" if ":" in host else host


class _quiet_interrupt:  # noqa: N801  (reads like a statement)
    """Ends the server on Ctrl+C without a traceback."""

    def __enter__(self) -> None:
        self._before: Any = signal.getsignal(signal.SIGINT)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        signal.signal(signal.SIGINT, self._before)
        return kind is not None and issubclass(kind, KeyboardInterrupt)


_NOT_HERE = frozenset({99, 49, 10049, -2, -3, 11001})
"""Error numbers for an address that is not this machine's (Linux, macOS, Windows, name resolution)."""
