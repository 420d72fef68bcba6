"""The command ``key``: prints a new key for the credentials of a site. Stores nothing."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("key")(print_key)


def print_key(
    as_json: Annotated[bool, typer.Option("--json", help='Print {"key": "..."} instead of the bare key.')] = False,
) -> None:
    """Print a new key, and nothing else.

    Keep it where the site's other secrets are: without it, stored credentials cannot be read again. Hand it to
    schedulers as OpenOrchestratorKey, in the environment or in a file .env.

    \b
    Examples:
      openorchestrator key
      openorchestrator key --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.common.crypto_util import generate_key  # noqa: PLC0415

    key = generate_key().decode("ascii")
    if as_json:
        import json  # noqa: PLC0415

        key = json.dumps({"key": key})
    typer.echo(key)
