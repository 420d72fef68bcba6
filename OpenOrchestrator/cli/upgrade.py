"""The command ``upgrade``: creates the database of a site, or brings one up to date.

Owns what is asked, shown and refused at the terminal. Must not know how a database is changed: ``migrations`` does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from OpenOrchestrator.cli.terminal import can_ask
from OpenOrchestrator.common.colours import DEFAULT, PALETTE
from OpenOrchestrator.common.visible import visible_line

if TYPE_CHECKING:
    from rich.console import Console

    from OpenOrchestrator.database.schema.migrations import Change, DatabaseState, Progress, UpgradeResult


def register(app: typer.Typer) -> None:
    """Add the command, also under the short name it has always had."""
    app.command("upgrade")(upgrade)
    app.command("u", hidden=True)(upgrade)


def upgrade(  # noqa: PLR0917  (each parameter is an option of the command)
    connection_string: Annotated[
        str | None,
        typer.Argument(
            metavar="CONNECTION_STRING",
            help="SQLAlchemy URL of the database. [default: OpenOrchestratorConnString, from the environment or .env]",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before an existing database is changed.")
    ] = False,
    new: Annotated[bool, typer.Option("--new", "-n", help="Only create: refuse a database that is not empty.")] = False,
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone",
            metavar="NAME",
            help="IANA name of the site's time zone, such as Europe/Copenhagen. [default: the one stored in the "
            "database; for a new one, this machine's]",
        ),
    ] = None,
    queue_poll: Annotated[
        int | None,
        typer.Option(
            "--queue-poll",
            metavar="SECONDS",
            min=1,
            max=86400,
            help="How long a queue trigger rests at most while its runs take nothing from its queue; for all "
            "schedulers. [default: the one stored in the database; for a new one, 60]",
            show_default=False,
        ),
    ] = None,
    site_name: Annotated[
        str | None,
        typer.Option(
            "--site-name",
            metavar="NAME",
            help="What the site is called, such as TEST; shown wherever somebody works on it. Empty: no name. "
            "[default: the one stored in the database; for a new one, none]",
            show_default=False,
        ),
    ] = None,
    site_colour: Annotated[
        str | None,
        typer.Option(
            "--site-colour",
            metavar="COLOUR",
            help=f"The colour that goes with the name: {', '.join(PALETTE)}, or #rrggbb. "
            "[default: the one stored in the database; for a new one, grey]",
            show_default=False,
        ),
    ] = None,
    sql: Annotated[
        bool, typer.Option("--sql", help="Change nothing: print the script of the upgrade, for a DBA to run.")
    ] = False,
    from_revision: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="REVISION",
            help="With --sql: start at this revision (base: a new database) instead of looking into the database.",
        ),
    ] = None,
) -> None:
    """Create a database, or bring one up to date with all its data.

    Shows what will be done, and asks before it changes an existing database. Only one upgrade of a database runs at a
    time. One that was interrupted can be run again. A database of a newer version is refused.

    \b
    Examples:
      openorchestrator upgrade "sqlite+pysqlite:///orchestrator.db"
      openorchestrator upgrade "postgresql+psycopg://user:password@server/orchestrator" --timezone Europe/Copenhagen
      openorchestrator upgrade --site-name PROD --site-colour red
      openorchestrator upgrade --yes        (connection string from the environment or .env)
      openorchestrator upgrade "mssql+pyodbc://server/db?driver=ODBC+Driver+18+for+SQL+Server" --sql > upgrade.sql

    \b
    Exit status: 0 done or nothing to do, 1 refused or failed, 2 wrong usage.
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    if from_revision is not None and not sql:
        raise typer.BadParameter("goes with --sql only", param_hint="--from")
    if queue_poll is not None and sql:
        raise typer.BadParameter("cannot go with --sql", param_hint="--queue-poll")
    if sql and (site_name is not None or site_colour is not None):
        raise typer.BadParameter("cannot go with --sql", param_hint="--site-name, --site-colour")
    chosen = _connection_string(connection_string)
    if sql:
        _print_script(chosen, new=new, from_revision=from_revision, zone=timezone)
    else:
        _check_site(site_name, site_colour)
        _run(chosen, yes=yes, new=new, zone=timezone)
        if queue_poll is not None:
            _set_queue_poll(chosen, queue_poll)
        if site_name is not None or site_colour is not None:
            _set_site(chosen, site_name, site_colour)


