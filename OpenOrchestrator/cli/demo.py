"""The command ``demo``: example robots at work, on a database of their own.

Owns the course of a demo: site, processes, display, verdict. What a demo consists of is in demo_setup, its scheduler
and its admin app in demo_processes, what is read and judged in demo_watch, how it looks in demo_view.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from OpenOrchestrator.common.visible import visible_line

if TYPE_CHECKING:
    from OpenOrchestrator.cli.demo_processes import AppProcess, SchedulerProcess
    from OpenOrchestrator.cli.demo_setup import DemoSite
    from OpenOrchestrator.cli.demo_view import View
    from OpenOrchestrator.database.engine.database import Database

_LOOK_SECONDS = 0.25
_FINISH_SECONDS = 15.0
_SECONDS_BETWEEN_QUESTIONS = 1.0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("demo")(demo)


def demo(
    seconds: Annotated[
        float | None,
        typer.Option(
            "--for",
            metavar="SECONDS",
            min=1,
            help="End by itself after so many seconds; exit status 0 only if every example robot succeeded and the "
            "admin app answered. Opens no browser.",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="An empty or new folder for its files. Default: a new temporary folder."),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the link of the admin app, and open no browser.")
    ] = False,
) -> None:
    """Show example robots at work, on a database of their own.

    Makes a SQLite database with constants, a credential, a queue and three triggers, starts a scheduler, opens the
    admin app in the browser, and shows which robots run, what they log and how the queue empties, until Ctrl+C.

    \b
    Examples:
      openorchestrator demo
      openorchestrator demo --for 30
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.cli.demo_processes import AppProcess, SchedulerProcess, browser_is_seen  # noqa: PLC0415
    from OpenOrchestrator.cli.demo_setup import make_folder, make_site  # noqa: PLC0415
    from OpenOrchestrator.cli.demo_view import make_view  # noqa: PLC0415
    from OpenOrchestrator.database.engine.database import Database  # noqa: PLC0415

    site = make_site(make_folder(folder))
    browser = not no_browser and seconds is None and browser_is_seen()
    database = Database(site.connection_string)
    try:
        with _interruptible(), SchedulerProcess(site) as scheduler, AppProcess(site, browser=browser) as app:
            try:
                reasons: tuple[str, ...] | None = _watch(
                    site, database, (scheduler, app), make_view(site.expected.queue), seconds
                )
            except KeyboardInterrupt:
                reasons = None
                typer.echo("Stopping ...")
            except BrokenPipeError:
                sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (used until the end)
                reasons = ("Nobody reads the output any more.",)
    finally:
        database.close()
        _tell_where(site)
    if reasons is None:
        if seconds is not None:
            typer.echo(f"Interrupted before the {seconds:g} s were over.", err=True)
            raise typer.Exit(130)
        return
    for reason in reasons:
        typer.echo(visible_line(f"Not as it should be: {reason}"), err=True)
    if reasons:
        raise typer.Exit(1)
    typer.echo("Every example robot succeeded.")


def _watch(
    site: DemoSite,
    database: Database,
    processes: tuple[SchedulerProcess, AppProcess],
    view: View,
    seconds: float | None,
) -> tuple[str, ...]:
    """Show the demo until its time is over, and return what was wrong. Runs until interrupted if it has no end."""
    from OpenOrchestrator.cli.demo_watch import look, shortcomings  # noqa: PLC0415

    queue = site.expected.queue
    began = time.monotonic()
    end = began + seconds if seconds is not None else None
    app = processes[1]
    answered, ask_at = False, began
    with view:
        while True:
            snapshot = look(database, queue)
            passed = time.monotonic() - began
            left = "Ctrl+C ends it." if seconds is None else f"{passed:.0f} of {seconds:g} s."
            folder = visible_line(str(site.folder))
            view.show(snapshot, f"OpenOrchestrator demo in {folder}. {left}", app.link())
            for process in processes:
                status = process.poll()
                if status is not None:
                    return (f"The {process.name} ended by itself with status {status}. {process.last_words()}",)
            if not answered and time.monotonic() >= ask_at:
                answered = app.answers()
                ask_at = time.monotonic() + _SECONDS_BETWEEN_QUESTIONS
            if end is not None:
                # What began before the end may finish; no run is judged half-way, nor an app that is starting.
                late = time.monotonic() - end
                if late > (_FINISH_SECONDS if snapshot.active or not answered else 0):
                    break
            time.sleep(_LOOK_SECONDS)
        whole = look(database, queue, newest=None)
        silent = () if app.answers() else (f"The admin app does not answer. {app.last_words()}",)
    return (*shortcomings(whole, site.expected), *silent)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let a request to end the process, or a closed terminal, stop the demo the way Ctrl+C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    before = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}  # as nohup sets it
    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell_where(site: DemoSite) -> None:
    """Say where everything is and how to look at it further."""
    python = "python" if site.python == Path(sys.executable) else f'"{visible_line(str(site.python))}"'
    folder = visible_line(str(site.folder))
    typer.echo(
        f"\nThe demo's files are in {folder}: the database, a file .env with its settings,\n"
        f"the logs of scheduler and app, and the git repository of one robot. To go on with them:\n"
        f'  cd "{folder}"\n'
        f"  {python} -m OpenOrchestrator s                       # the scheduler\n"
        f"  {python} -m OpenOrchestrator o                       # the admin app\n"
        f'  {python} -m OpenOrchestrator run "{site.again}"      # one robot, here and now'
    )
