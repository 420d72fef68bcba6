"""The errors that callers get for those of a driver: what happened, to which database, what to do; without secrets.

Owns the words. What an error means is in ``driver_errors``.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from OpenOrchestrator.common.errors import (
    ConnectionFailedError,
    DatabaseError,
    LoginRefusedError,
    TransientDatabaseError,
)
from OpenOrchestrator.common.redaction import redact
from OpenOrchestrator.database.engine import driver_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanations:
    """Explains the errors of one database.

    Attributes:
        dialect_name: The kind of database.
        shown: The connection string for people to read.
        secrets: Texts that must not get into a message.
    """

    dialect_name: str
    shown: str
    secrets: tuple[str, ...]

    def cause(self, error: sa.exc.DBAPIError) -> str:
        """Return what the driver says."""
        # Some drivers' messages have several lines; ours have one.
        return redact(" ".join(str(error.orig or error).split()), self.secrets)

    def explain(self, error: sa.exc.DBAPIError) -> DatabaseError:
        """Return the error to raise for one of the driver's."""
        cause = self.cause(error)
        if driver_errors.is_login_refused(error, self.dialect_name):
            return self._refused(error)
        if isinstance(error, driver_errors.ShortageError):
            return ConnectionFailedError(
                f"This process has no connection to {self.shown} to give for now: all are in use, or the machine has "
                f"no memory or files left for one. Let fewer threads work at once, or raise its limits. Cause: {cause}"
            )
        if driver_errors.is_unserved(error.orig, self.dialect_name):
            return ConnectionFailedError(
                f"The database {self.shown} can be reached, but not used for now. Check that it is not a read-only "
                f"copy, and how many connections it allows. Cause: {cause}"
            )
        if driver_errors.is_undone(error, self.dialect_name):
            return TransientDatabaseError(
                f"The database {self.shown} undid the work, and nothing was changed. Try again; if it stays so, look "
                f"who holds locks, and whether there is room left. Cause: {cause}"
            )
        if driver_errors.is_disconnect(error, self.dialect_name):
            return self._unreachable(cause)
        return DatabaseError(f"The database {self.shown} refused a statement: {cause}")

    def explain_opening(self, error: sa.exc.DBAPIError) -> DatabaseError:
        """Return the error to raise for one while a connection was opened, and what was opened looked at."""
        if driver_errors.is_login_refused(error, self.dialect_name):
            return self._refused(error)
        if error.statement is not None or isinstance(error, driver_errors.ShortageError):
            return self.explain(error)
        return self._unreachable(self.cause(error))

    def _refused(self, error: sa.exc.DBAPIError) -> LoginRefusedError:
        if isinstance(error, driver_errors.MisconfiguredError):
            return LoginRefusedError(
                f"Cannot connect to {self.shown}: the driver cannot use an option of the connection string, or a file "
                f"that one names. Correct the option, or let this account read the file. Cause: {self.cause(error)}"
            )
        return LoginRefusedError(
            f"Cannot connect to {self.shown}: it is refused. Check database name, user, password, driver, certificates "
            f"and options in the connection string, and that the server lets this user in from this machine. "
            f"Cause: {self.cause(error)}"
        )

    def _unreachable(self, cause: str) -> ConnectionFailedError:
        return ConnectionFailedError(
            f"Cannot connect to {self.shown}. Check that the server runs and can be reached from this machine, and "
            f"that database name, user and password are right. Cause: {cause}"
        )