def _connection_string(given: str | None) -> str:
    if given is not None:
        return given
    from OpenOrchestrator.common.errors import ConfigurationError  # noqa: PLC0415
    from OpenOrchestrator.common.settings import load_settings  # noqa: PLC0415

    stored = load_settings().connection_string
    if stored is not None:
        return stored.get_secret_value()
    if can_ask():
        return str(typer.prompt("Connection string of the database"))
    raise ConfigurationError(
        'Say which database: python -m OpenOrchestrator upgrade "<connection string>", or put the connection string '
        "into OpenOrchestratorConnString, in the environment or in a file .env."
    )


def _print_script(connection_string: str, *, new: bool, from_revision: str | None, zone: str | None) -> None:
    from OpenOrchestrator.database.schema.migrations import upgrade_sql  # noqa: PLC0415

    if new:
        if from_revision not in (None, "base"):
            raise typer.BadParameter("a new database starts at base", param_hint="--from")
        from_revision = "base"
    typer.echo(upgrade_sql(connection_string, from_revision=from_revision, zone=zone), nl=False)


def _run(connection_string: str, *, yes: bool, new: bool, zone: str | None) -> None:
    from rich.console import Console  # noqa: PLC0415

    from OpenOrchestrator.common.redaction import mask_connection_string  # noqa: PLC0415
    from OpenOrchestrator.database.schema import migrations  # noqa: PLC0415

    console = Console(markup=False, highlight=False, soft_wrap=True, emoji=False)
    if zone is not None:
        migrations.valid_zone_name(zone)
    state = migrations.inspect_database(connection_string)
    migrations.require_upgradable(state, connection_string)
    masked = visible_line(mask_connection_string(connection_string))
    existing = state.situation is not migrations.Situation.EMPTY or bool(state.other_tables)
    pending = migrations.pending_changes(state)
    zone_name = zone or state.zone_name or migrations.machine_zone_name()
    if existing and not new and (pending or not state.stamped or zone_name != state.zone_name):
        _show_plan(console, masked, state, pending, zone_name)
        _require_consent(yes)
    with _progress(console, len(pending), say_each=existing) as report:
        result = migrations.upgrade(connection_string, zone=zone, new=new, on_progress=report)
    _show_result(console, masked, result, connection_string)


def _check_site(name: str | None, colour: str | None) -> None:
    """Refuse what cannot be stored before anything is changed."""
    if name is None and colour is None:
        return
    from OpenOrchestrator.common.colours import checked_colour  # noqa: PLC0415
    from OpenOrchestrator.database.stores.site_identity import checked_name  # noqa: PLC0415

    checked_name(name or "")
    checked_colour(colour or "")


def _set_site(connection_string: str, name: str | None, colour: str | None) -> None:
    from OpenOrchestrator.database.engine.database import Database  # noqa: PLC0415
    from OpenOrchestrator.database.stores import site_identity  # noqa: PLC0415

    database = Database(connection_string)
    try:
        site = database.write(
            lambda session: site_identity.store(session, name=name, colour=colour), read_back=lambda _session: None
        )
    finally:
        database.close()
    called = f"The site is called {site.name}, in {site.colour or DEFAULT}."
    typer.echo(called if site.name else "The site has no name.")


