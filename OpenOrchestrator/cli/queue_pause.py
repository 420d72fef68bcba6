"""The commands ``queue pause`` and ``queue resume``: nothing is handed out from a queue, and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from OpenOrchestrator.cli.scheduler import ConnectionString
from OpenOrchestrator.cli.site_database import AsJson, By, opened, say, say_json, who
from OpenOrchestrator.cli.typed_times import Until, end_of

if TYPE_CHECKING:
    from datetime import datetime

Queue = Annotated[str, typer.Argument(metavar="QUEUE", help="Name of the queue, to the last character.")]


def register(group: typer.Typer) -> None:
    """Add both commands to the group of those about queues."""
    group.command("pause")(pause)
    group.command("resume")(resume)


def pause(  # noqa: PLR0917  (each parameter is an option of the command)
    queue: Queue,
    reason: Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why, for everybody to see.")],
    until: Until = None,
    by: By = None,
    connection_string: ConnectionString = None,
    as_json: AsJson = False,
) -> None:
    """Pause a queue: from now on nothing is handed out from it, and its triggers are not due.

    What a robot has in hand is finished. A queue that is paused already gets the new reason and end. Robots of earlier
    versions know no pause.

    \b
    Examples:
      openorchestrator queue pause Orders --reason "SAP is closed"
      openorchestrator queue pause Orders --reason "Back-up" --until 02:30 --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.database.stores import queue_pauses  # noqa: PLC0415

    with opened(connection_string) as database:
        zone = database.zone
        end = None if until is None else end_of(until, database.utc_now(), zone)
        made = database.write(
            lambda session: queue_pauses.pause(session, queue, reason=reason, by=who(by), until=end),
            read_back=lambda _session: None,  # done again, it says the same
        )
    if as_json:
        say_json(
            queue=queue,
            paused=True,
            reason=made.reason,
            by=made.by,
            since=made.since.isoformat(),
            until=_text(made.until),
        )
        return
    till = "" if made.until is None else f" until {made.until.astimezone(zone):%Y-%m-%d %H:%M}"
    say(f"{queue} is paused{till} ({made.reason}). What robots have in hand is finished.")
    if made.until is None:
        say("It has no end: end it with the command queue resume.")


def resume(queue: Queue, connection_string: ConnectionString = None, as_json: AsJson = False) -> None:
    """End the pause of a queue, also one that its breaker began: its elements are handed out again.

    \b
    Examples:
      openorchestrator queue resume Orders
      openorchestrator queue resume Orders --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.database.stores import queue_pauses  # noqa: PLC0415

    with opened(connection_string) as database:
        changed = database.write(
            lambda session: queue_pauses.resume(session, queue),
            read_back=lambda _session: None,  # done again, it may say that there was none
        )
    if as_json:
        say_json(queue=queue, paused=False, changed=changed)
    else:
        say(f"{queue} is resumed." if changed else f"{queue} was not paused.")


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
