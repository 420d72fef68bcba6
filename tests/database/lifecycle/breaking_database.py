"""A SQLite database whose clock stands still, and whose commits break when they are told to."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database


class BreakingDatabase(Database):
    """A SQLite database on a virtual clock whose next commit can be told to break.

    Attributes:
        commit_breaks: Breaks the next commit that can be read back: True after it was saved, False before.
        meanwhile: Called once before the next write: what somebody else does between a look and a write.
    """

    def __init__(self, connection_string: str, *, clock: SettableClock) -> None:
        self.database_clock = SettableClock(clock.now)
        self.commit_breaks: bool | None = None
        self.meanwhile: Callable[[], None] | None = None
        super().__init__(connection_string, clock=clock)
        self._attempts = replace(self._attempts, monotonic=lambda: 0.0, sleep=lambda _seconds: None)
        sa.event.listen(self.engine, "connect", self._replace_clock)

    def _replace_clock(self, connection: sqlite3.Connection, _record: Any) -> None:
        def strftime(_format: str, _now: str, plus: str) -> str:
            at = self.database_clock.now + timedelta(seconds=float(plus.removesuffix(" seconds")))
            return at.strftime("%Y-%m-%d %H:%M:%S.%f")

        connection.create_function("strftime", 3, strftime)

    def _run(self, begin: Any, work: Any, *, writing: bool, read_back: Any, at_once: bool = False) -> Any:
        if writing and self.meanwhile is not None:
            act, self.meanwhile = self.meanwhile, None
            act()
        if writing and read_back is not None and self.commit_breaks is not None:
            begin = self._breaking(begin, saved=self.commit_breaks)
            self.commit_breaks = None
        return super()._run(begin, work, writing=writing, read_back=read_back, at_once=at_once)

    @staticmethod
    def _breaking(begin: Any, *, saved: bool) -> Any:
        broken: list[bool] = []

        @contextmanager
        def beginning() -> Iterator[Any]:
            with begin() as transaction:
                if not broken:
                    commit = transaction.commit

                    def break_it() -> None:
                        broken.append(True)
                        if saved:
                            commit()
                        raise sa.exc.OperationalError("COMMIT", {}, Exception("cut"), connection_invalidated=True)

                    transaction.commit = break_it
                yield transaction

        return beginning
