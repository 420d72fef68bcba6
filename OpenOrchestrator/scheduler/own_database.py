"""The database of a scheduler: its connections are as many, and as impatient, as running robots need."""

from __future__ import annotations

from OpenOrchestrator.database.engine.database import Database

PATIENCE_SECONDS = 5.0
"""How long one transaction of the scheduler is repeated. Longer outages are for the loops to wait out."""

STATEMENT_TIMEOUT_SECONDS = 15
"""How long one statement may take. With the time to notice a silent server it is below the lease of a running job."""

OWN_CONNECTIONS = 8
"""What the scheduler needs beside its runs: its loop, its heartbeat, the extension of leases, housekeeping."""


def open_database(connection_string: str, *, max_jobs: int) -> Database:
    """Return the database for a scheduler that runs so many robots at once.

    Each run has a thread that writes. If the server falls silent, every one of them may hold a connection until it is
    given up, and none may keep the heartbeat from getting one.

    Raises:
        ConfigurationError: If the connection string cannot be used.
    """
    return Database(
        connection_string,
        extra_connections=max_jobs + OWN_CONNECTIONS,
        patience_seconds=PATIENCE_SECONDS,
        statement_timeout=STATEMENT_TIMEOUT_SECONDS,
    )
