"""What the commands share that change or ask something in the site's database, and start nothing.

Owns how they come to the database, and who somebody at a terminal is. Must import nothing heavy.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from OpenOrchestrator.database.engine.database import Database

By = Annotated[
    str | None,
    typer.Option("--by", metavar="NAME", help="Who asks, for others to see. [default: the name of this account]"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]


@contextmanager
def opened(connection_string: str | None) -> Iterator[Database]:
    """Give the database of a connection string, or of the settings, if it is of this program's revision.

    Raises:
        ConfigurationError: There is no connection string, or it cannot be understood.
        RevisionError: The database is of another revision.
        DatabaseError: It cannot be used.
    """
    from OpenOrchestrator.common.settings import load_settings  # noqa: PLC0415
    from OpenOrchestrator.database.engine.database import Database  # noqa: PLC0415
    from OpenOrchestrator.database.schema.revisions import check_exact  # noqa: PLC0415

    settings = load_settings(connection_string=connection_string)
    database = Database(settings.require_connection_string(), pool_size=1, patience_seconds=5)
    try:
        check_exact(database)
        yield database
    finally:
        database.close()


def who(by: str | None) -> str | None:
    """Return who asks: as given, or as the account is called; None for nobody."""
    if by is not None:
        return by.strip() or None
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, as in some containers
        return None


def say(words: str) -> None:
    """Print a line, whatever names and reasons in it hold."""
    from OpenOrchestrator.common.visible import visible_line  # noqa: PLC0415

    typer.echo(visible_line(words))


def say_json(**values: object) -> None:
    """Print one JSON object."""
    import json  # noqa: PLC0415

    typer.echo(json.dumps(values, ensure_ascii=False))
