"""Which revision a database has, and whether this program can work with it.

Owns the chain of known revisions, read as text from the migration files, so that a robot is ready without loading
Alembic. Must not change a database: ``migrations`` does.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from OpenOrchestrator import __version__
from OpenOrchestrator.common.errors import RevisionError

if TYPE_CHECKING:
    from OpenOrchestrator.database.engine.database import Database

_ASSIGNMENT = re.compile(r"^(revision|down_revision)\b[^=\n]*=\s*(.+?)\s*$", re.MULTILINE)
_QUOTED = re.compile(r"""^(["'])([^"']+)\1""")


def migrations_folder() -> Path:
    """Return the folder of the migration scripts: inside an installed package, or beside it in a checkout.

    Raises:
        RevisionError: If there is none, because the installation is incomplete.
    """
    package = Path(__file__).resolve().parents[2]
    for folder in (package / "migrations", package.parent / "alembic"):
        if (folder / "versions").is_dir():
            return folder
    raise RevisionError(
        f"The migration scripts are missing from {package / 'migrations'}: install OpenOrchestrator anew with "
        "pip install --force-reinstall OpenOrchestrator"
    )


def known_revisions() -> tuple[str, ...]:
    """Return the ids of all revisions this program knows, oldest first."""
    return _chain(migrations_folder())


def head_revision() -> str:
    """Return the id of the newest revision: the one this program works with."""
    return known_revisions()[-1]


def stored_revision(database: Database, *, waiting: bool = False) -> str | None:
    """Return the revision a database says it has; None if it says nothing.

    Args:
        database: The database.
        waiting: Whether to keep trying, within its patience, while it cannot be reached.

    Raises:
        ConnectionFailedError: If the database cannot be reached.
    """
    return database.read_stamp(waiting=waiting).revision


def check_exact(database: Database) -> None:
    """Refuse a database of any other revision than this program's, as scheduler and app do.

    Takes one round trip, which also tells the database's time zone.

    Raises:
        RevisionError: Says what to run.
        ConnectionFailedError: If the database cannot be reached.
    """
    stored = stored_revision(database)
    if stored == head_revision():
        return
    if stored is None:
        raise _unstamped(database)
    if stored in known_revisions():
        raise _older(database, stored)
    raise newer(database.masked_connection_string, stored)


def check_robot(database: Database, *, waiting: bool = False) -> None:
    """Refuse a database that is older than this library, as robots do; a newer one is fine.

    Tables made by ``Base.metadata.create_all`` of this version have no revision and are fine too. Takes one round
    trip in the ordinary case, which also tells the database's time zone.

    Args:
        database: The database.
        waiting: As for ``stored_revision``.

    Raises:
        RevisionError: Says what to run.
        ConnectionFailedError: If the database cannot be reached.
    """
    stored = stored_revision(database, waiting=waiting)
    known = known_revisions()
    if stored == known[-1] or (stored is not None and stored not in known):
        return
    if stored is not None:
        raise _older(database, stored)
    if not _has_our_shape(database):
        raise _unstamped(database)


def upgrade_command(masked_connection_string: str) -> str:
    """Return the command that brings a database up to date, for people to copy."""
    return f'python -m OpenOrchestrator upgrade "{masked_connection_string}"'


def newer(masked_connection_string: str, revision: str) -> RevisionError:
    """Return the error for a database of a revision that this program does not know."""
    return RevisionError(
        f"The database {masked_connection_string} has revision {revision}, which OpenOrchestrator {__version__} does "
        f"not know (its newest is {head_revision()}): the database was made by a newer version. Install that version "
        "here: pip install --upgrade OpenOrchestrator"
    )


def _older(database: Database, revision: str) -> RevisionError:
    return RevisionError(
        f"The database {database.masked_connection_string} has revision {revision}, but OpenOrchestrator "
        f"{__version__} needs {head_revision()}. Bring it up to date with: "
        f"{upgrade_command(database.masked_connection_string)}"
    )


def _unstamped(database: Database) -> RevisionError:
    return RevisionError(
        f"The database {database.masked_connection_string} has no tables of OpenOrchestrator {__version__} (no "
        f"revision is stored in it). Create them, or bring those of an earlier version up to date, with: "
        f"{upgrade_command(database.masked_connection_string)}"
    )


def _has_our_shape(database: Database) -> bool:
    with database.connection() as connection:
        inspector = sa.inspect(connection)
        if not inspector.has_table("Queues"):
            return False
        return "claim_token" in {column["name"] for column in inspector.get_columns("Queues")}


@lru_cache
def _chain(folder: Path) -> tuple[str, ...]:
    follower: dict[str | None, str] = {}
    files = sorted((folder / "versions").glob("*.py"))
    for file in files:
        revision, parent = _read_ids(file)
        if parent in follower:
            raise RevisionError(f"Two migrations follow {parent}: {follower[parent]} and {revision} in {folder}.")
        follower[parent] = revision
    chain: list[str] = []
    parent = None
    while parent in follower:
        parent = follower[parent]
        chain.append(parent)
    if not chain or len(chain) != len(files):
        raise RevisionError(f"The migrations in {folder} do not form one line from the first to the newest.")
    return tuple(chain)


def _read_ids(file: Path) -> tuple[str, str | None]:
    values = dict(_ASSIGNMENT.findall(file.read_text(encoding="utf-8")))
    revision = _QUOTED.match(values.get("revision", ""))
    parent = values.get("down_revision", "")
    quoted_parent = _QUOTED.match(parent)
    if revision is None or (quoted_parent is None and parent != "None"):
        raise RevisionError(f"{file} does not say its revision and the one before it.")
    return revision.group(2), quoted_parent.group(2) if quoted_parent else None
