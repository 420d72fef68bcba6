"""The commands ``cordon``, ``uncordon`` and ``drain``: one scheduler starts nothing new, again, or ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from OpenOrchestrator.cli.scheduler import ConnectionString
from OpenOrchestrator.cli.site_database import AsJson, By, opened, say, say_json, who

if TYPE_CHECKING:
    from OpenOrchestrator.database.engine.database import Database

SchedulerName = Annotated[str, typer.Argument(metavar="SCHEDULER", help="Its name; capital letters do not count.")]

_LOOK_SECONDS = 1.0


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("cordon")(cordon)
    app.command("uncordon")(uncordon)
    app.command("drain")(drain)


def cordon(
    scheduler: SchedulerName, by: By = None, connection_string: ConnectionString = None, as_json: AsJson = False
) -> None:
    """Let a scheduler start nothing new; its robots go on, and it stays up. That lasts until uncordon.

    \b
    Examples:
      openorchestrator cordon worker-7
      openorchestrator cordon worker-7 --by Ann --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.database.stores import cordons  # noqa: PLC0415

    with opened(connection_string) as database:
        name = _name(database, scheduler)
        changed = database.write(
            lambda session: cordons.cordon(session, name, by=who(by)), read_back=lambda _session: None
        )
    if as_json:
        say_json(scheduler=name, cordoned=True, changed=changed)
    else:
        say(f"{name} starts nothing new until it is uncordoned." if changed else f"{name} was cordoned already.")


def uncordon(scheduler: SchedulerName, connection_string: ConnectionString = None, as_json: AsJson = False) -> None:
    """Let a scheduler start robots again. A drain that has not ended it yet is called off.

    \b
    Examples:
      openorchestrator uncordon worker-7
      openorchestrator uncordon worker-7 --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.database.stores import cordons  # noqa: PLC0415

    with opened(connection_string) as database:
        name = _name(database, scheduler)
        changed = database.write(lambda session: cordons.uncordon(session, name), read_back=lambda _session: None)
    if as_json:
        say_json(scheduler=name, cordoned=False, changed=changed)
    else:
        say(f"{name} starts robots again." if changed else f"{name} was not cordoned.")


def drain(
    scheduler: SchedulerName,
    wait: Annotated[
        float | None,
        typer.Option(
            "--wait",
            metavar="SECONDS",
            min=0,
            help="Wait so long for its end; exit status 1 if it has not ended by then, or the drain was called off.",
        ),
    ] = None,
    by: By = None,
    connection_string: ConnectionString = None,
    as_json: AsJson = False,
) -> None:
    """Let a scheduler end as soon as its robots have; until then it starts nothing new.

    Robots that ask, by is_trigger_pausing(), are told to come to an end. When the scheduler is started again, it is
    still cordoned, so that a machine can be restarted in peace: end that with uncordon.

    \b
    Examples:
      openorchestrator drain worker-7
      openorchestrator drain worker-7 --wait 3600
      openorchestrator drain worker-7 --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.database.stores import cordons  # noqa: PLC0415

    with opened(connection_string) as database:
        name = _name(database, scheduler)
        drained = database.write(
            lambda session: cordons.drain(session, name, by=who(by)), read_back=lambda _session: None
        )
        if not as_json:
            _tell(name, ends=drained.ends, is_new=drained.is_new)
        ended = None if wait is None else not drained.ends or _await_end(database, name, wait)
    if as_json:
        say_json(scheduler=name, cordoned=True, draining=drained.ends, changed=drained.is_new, ended=ended)
    elif wait is not None and drained.ends:
        say(f"{name} has ended." if ended else f"{name} has not ended, or the drain was called off.")
    raise typer.Exit(1 if ended is False else 0)


def _tell(name: str, *, ends: bool, is_new: bool) -> None:
    if not ends:
        say(f"{name} is not running, so it is cordoned and no more: it will start nothing until it is uncordoned.")
    elif is_new:
        say(f"{name} starts nothing new, and ends when its robots have.")
    else:
        say(f"{name} was drained already; it ends when its robots have.")


def _name(database: Database, given: str) -> str:
    from OpenOrchestrator.database.stores import cordons  # noqa: PLC0415

    return database.read(lambda session: cordons.resolve(session, given))


def _await_end(database: Database, name: str, seconds: float) -> bool:
    """Wait until a drain was fulfilled, and return whether it was; False also if it was called off."""
    from OpenOrchestrator.database.lifecycle import admission  # noqa: PLC0415

    deadline = time.monotonic() + seconds
    while True:
        now = database.read(lambda session: admission.read(session, name))
        if now.drain is None:
            return now.cordon is not None
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(_LOOK_SECONDS, left))
