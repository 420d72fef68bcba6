"""The command ``scheduler``: puts the daemon of a worker machine together and runs it until it is asked to stop."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from OpenOrchestrator.scheduler.daemon import Daemon

ConnectionString = Annotated[
    str | None,
    typer.Option(
        "--connection-string",
        "-c",
        metavar="URL",
        help="The shared database. Better in OpenOrchestratorConnString or .env: others can read options.",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        "-k",
        metavar="KEY",
        help="Key of the credentials. Better in OpenOrchestratorKey or .env: others can read options.",
    ),
]
Name = Annotated[
    str | None,
    typer.Option("--name", "-n", help="Name of this scheduler in whitelists and jobs. [default: the machine's name]"),
]
Workspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        metavar="FOLDER",
        help="Folder for repositories, environments and run files. [default: in the account's data folder]",
    ),
]
Python = Annotated[
    str | None,
    typer.Option(
        "--python", metavar="PATH", help="The Python to run robots with. [default: the one this scheduler runs on]"
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        metavar="LABEL",
        help="What this machine has that triggers may require; once for each, or with commas between. [default: none]",
    ),
]
LogFormatName = Annotated[
    str | None, typer.Option("--log-format", metavar="text|json", help="Log lines on standard error. [default: text]")
]


def register(app: typer.Typer) -> None:
    """Add the command, also under the short name it has always had."""
    app.command("scheduler")(run_scheduler)
    app.command("s", hidden=True)(run_scheduler)


def run_scheduler(  # noqa: PLR0917  (each parameter is an option of the command)
    connection_string: ConnectionString = None,
    key: Key = None,
    name: Name = None,
    whitelisted_only: Annotated[
        bool | None,
        typer.Option(
            "--whitelisted-only/--not-whitelisted-only",
            help="Start only triggers that name this scheduler in their whitelist. [default: not]",
        ),
    ] = None,
    label: Labels = None,
    max_jobs: Annotated[
        int | None, typer.Option("--max-jobs", "-m", metavar="N", help="Robots running at once. [default: 32]")
    ] = None,
    poll_interval: Annotated[
        float | None,
        typer.Option(
            "--poll-interval",
            metavar="SECONDS",
            help="Between two looks at the database; due times are met exactly whatever it is. [default: 1]",
        ),
    ] = None,
    workspace: Workspace = None,
    python: Python = None,
    log_format: LogFormatName = None,
    on_stop: Annotated[
        str | None,
        typer.Option(
            "--on-stop",
            metavar="wait|leave|kill",
            help="What becomes of running robots on stop: wait for them (a second stop leaves them running), leave "
            "them running for the next start to take over, or kill them. [default: wait]",
        ),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Start what is due, wait for it, and exit: 0 if all succeeded, else 1.")
    ] = False,
) -> None:
    """Run the scheduler of this machine, which starts robots when their triggers are due.

    Stops on Ctrl+C, SIGTERM or a service stop; see --on-stop. Every option can also be set as an environment variable
    or in a file .env in the current folder, named OpenOrchestrator plus the option: OpenOrchestratorMaxJobs=8.

    \b
    Examples:
      openorchestrator scheduler
      openorchestrator scheduler --name worker-7 --max-jobs 8 --on-stop leave
      openorchestrator scheduler --label sap --label windows
      openorchestrator scheduler --once --log-format json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.common.settings import load_settings, secrets_to_hide  # noqa: PLC0415
    from OpenOrchestrator.scheduler.daemon import Daemon  # noqa: PLC0415
    from OpenOrchestrator.scheduler.events import Events  # noqa: PLC0415
    from OpenOrchestrator.scheduler.options import scheduler_options  # noqa: PLC0415
    from OpenOrchestrator.scheduler.own_database import open_database  # noqa: PLC0415

    settings = load_settings(
        connection_string=connection_string,
        key=key,
        name=name,
        whitelisted_only=whitelisted_only,
        label=",".join(label) if label else None,
        max_jobs=max_jobs,
        poll_interval=poll_interval,
        workspace=workspace,
        python=python,
        log_format=log_format,
        on_stop=on_stop,
    )
    url, crypto_key = settings.require_connection_string(), settings.require_key()
    options = scheduler_options(settings, once=once)
    events = Events(sys.stderr, log_format=settings.log_format, secrets=secrets_to_hide(url, crypto_key))
    database = open_database(url, max_jobs=options.max_jobs)
    try:
        daemon = Daemon(database, options, crypto_key=crypto_key, events=events)
        _stop_on_signals(daemon)
        status = daemon.run()
    finally:
        database.close()
    raise typer.Exit(status)


def _stop_on_signals(daemon: Daemon) -> None:
    # SIGBREAK is how Windows services and consoles ask for an end; SIGTERM exists there but is never sent.
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, lambda _number, _frame: daemon.request_stop())
    daemon.ring_on_signals()
