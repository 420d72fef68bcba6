"""The command ``purge``: deletes what is older than the site and its queues keep it."""

from __future__ import annotations

import typer

from OpenOrchestrator.cli import sweeping
from OpenOrchestrator.cli.scheduler import ConnectionString
from OpenOrchestrator.cli.site_database import AsJson, opened, say
from OpenOrchestrator.cli.sweeping import DryRun, Yes


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("purge")(purge)


def purge(
    dry_run: DryRun = False, yes: Yes = False, connection_string: ConnectionString = None, as_json: AsJson = False
) -> None:
    """Delete what is older than it is kept, as schedulers do once a day: jobs, output, logs, elements and files.

    For how long each is kept, the settings of the site and of each queue say; nothing is deleted where nothing is said.
    What has not ended stays. Asks first; without a terminal it needs --yes.

    \b
    Examples:
      openorchestrator purge --dry-run
      openorchestrator purge --yes --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.database.lifecycle.retention import what_is_too_old  # noqa: PLC0415

    with opened(connection_string) as database:
        wanted = what_is_too_old(database)
        if not wanted and not as_json:
            say("Everything is kept for ever: neither the site nor a queue says for how many days.")
        sweeping.purge(database, wanted, dry_run=dry_run, yes=yes, as_json=as_json, with_leftovers=True)
