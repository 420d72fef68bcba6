"""The command ``run``: starts one trigger here and now, shows its output, and ends as its robot ends."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from OpenOrchestrator.cli.scheduler import ConnectionString, Key, Labels, LogFormatName, Name, Python, Workspace

if TYPE_CHECKING:
    from OpenOrchestrator.scheduler.single_run import Outcome


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
    from OpenOrchestrator.cli.run_terminal import RunTerminal  # noqa: PLC0415
    from OpenOrchestrator.common.settings import load_settings, secrets_to_hide  # noqa: PLC0415
    from OpenOrchestrator.scheduler.events import Events  # noqa: PLC0415
    from OpenOrchestrator.scheduler.options import scheduler_options  # noqa: PLC0415
    from OpenOrchestrator.scheduler.own_database import open_database  # noqa: PLC0415
    from OpenOrchestrator.scheduler.single_run import SingleRun  # noqa: PLC0415

    settings = load_settings(
        connection_string=connection_string,
        key=key,
        name=name,
        workspace=workspace,
        python=python,
        label=",".join(label) if label else None,
        log_format=log_format,
    )
    url, crypto_key = settings.require_connection_string(), settings.require_key()
    events = Events(sys.stderr, log_format=settings.log_format, secrets=secrets_to_hide(url, crypto_key))
    database = open_database(url, max_jobs=1)
    terminal = RunTerminal(sys.stdout, sys.stderr, all_to_stderr=as_json)
    try:
        run = SingleRun(
            database,
            scheduler_options(settings),
            crypto_key=crypto_key,
            events=events,
            on_record=lambda record: terminal.show(record.stream, record.text),
        )
        _on_signals(run.request_stop)
        run.ring_on_signals()
        outcome = run.run(trigger_name)
    finally:
        database.close()
    interrupted = threading.Event()
    _on_signals(interrupted.set)
    unshown = terminal.finish(_as_json(outcome) + "\n" if as_json else "", given_up=interrupted.is_set)
    if unshown:
        events.output_not_shown(unshown)
        events.flush()
    raise typer.Exit(1 if outcome.ending is None else outcome.ending.shell_status)


def _as_json(outcome: Outcome) -> str:
    import json  # noqa: PLC0415

    ending = outcome.ending
    return json.dumps(
        {
            "job_id": str(outcome.job_id),
            "status": None if ending is None else ending.status.name,
            "exit_code": None if ending is None else ending.exit_code,
            "reason": None if ending is None else ending.reason,
        }
    )


def _on_signals(act: Callable[[], None]) -> None:
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, lambda _number, _frame: act())
