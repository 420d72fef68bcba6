"""The commands ``pause`` and ``resume``: nothing starts on the whole site, and again."""

from __future__ import annotations

from typing import Annotated

import typer

from OpenOrchestrator.cli.scheduler import ConnectionString
from OpenOrchestrator.cli.site_database import AsJson, By, opened, say, say_json, who
from OpenOrchestrator.cli.typed_times import Until, end_of


def register(app: typer.Typer) -> None:
    """Add both commands to the application."""
    app.command("pause")(pause)
    app.command("resume")(resume)


def pause(
    reason: Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why, for everybody to see.")],
    until: Until = None,
    by: By = None,
    connection_string: ConnectionString = None,
    as_json: AsJson = False,
) -> None:
    """Pause the whole site: from now on nothing starts, on any scheduler.

    Robots that run go on; those that ask, by is_trigger_pausing(), are told to come to an end. What falls due meanwhile
    starts once when the pause is over. A site that is paused already gets the new reason and end.

    \b
    Examples:
      openorchestrator pause --reason "SAP is closed"
      openorchestrator pause --reason "New servers" --until "2026-12-24 06:00"
      openorchestrator pause --reason "Back-up" --until 02:30 --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.database.lifecycle.admission import paused_words  # noqa: PLC0415
    from OpenOrchestrator.database.stores import cordons, site_pause  # noqa: PLC0415

    with opened(connection_string) as database:
        zone, now = database.zone, database.utc_now()
        end = None if until is None else end_of(until, now, zone)
        made = database.write(
            lambda session: site_pause.pause(session, reason=reason, by=who(by), until=end),
            read_back=lambda _session: None,  # done again, it says the same
        )
        old = database.read(
            lambda session: cordons.disobedient(session, now=database.utc_now(), site_now=database.site_now())
        )
    if as_json:
        say_json(
            paused=True,
            reason=made.reason,
            by=made.by,
            since=None if made.since is None else made.since.isoformat(),
            until=None if made.until is None else made.until.isoformat(),
            not_obeyed_by=list(old),
        )
        return
    say(f"The site is {paused_words(made, zone)}. Robots that run go on.")
    if made.until is None:
        say("It has no end: end it with the command resume.")
    if old:
        are = "is of a version" if len(old) == 1 else "are of versions"
        say(f"{', '.join(old)} {are} before 4.0 and obeys no pause: stop such schedulers on their machines.")


def resume(connection_string: ConnectionString = None, as_json: AsJson = False) -> None:
    """End the pause of the site: schedulers start what is due, at their next look.

    Triggers that are paused and schedulers that are cordoned stay so.

    \b
    Examples:
      openorchestrator resume
      openorchestrator resume --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.database.stores import site_pause  # noqa: PLC0415

    with opened(connection_string) as database:
        changed = database.write(site_pause.resume, read_back=lambda _session: None)
    if as_json:
        say_json(paused=False, changed=changed)
    else:
        say("The site is resumed." if changed else "The site was not paused.")