def _set_queue_poll(connection_string: str, seconds: int) -> None:
    from OpenOrchestrator.database.engine.database import Database  # noqa: PLC0415
    from OpenOrchestrator.database.stores.queue_backoff import set_longest_pause  # noqa: PLC0415

    database = Database(connection_string)
    try:
        database.write(lambda session: set_longest_pause(session, seconds), read_back=lambda _session: None)
    finally:
        database.close()
    typer.echo(f"Queue triggers whose runs take nothing rest for {seconds} s at most.")


def _show_plan(
    console: Console, masked: str, state: DatabaseState, pending: tuple[Change, ...], zone_name: str
) -> None:
    from OpenOrchestrator import __version__  # noqa: PLC0415
    from OpenOrchestrator.database.schema.revisions import head_revision  # noqa: PLC0415

    found = state.revision or "none"
    if not state.stamped:
        found = f"{found} (not stored; recognised by its tables)" if state.revision else "none (new tables)"
    console.print(f"Database:  {masked}")
    console.print(f"Revision:  {found} -> {head_revision()} (OpenOrchestrator {__version__})")
    if state.other_tables:
        console.print(f"           {len(state.other_tables)} tables of other programs stay as they are.")
    if zone_name != state.zone_name:
        console.print(
            f"Time zone: {visible_line(state.zone_name or 'none')} -> {zone_name}; --timezone chooses another."
        )
    for number, change in enumerate(pending, start=1):
        console.print(f"  {number:>2}. {change.description}")
    if pending:
        console.print("All data is kept. Back the database up first, and stop schedulers and apps meanwhile.")


def _require_consent(yes: bool) -> None:
    from OpenOrchestrator.common.errors import ConfigurationError  # noqa: PLC0415

    if yes:
        return
    if not can_ask():
        raise ConfigurationError("Nothing was changed, because nobody can be asked here. To go ahead, add --yes.")
    if not typer.confirm("Change this database now?"):
        raise ConfigurationError("Nothing was changed.")


@contextmanager
def _progress(console: Console, total: int, *, say_each: bool) -> Iterator[Callable[[Progress], None]]:
    """Give what an upgrade reports to: a moving line on a terminal, and if wished a line for each change done."""
    from rich.progress import Progress as Bar  # noqa: PLC0415
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    from OpenOrchestrator.database.schema.migrations import Phase  # noqa: PLC0415

    columns = (SpinnerColumn("line"), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Upgrading", total=None)
        begun = time.monotonic()
        done = 0

        def report(progress: Progress) -> None:
            nonlocal begun, done
            if progress.change is None:
                console.print("Another upgrade of this database is running: waiting for it to end.")
            elif progress.phase is Phase.STARTED:
                begun = time.monotonic()
                bar.update(task, description=progress.change.description)
            elif say_each:
                done += 1
                seconds = time.monotonic() - begun
                console.print(f"{done:>2}/{max(total, done)} {progress.change.description} ({seconds:.1f} s)")

        yield report


def _show_result(console: Console, masked: str, result: UpgradeResult, connection_string: str) -> None:
    from sqlalchemy.engine import make_url  # noqa: PLC0415

    from OpenOrchestrator.common.private_files import others_may_use  # noqa: PLC0415
    from OpenOrchestrator.database.engine.connecting import sqlite_file  # noqa: PLC0415
    from OpenOrchestrator.database.schema.migrations import Situation  # noqa: PLC0415
    from OpenOrchestrator.database.schema.revisions import head_revision  # noqa: PLC0415

    if result.before.situation is Situation.EMPTY:
        done = "Created"
    elif result.changed_anything:
        done = "Upgraded"
    else:
        done = "Nothing to do for"
    console.print(f"{done} {masked}: revision {head_revision()}, time zone {result.zone_name}.")
    file = sqlite_file(make_url(connection_string))
    if file is not None and others_may_use(file):
        shown = visible_line(str(file))
        console.print(f"Other accounts of this machine may open {shown}. If they should not: chmod 600 {shown}*")
