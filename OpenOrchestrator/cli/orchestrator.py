"""The command ``orchestrator``: opens the admin app."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from OpenOrchestrator.cli.terminal import can_ask


def register(app: typer.Typer) -> None:
    """Add the command, also under the short name it has always had."""
    app.command("orchestrator")(run_orchestrator)
    app.command("o", hidden=True)(run_orchestrator)


def run_orchestrator(  # noqa: PLR0917  (each parameter is an option of the command)
    connection_string: Annotated[
        str | None,
        typer.Option(
            "--connection-string",
            "-c",
            metavar="URL",
            help="The shared database. Better in OpenOrchestratorConnString or .env: others can read options.",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            "-k",
            metavar="KEY",
            help="Key of the credentials. Better in OpenOrchestratorKey or .env: others can read options.",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", "-p", min=1, max=65535, help="Preferred port; the next free one is used. [default: 34538]"
        ),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; any but this machine's own needs a password.")
    ] = "127.0.0.1",
    no_browser: Annotated[
        bool, typer.Option("--no-browser", "-d", "--dont_show", help="Print the link, and open no browser.")
    ] = False,
    window: Annotated[
        bool, typer.Option("--window", help="Open a window of its own instead of the browser (extra: desktop).")
    ] = False,
    base_path: Annotated[
        str, typer.Option("--base-path", metavar="PATH", help="Path under which a reverse proxy serves the app.")
    ] = "",
    app_folder: Annotated[
        Path | None,
        typer.Option(
            "--app-folder",
            metavar="FOLDER",
            help="Folder for what the app remembers. [default: in the account's data folder]",
        ),
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(
            "--proxy",
            metavar="ADDRESSES",
            help="Reverse proxies whose forwarded headers are believed: addresses or networks, separated by commas.",
        ),
    ] = None,
    allowed_host: Annotated[
        str | None,
        typer.Option(
            "--allowed-host",
            metavar="NAMES",
            help="Names that browsers may call the app by, besides this machine's: separated by commas.",
        ),
    ] = None,
) -> None:
    """Open the admin app in the browser.

    It listens on this machine only, and the browser it opens is let in by a link that works once. To let others in,
    give it a password (OpenOrchestratorPassword) and an address to listen on.

    \b
    Examples:
      openorchestrator orchestrator
      openorchestrator orchestrator --port 8080 --no-browser
      openorchestrator orchestrator --host 0.0.0.0
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    import os  # noqa: PLC0415

    from OpenOrchestrator.common.settings import load_settings  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.access.passwords import PASSWORD_VARIABLE  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.access.sites import is_loopback  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.application import Options, run  # noqa: PLC0415

    settings = load_settings(
        connection_string=connection_string,
        key=key,
        app_folder=app_folder,
        proxy=proxy,
        allowed_host=allowed_host,
    )
    # Taken out of the environment, so that no program started from here inherits it.
    password = os.environ.pop(PASSWORD_VARIABLE, None) or None
    if password is None and not is_loopback(host):
        password = _ask_for_password(host)
    run(
        Options(
            connection_string=settings.connection_string.get_secret_value() if settings.connection_string else None,
            key=settings.key.get_secret_value() if settings.key else None,
            host=host,
            port=port,
            password=password,
            open_browser=not no_browser,
            window=window,
            base_path=base_path,
            app_folder=settings.require_app_folder(),
            proxy=settings.proxy,
            allowed_host=settings.allowed_host,
        ),
        say=typer.echo,
    )


def _ask_for_password(host: str) -> str | None:
    if not can_ask():
        return None
    typer.echo(f"Listening on {host} lets others reach this app. Choose a password of at least 8 characters.")
    answer: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer
