"""The commands ``export``, ``plan`` and ``apply``: the site as a file.

Owns files and terminals. What a file says and does is in ``OpenOrchestrator.site``, which is imported when a command
runs.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from OpenOrchestrator.cli.scheduler import ConnectionString
from OpenOrchestrator.cli.site_database import By, opened, say, who
from OpenOrchestrator.cli.terminal import can_ask

if TYPE_CHECKING:
    from OpenOrchestrator.database.engine.database import Database
    from OpenOrchestrator.site.document import SiteDocument
    from OpenOrchestrator.site.plans import Plan

DIFFERENT = 2
"""Exit status of ``plan`` if there is any difference."""

STANDARD_STREAM = "-"

SiteFile = Annotated[str, typer.Argument(metavar="FILE", help="The file; - for standard input.")]
Prune = Annotated[
    bool,
    typer.Option(
        "--prune",
        help="Delete triggers, calendars, pools, constants and settings of queues that the file does not have, in the "
        "sections that it has. Never credentials or elements, and no trigger that runs.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the three commands to the application."""
    app.command("export")(export)
    app.command("plan")(plan)
    app.command("apply")(apply)


def export(
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="The file to write; - for standard output.")
    ] = STANDARD_STREAM,
    ids: Annotated[
        bool, typer.Option("--ids", help="Write the id of every trigger, so that it can be renamed in the file.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Write the JSON schema of such files instead; needs no database.")
    ] = False,
    connection_string: ConnectionString = None,
) -> None:
    """Write what is set on the site as YAML: time zone, calendars, queues, triggers with all their policies, constants.

    No passwords: credentials stand in it by name alone, and what looks like a password in arguments and addresses is
    ***. Changes nothing in the database. A file that exists is replaced, all of it or not at all.

    \b
    Examples:
      openorchestrator export site.yaml
      openorchestrator export --schema site-file.schema.json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.site import schema as schemas  # noqa: PLC0415

    if schema:
        _write(file, schemas.text())
        return
    from OpenOrchestrator.site import export as exports  # noqa: PLC0415
    from OpenOrchestrator.site import present  # noqa: PLC0415

    with opened(connection_string) as database:
        zone = database.zone
        site = database.read(lambda session: present.read(session, zone))
    _write(file, exports.text_of(site, with_ids=ids))
    for what in site.unreadable:
        _warn(f"{what} cannot be read, and is not in the file.")


def plan(
    file: SiteFile,
    prune: Prune = False,
    connection_string: ConnectionString = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the difference as one JSON object.")] = False,
) -> None:
    """Say what applying a file would change. Changes nothing.

    \b
    Examples:
      openorchestrator plan site.yaml
      openorchestrator plan site.yaml --prune --json

    \b
    Exit status: 0 no difference, 2 some difference (or wrong usage), 1 an error, such as a file that cannot be used.
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.site import applying, words  # noqa: PLC0415

    data, name = _read(file)
    with opened(connection_string) as database, _problems_told(name):
        document = _document(data, name, database)
        made = applying.plan(database, document, prune=prune, file_name=name)
        if as_json:
            import json  # noqa: PLC0415

            typer.echo(json.dumps(words.as_json(made), ensure_ascii=False))
        else:
            _show(made, database)
    if made.changes:
        raise typer.Exit(DIFFERENT)


def apply(
    file: SiteFile,
    prune: Prune = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    by: By = None,
    connection_string: ConnectionString = None,
) -> None:
    """Make the site what a file says, all of it or nothing.

    Shows what is to be done, and asks; without a terminal it needs --yes. If somebody changes the site meanwhile, or a
    trigger that is to be changed starts, nothing is done. Applying a file twice changes nothing.

    \b
    Examples:
      openorchestrator apply site.yaml
      openorchestrator apply site.yaml --prune --yes

    \b
    Exit status: 0 done or nothing to do, 1 refused or failed, 2 wrong usage.
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.site import applying  # noqa: PLC0415

    data, name = _read(file)
    with opened(connection_string) as database, _problems_told(name):
        document = _document(data, name, database)
        agreed = applying.plan(database, document, prune=prune, file_name=name)
        _show(agreed, database)
        if not agreed.changes:
            return
        _require_consent(yes=yes, from_terminal=file != STANDARD_STREAM)
        done = applying.apply(database, document, agreed, prune=prune, file_name=name, by=who(by))
    number = len(done.changes)
    say(f"Done: {number} change{'' if number == 1 else 's'}.")


@contextmanager
def _problems_told(name: str) -> Iterator[None]:
    """Tell what is wrong with a file line by line, as compilers do, and end."""
    from OpenOrchestrator.common.visible import visible_line  # noqa: PLC0415
    from OpenOrchestrator.site.problems import SiteFileError  # noqa: PLC0415

    try:
        yield
    except SiteFileError as error:
        for problem in error.problems:
            where = f"{name}:{problem.mark.line}:{problem.mark.column}"
            typer.echo(visible_line(f"{where}: {problem.words}"), err=True)
        number = len(error.problems)
        typer.echo(
            f"Nothing was changed: {number} problem{'' if number == 1 else 's'} in {visible_line(name)}.", err=True
        )
        raise typer.Exit(1) from error


def _document(data: bytes, name: str, database: Database) -> SiteDocument:
    from OpenOrchestrator.site import document  # noqa: PLC0415

    return document.read(data, dialect_name=database.dialect_name, file_name=name)


def _require_consent(*, yes: bool, from_terminal: bool) -> None:
    from OpenOrchestrator.common.errors import ConfigurationError  # noqa: PLC0415

    if yes:
        return
    if not from_terminal or not can_ask():
        raise ConfigurationError("Nothing was changed, because nobody can be asked here. To go ahead, add --yes.")
    if not typer.confirm("Make these changes now?"):
        raise ConfigurationError("Nothing was changed.")


def _show(plan: Plan, database: Database) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from OpenOrchestrator.common.visible import visible, visible_line  # noqa: PLC0415
    from OpenOrchestrator.site import words  # noqa: PLC0415

    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    colours = {"create": "green", "change": "yellow", "delete": "red"}
    zone, now = database.zone, database.utc_now()
    for change in plan.changes:
        first, *rest = words.lines(change, zone, now)
        line = Text(visible_line(first))
        line.stylize(colours[change.action.value], 0, len(change.action.value))
        console.print(line)
        for step in rest:
            console.print(Text(visible(step)))
    for note in (*plan.notes, words.others(plan)):
        if note:
            console.print(Text(visible_line(note), style="dim"))
    console.print(Text(words.summary(plan), style="bold"))


def _read(file: str) -> tuple[bytes, str]:
    """Return what is in a file, and what it is called in messages."""
    from OpenOrchestrator.common.errors import ConfigurationError  # noqa: PLC0415

    if file == STANDARD_STREAM:
        return sys.stdin.buffer.read(), "standard input"
    try:
        return Path(file).read_bytes(), file
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from error


def _write(file: str, text: str) -> None:
    """Write a file whole, or leave what is there as it is."""
    from OpenOrchestrator.common.errors import ConfigurationError  # noqa: PLC0415

    data = text.encode("utf-8")
    if file == STANDARD_STREAM:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    # What a link points to is replaced, not the link.
    target = Path(os.path.realpath(file))
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else None
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            if mode is not None:
                Path(name).chmod(mode)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}.") from error


def _warn(words: str) -> None:
    from OpenOrchestrator.common.visible import visible_line  # noqa: PLC0415

    typer.echo(visible_line(f"Warning: {words}"), err=True)
