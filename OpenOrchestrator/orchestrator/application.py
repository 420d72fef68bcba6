"""The composition root of the admin app: options in, a running server out.

Owns what is put together, and in which order. Must not know how a page looks, nor how any of its parts works.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.orchestrator.server import addresses, process, storage, windows

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.access.gate import Gate
    from OpenOrchestrator.orchestrator.access.proxies import Proxies
    from OpenOrchestrator.orchestrator.access.sites import KnownHosts
    from OpenOrchestrator.orchestrator.backend.installation import Installation
    from OpenOrchestrator.orchestrator.live.poller import Live


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
        app_folder: Folder for what the app remembers; None for the usual one.
        proxy: Addresses or networks of the reverse proxies whose headers are believed.
        allowed_host: Names that the app may be called by, besides this machine's.
    """

    connection_string: str | None = None
    key: str | None = None
    host: str = "127.0.0.1"
    port: int | None = None
    password: str | None = None
    open_browser: bool = True
    window: bool = False
    base_path: str = ""
    app_folder: Path | None = None
    proxy: str = ""
    allowed_host: str = ""


def run(options: Options, *, say: Callable[[str], None]) -> None:
    """Serve the app until it is asked to stop.

    Args:
        options: How.
        say: Prints a line for the person who started it.

    Raises:
        ConfigurationError: If an option cannot be used, or listening there needs a password.
    """
    from OpenOrchestrator.orchestrator.access.gate import LINK_SECONDS, Gate  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.access.kept_sessions import SessionFile  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.access.passwords import Password, is_kept_form_of  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.access.proxies import Proxies, proxy_networks  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.access.sites import KnownHosts, host_names, is_loopback  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.backend.installation import Installation, open_database  # noqa: PLC0415

    base_path = addresses.clean_base_path(options.base_path)
    proxies = Proxies(proxy_networks(options.proxy))
    names = host_names(options.allowed_host)
    if not is_loopback(options.host) and options.password is None:
        raise ConfigurationError(
            f"Listening on {options.host} lets others reach this app, so it needs a password: set "
            "OpenOrchestratorPassword, or listen on 127.0.0.1."
        )
    password = Password(options.password) if options.password is not None else None
    port = addresses.free_port(options.host, options.port or addresses.PREFERRED_PORT, say=say)
    folder, secret = storage.prepare_storage(options.app_folder)
    os.environ["NICEGUI_STORAGE_PATH"] = str(folder)  # read when NiceGUI is imported, so before that
    if options.window:
        windows.require_window()

    from nicegui import app, ui  # noqa: PLC0415

    from OpenOrchestrator.orchestrator.server import connections  # noqa: PLC0415

    address = addresses.web_address(options.host, port, base_path)

    def link() -> str:
        return f"{address}/enter?token={gate.new_link_token()}"

    handover = windows.Handover()
    same = partial(is_kept_form_of, password=options.password or "")
    kept = SessionFile(
        folder.parent / f"sessions-{port}.json", password=(password.kept_form(), same) if password else None
    )
    gate = Gate(
        port,
        password=password,
        kept=kept,
        on_link_used=handover.remove,
        on_link_wanted=None if password else lambda: say(f"Another link, which works once: {link()}"),
    )
    database = open_database(options.connection_string) if options.connection_string is not None else None
    hosts = KnownHosts([*names, options.host, *([] if is_loopback(options.host) else addresses.machine_names())])
    root = setup(
        Installation(database, options.key),
        gate,
        base_path=base_path,
        storage_secret=secret,
        proxies=proxies,
        hosts=hosts,
    )
    first = link()
    say(f"OpenOrchestrator is at {address}")
    if password is None:
        say(f"Open it with this link, which works once, for {LINK_SECONDS // 60} minutes: {first}")
    say("Stop it with Ctrl+C.")
    if options.window:
        windows.prepare_window(app.native, first)
    elif options.open_browser:
        app.on_startup(lambda: handover.open_browser(first, address))
        app.timer(LINK_SECONDS, handover.remove, once=True)
        app.on_shutdown(handover.remove)
    with process.quiet_interrupt():
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
            http=connections.protocol(connections.Waiting()),
            limit_concurrency=connections.MOST_CONNECTIONS,
            proxy_headers=False,  # the guard decides whom to believe
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
    proxies: Proxies | None = None,
    hosts: KnownHosts | None = None,
) -> Callable[[], Awaitable[None]]:
    """Register routes, the guard and the poller with NiceGUI, and return the root that builds a tab.

    Args:
        installation: What the app works on.
        gate: Who is in.
        base_path: Path under which a reverse proxy serves it.
        storage_secret: Signs NiceGUI's own cookie.
        live: The poller; None makes one.
        proxies: The reverse proxies that are believed; None believes nobody.
        hosts: What the app may be called; None knows this machine's own names only.
    """
    from nicegui import app, background_tasks  # noqa: PLC0415
    from starlette.middleware.sessions import SessionMiddleware  # noqa: PLC0415

    from OpenOrchestrator.orchestrator.access.proxies import Proxies  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.access.security import Guard  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.access.sites import KnownHosts  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.live.poller import Live  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.server import page_template  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.server.health import PROBE_SECONDS, Health  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.shell import assets  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.shell.frame import Frame  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.shell.page_list import all_pages  # noqa: PLC0415

    poller = live or Live(installation.clock)
    if live is None:
        poller.recall_interval()
    health = Health(installation, poller)
    pages = all_pages()
    assets.serve()
    page_template.give_nonces()
    app.config.socket_io_js_transports = ["websocket"]

    # Added first, they are innermost: the guard stands around sessions and pages, within the compression.
    app.add_middleware(
        SessionMiddleware, secret_key=storage_secret, session_cookie=f"{gate.cookie}_tab", same_site="lax"
    )
    app.add_middleware(
        Guard,
        gate=gate,
        health=health.answer,
        base_path=base_path,
        proxies=proxies or Proxies(),
        hosts=hosts or KnownHosts(()),
    )
    poller.start()
    app.timer(PROBE_SECONDS, health.probe)
    installation.on_change(poller.forget_results)

    async def first_look() -> None:
        process.report_slow_callbacks()
        await health.look()

    background_tasks.create_or_defer(first_look(), name="first look")

    async def root() -> None:
        await Frame(installation, poller, pages).build()

    return root
