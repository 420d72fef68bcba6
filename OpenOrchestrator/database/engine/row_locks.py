"""Reading rows under a lock, said to each kind of database in its own words.

Owns the words alone. SQLite needs none of them: there a transaction that writes is alone from its beginning.
"""

from __future__ import annotations

from typing import Any, TypeVar

import sqlalchemy as sa

Q = TypeVar("Q", bound=sa.Select[Any])


def free_only(query: Q, table: sa.TableClause) -> Q:
    """Return the query so that it locks the rows it finds, and passes over those that somebody else holds locked.

    It never waits, so a transaction that somebody forgot to end hinders only what is about the row it holds.

    Args:
        query: Reads from one table.
        table: That table.
    """
    locking = query.with_for_update(skip_locked=True)
    return locking.with_hint(table, "WITH (UPDLOCK, READPAST, ROWLOCK)", "mssql")  # knows no FOR UPDATE


def shared(query: Q, table: sa.TableClause) -> Q:
    """Return the query so that nobody can change the rows it finds until the transaction ends; others may do the same.

    Waits for whoever is changing them, and reads what they made of them. Rows must be found by their id alone:
    MariaDB lets go of rows that do not fit any further condition.

    Args:
        query: Reads from one table.
        table: That table.
    """
    return query.with_for_update(read=True).with_hint(table, "WITH (REPEATABLEREAD, ROWLOCK)", "mssql")


def alone(query: Q, table: sa.TableClause) -> Q:
    """Return the query so that nobody else can change or lock the rows it finds until the transaction ends.

    Waits for whoever holds them, and reads what they made of them. Rows must be found by their id alone, as for
    ``shared``.

    Args:
        query: Reads from one table.
        table: That table.
    """
    return query.with_for_update().with_hint(table, "WITH (UPDLOCK, ROWLOCK)", "mssql")


def unhindered(query: Q, table: sa.TableClause) -> Q:
    """Return the query so that it reads rows that somebody else holds locked, too, without waiting for them.

    Only SQL Server needs to be told; it then shows what is not committed yet, so nothing may be written by it.

    Args:
        query: Reads from one table.
        table: That table.
    """
    return query.with_hint(table, "WITH (READUNCOMMITTED)", "mssql")
