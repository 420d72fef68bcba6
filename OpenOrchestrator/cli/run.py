"""The command ``run``: starts one trigger here and now, shows its output, and ends as its robot ends."""

from __future__ import annotations

from typing import Annotated

import typer

from OpenOrchestrator.cli.scheduler import ConnectionString, Key, Labels, LogFormatName, Name, Python, Workspace


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("run")(run_trigger)


def run_trigger(  # noqa: PLR0917  (each parameter is an option of the command)
    trigger_name: Annotated[str, typer.Argument(metavar="TRIGGER", help="Name of the trigger.")],
    connection_string: ConnectionString = None,
    key: Key = None,
    name: Name = None,
    workspace: Workspace = None,
    python: Python = None,
    label: Labels = None,
    log_format: LogFormatName = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print the result as one JSON object; the robot's output goes to standard error then."
        ),
    ] = False,
) -> None:
    """Start one trigger now, here, and wait for it.

    The trigger is claimed as by any scheduler, so it must be idle, and its whitelist must allow this machine's
    scheduler, and this machine must carry its labels; it need not be due. It does not wait for other robots on this
    machine, even if it is blocking, but is refused while another one has the screen that it needs. Its output is shown
    live and stored with its job. Ctrl+C kills the robot.

    The exit status is the robot's (128 + n if signal n ended it), or 1 if it could not be started.

    \b
    Examples:
      openorchestrator run "Send invoices"
      openorchestrator run "Send invoices" --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    import json  # noqa: PLC0415

    from OpenOrchestrator.cli.followed_run import follow, outcome_values  # noqa: PLC0415
    from OpenOrchestrator.common.settings import load_settings  # noqa: PLC0415

    settings = load_settings(
        connection_string=connection_string,
        key=key,
        name=name,
        workspace=workspace,
        python=python,
        label=",".join(label) if label else None,
        log_format=log_format,
    )
    status = follow(
        settings,
        trigger_name,
        all_to_stderr=as_json,
        result=lambda outcome, _database: json.dumps(outcome_values(outcome)) + "\n" if as_json else "",
    )
    raise typer.Exit(status)
