"""The option ``--version``: which version this is, and with ``--connection`` what a database is. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from OpenOrchestrator import __version__

if TYPE_CHECKING:
    from OpenOrchestrator.database.engine.database import Database


def show(connection_string: str | None) -> None:
    """Print the version, and of a database where it is, its revision and what its site is called.

    Args:
        connection_string: SQLAlchemy URL of the database, which may be of any version; None for none.

    Raises:
        ConfigurationError: If the connection string cannot be used.
        ConnectionFailedError: If the database cannot be reached, or a SQLite file is not there.
        DatabaseError: If it cannot be read.
    """
    typer.echo(f"OpenOrchestrator {__version__}")
    if connection_string is None:
        return
    from OpenOrchestrator.common.visible import visible_line  # noqa: PLC0415
    from OpenOrchestrator.database.engine.database import Database  # noqa: PLC0415
    from OpenOrchestrator.database.schema.revisions import stored_revision  # noqa: PLC0415
    from OpenOrchestrator.database.stores import site_identity  # noqa: PLC0415

    database = Database(connection_string, pool_size=1, patience_seconds=5)
    try:
        revision = stored_revision(database)
        with database.connection() as connection:
            site = site_identity.read_if_there(connection)
        typer.echo(f"Database: {visible_line(database.masked_connection_string)}")
        typer.echo(f"Revision: {_revision_words(database, revision)}")
        typer.echo(f"Site:     {site.name or 'without a name'}")
    finally:
        database.close()


def _revision_words(database: Database, revision: str | None) -> str:
    from OpenOrchestrator.common.visible import visible_line  # noqa: PLC0415
    from OpenOrchestrator.database.schema.revisions import (  # noqa: PLC0415
        head_revision,
        known_revisions,
        upgrade_command,
    )

    if revision == head_revision():
        return f"{revision}, the one of this version"
    if revision is not None and revision not in known_revisions():
        return f"{visible_line(revision)}, of a newer version than this"
    found = revision or "none stored"
    return f"{found}; this version needs {head_revision()}: {upgrade_command(database.masked_connection_string)}"
