"""Bounds how long a statement waits for a server that has gone silent, where the driver itself cannot.

PostgreSQL's own ``statement_timeout`` needs a server that is alive to enforce it, and psycopg waits without a limit.
So the connection's socket is shut down when an answer is overdue: the driver then reports a lost connection, which is
handled like any other. Owns nothing but that; must not decide what happens next.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine


class StatementWatchdog:
    """Shuts the socket of a connection whose server has not answered for too long.

    Safe for any number of connections and threads; one sleeping thread serves them all.

    Args:
        seconds: How long one statement, or a commit, may wait for its answer.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadlines: dict[int, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def install(self, engine: Engine) -> None:
        """Watch all connections of an engine whose driver connections have a ``fileno`` (psycopg)."""
        sa.event.listen(engine, "before_cursor_execute", self._before_statement)
        sa.event.listen(engine, "after_cursor_execute", self._after_statement)
        sa.event.listen(engine, "handle_error", self._after_error)
        sa.event.listen(engine, "commit", self._before_statement)
        sa.event.listen(engine, "checkin", self._returned)

    def _before_statement(self, connection: Connection, *_rest: Any) -> None:
        self.arm(connection.connection.driver_connection)

    def _after_statement(self, connection: Connection, *_rest: Any) -> None:
        self.disarm(connection.connection.driver_connection)

    def _after_error(self, context: Any) -> None:
        if context.connection is not None and not context.connection.invalidated:
            self.disarm(context.connection.connection.driver_connection)

    def _returned(self, driver_connection: Any, _record: Any) -> None:
        self.disarm(driver_connection)

    def arm(self, driver_connection: Any) -> None:
        """Expect an answer on a driver connection; given back to the pool, or disarmed, it is not watched any more."""
        number = _file_number(driver_connection)
        if number is None:
            return
        with self._changed:
            self._deadlines[number] = time.monotonic() + self._seconds
            if self._thread is None:
                self._start()

    def disarm(self, driver_connection: Any) -> None:
        """Note that the answer is there."""
        number = _file_number(driver_connection)
        if number is not None:
            with self._changed:
                self._deadlines.pop(number, None)

    def start_anew(self) -> None:
        """Forget all connections: in the child of a fork they are the parent's, and the thread is not there."""
        self._deadlines = {}
        self._changed = threading.Condition()
        self._thread = None

    def _start(self) -> None:
        thread = threading.Thread(target=self._watch, name="statement watchdog", daemon=True)
        with contextlib.suppress(RuntimeError):  # no room for a thread just now: the next statement tries again
            thread.start()
            self._thread = thread

    def _watch(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for number in [number for number, deadline in self._deadlines.items() if deadline <= now]:
                    del self._deadlines[number]
                    _shut(number)
                # Nobody wakes this thread: a deadline set meanwhile cannot be nearer than a whole period.
                nearest = min(self._deadlines.values(), default=now + self._seconds)
                self._changed.wait(max(0.01, nearest - now))


def _file_number(driver_connection: Any) -> int | None:
    try:
        return int(driver_connection.fileno())
    except Exception:  # noqa: BLE001  (a closed connection has no socket, and each driver says so its own way)
        return None


def _shut(number: int) -> None:
    # A copy of the descriptor, because closing this object must not close the driver's own.
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(number)) as copy:
        copy.shutdown(socket.SHUT_RDWR)
