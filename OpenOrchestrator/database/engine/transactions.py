"""Trying one transaction until it is saved, refused, or out of patience.

Owns the decision after an error: run again, read back, or raise. Must not know how a connection is made, nor any table.

A transaction that the database rolled back itself, or whose connection broke before the commit, saved nothing and is
run again. If the connection broke while committing, nobody here knows what was saved: it is read back, never repeated
blindly.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import sqlalchemy as sa

from OpenOrchestrator.common.errors import CommitOutcomeUnknownError, DatabaseError
from OpenOrchestrator.database.engine import driver_errors
from OpenOrchestrator.database.engine.explanations import Explanations

FIRST_DELAY_SECONDS = 0.02
LONGEST_DELAY_SECONDS = 2.0

T = TypeVar("T")


class Transaction(Protocol):
    """What is begun by entering it, rolled back by leaving it, and saved by ``commit`` before."""

    def commit(self) -> None:
        """Save it; if that raises, what was saved may not be known."""


X = TypeVar("X", bound=Transaction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """How transactions are tried on one database. Safe to share between threads.

    Attributes:
        explanations: The errors to raise.
        patience_seconds: How long to keep trying after a passing error before raising.
        monotonic: Tells seconds that only grow.
        sleep: Waits so many seconds.
    """

    explanations: Explanations
    patience_seconds: float
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def run(
        self,
        begin: Callable[[], AbstractContextManager[X]],
        work: Callable[[X], T],
        *,
        writing: bool,
        read_back: Callable[[X], T | None] | None,
        at_once: bool = False,
    ) -> T:
        """Run ``work`` in a transaction, commit it, and return its result.

        Args:
            begin: Makes a transaction; a new one for each try.
            work: May run several times, each time after what it did before was found not to be saved.
            writing: Whether there is something to save; else a broken commit is no doubt.
            read_back: Asked in a new transaction after a broken commit: the result if it was saved, None if not.
            at_once: Each statement is saved by itself, so that the doubt begins with the work.

        Raises:
            CommitOutcomeUnknownError: If nobody can tell whether the change was saved.
            DatabaseError: If the database refuses it, or cannot be reached within the patience.
        """
        patience = _Patience(self)
        name = self.explanations.dialect_name
        in_doubt = collided = False
        while True:
            committing = False
            try:
                with begin() as transaction:
                    if in_doubt and read_back is not None:
                        saved = read_back(transaction)
                        if saved is not None:
                            transaction.commit()
                            return saved
                    committing = at_once
                    result = work(transaction)
                    committing = writing
                    transaction.commit()
                    return result
            except sa.exc.DBAPIError as error:
                passing = driver_errors.is_transient(error, name)
                lost = driver_errors.is_disconnect(error, name)
                if in_doubt and isinstance(error, sa.exc.IntegrityError):
                    # The commit given up for lost arrived after all while the work was done anew: read back again.
                    passing = not collided
                    collided = True
                if committing and lost and not passing:
                    in_doubt = True
                    if read_back is None:
                        raise self._unknown(
                            "Whether the change was saved is not known: look before you repeat it.", error
                        ) from error
                if not (passing or lost) or patience.is_over():
                    if in_doubt:
                        raise self._unknown(
                            "It could not be reached again to see whether the change was saved.", error
                        ) from error
                    raise self.explanations.explain(error) from error
            patience.wait()

    def look(self, look: Callable[[], T], *, waiting: bool, explain: Callable[[sa.exc.DBAPIError], DatabaseError]) -> T:
        """Return what ``look`` returns, which changes nothing: opening a connection, reading what the database is.

        Args:
            look: May run several times.
            waiting: Whether to try again while the server cannot be reached. While it is this process that has no
                connection to give, it is tried again in any case.
            explain: Returns the error to raise for one of the driver's.

        Raises:
            DatabaseError: What ``explain`` returns.
        """
        patience = _Patience(self)
        name = self.explanations.dialect_name
        while True:
            try:
                return look()
            except sa.exc.DBAPIError as error:
                again = isinstance(error, driver_errors.ShortageError)
                if waiting:
                    again |= driver_errors.is_transient(error, name) or driver_errors.is_disconnect(error, name)
                if not again or patience.is_over():
                    raise explain(error) from error
            patience.wait()

    def _unknown(self, what: str, error: sa.exc.DBAPIError) -> CommitOutcomeUnknownError:
        shown, cause = self.explanations.shown, self.explanations.cause(error)
        return CommitOutcomeUnknownError(f"The connection to {shown} broke while saving. {what} Cause: {cause}")


class _Patience:
    """What is left of the time to keep trying, and how long to wait before the next try."""

    __slots__ = ("_attempts", "_deadline", "_delay")

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts
        self._deadline = attempts.monotonic() + attempts.patience_seconds
        self._delay = FIRST_DELAY_SECONDS

    def is_over(self) -> bool:
        return self._attempts.monotonic() + self._delay > self._deadline

    def wait(self) -> None:
        self._attempts.sleep(self._delay * random.uniform(0.5, 1.5))  # noqa: S311  (jitter, not a secret)
        self._delay = min(self._delay * 2, LONGEST_DELAY_SECONDS)
