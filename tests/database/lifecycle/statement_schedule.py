"""Runs several transactions at once, statement by statement, in every order that the database lets them have.

Each actor is a thread that stops before each statement that writes or locks, and before each commit, until it is let
go. One is let go at a time; one that waits for a lock of another is left waiting until that one has moved on. Which
sessions wait for a lock, the database is asked.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.driver_cursor import DriverTransaction

PATIENCE_SECONDS = 60.0
_HOLDS = re.compile(r"^\s*(UPDATE|INSERT|DELETE|WITH)\b|FOR UPDATE|FOR SHARE|LOCK IN SHARE MODE", re.IGNORECASE)


class Actor(threading.Thread):
    """One transaction, or a few, in a thread of its own.

    Args:
        name: For the story.
        act: What it does.
        database: A database of its own, with connections of its own.
    """

    def __init__(self, name: str, act: Callable[[Database], Any], database: Database) -> None:
        super().__init__(name=name, daemon=True)
        self.database = database
        self.result: Any = None
        self.at: str | None = None
        self.is_over = False
        self._act = act
        self._go = threading.Semaphore(0)

    def run(self) -> None:
        try:
            self.result = self._act(self.database)
        except Exception as error:
            self.result = error
        self.is_over = True

    def hold(self, statement: str) -> None:
        """Stop before a statement, until let go."""
        if statement == "COMMIT" or _HOLDS.search(statement):
            self.at = " ".join(statement.split())[:60]
            assert self._go.acquire(timeout=PATIENCE_SECONDS)

    def let_go(self) -> None:
        """Go on to the next statement."""
        self.at = None
        self._go.release()

    @property
    def is_under_way(self) -> bool:
        """Whether it is neither held nor over: it runs, or waits for a lock."""
        return self.at is None and not self.is_over


class Locks:
    """Asks a database how many of its sessions wait for a lock."""

    def __init__(self, database: Database) -> None:
        self._kind = database.dialect_name
        self._name = database.engine.url.database
        self._connection = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def close(self) -> None:
        self._connection.close()

    def waiting(self) -> int:
        if self._kind == "postgresql":
            query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
            return int(self._connection.exec_driver_sql(query, (self._name,)).scalar_one())
        query = "SELECT id FROM information_schema.processlist WHERE db = %s"
        ours = {str(one) for one in self._connection.exec_driver_sql(query, (self._name,)).scalars()}
        status = str(self._connection.exec_driver_sql("SHOW ENGINE INNODB STATUS").one()[2])
        transactions = status.partition("LIST OF TRANSACTIONS")[2].split("---TRANSACTION")
        waiting = [re.search(r"thread id (\d+)", one) for one in transactions if "LOCK WAIT" in one]
        return sum(found is not None and found[1] in ours for found in waiting)


def _held(statement: str) -> None:
    thread = threading.current_thread()
    if isinstance(thread, Actor):
        thread.hold(statement)


@contextmanager
def holding() -> Iterator[None]:
    """Make the statements of actors stop, those of everybody else pass."""
    execute, commit = DriverTransaction._execute, DriverTransaction.commit

    def held_execute(self: DriverTransaction, statement: Any, values: Any) -> None:
        _held(statement.sql)
        execute(self, statement, values)

    def held_commit(self: DriverTransaction) -> None:
        if self._at_hand is None:
            _held("COMMIT")
        commit(self)

    def before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        _held(statement)

    def before_commit(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            _held("COMMIT")

    DriverTransaction._execute, DriverTransaction.commit = held_execute, held_commit  # type: ignore[method-assign]
    sa.event.listen(sa.Engine, "before_cursor_execute", before)
    sa.event.listen(sa.Engine, "commit", before_commit)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", before)
        sa.event.remove(sa.Engine, "commit", before_commit)
        DriverTransaction._execute, DriverTransaction.commit = execute, commit  # type: ignore[method-assign]


class Schedules:
    """Takes actors through all orders of their statements, or as many as are wanted.

    Args:
        database: Whose rows they work on.
        acts: What each does, by name.
        most: How many orders at most; beyond them others are left out, always the same.
    """

    def __init__(self, database: Database, acts: dict[str, Callable[[Database], Any]], *, most: int) -> None:
        self._acts = acts
        self._most = most
        self._chance = random.Random(1)
        self._locks = Locks(database)
        self._databases = [
            Database(database.connection_string, clock=SettableClock(database.utc_now()), pool_size=1) for _ in acts
        ]
        for one in self._databases:
            one.site_now()  # what is read once is read before
        self.count = 0

    def close(self) -> None:
        self._locks.close()
        for one in self._databases:
            one.close()

    def __iter__(self) -> Iterator[tuple[dict[str, Any], list[str]]]:
        """Run one order after the other, each when it is asked for.

        Yields:
            What each actor returned or raised, and the story.
        """
        untried: list[list[int]] = [[]]
        while untried and self.count < self._most:
            prefix = untried.pop(self._chance.randrange(len(untried)))
            results, story, choices = self._run(prefix)
            for place in range(len(prefix), len(choices)):
                chosen, possible = choices[place]
                done = [one for one, _ in choices[:place]]
                untried += [[*done, other] for other in possible if other != chosen]
            self.count += 1
            yield results, story

    def _run(self, prefix: Sequence[int]) -> tuple[dict[str, Any], list[str], list[tuple[int, list[int]]]]:
        actors = [
            Actor(name, act, database)
            for (name, act), database in zip(self._acts.items(), self._databases, strict=True)
        ]
        story: list[str] = []
        choices: list[tuple[int, list[int]]] = []
        with holding():
            for actor in actors:
                actor.start()
            while True:
                self._settle(actors, story)
                possible = [number for number, actor in enumerate(actors) if actor.at is not None]
                if not possible:
                    break
                wanted = prefix[len(choices)] if len(choices) < len(prefix) else self._chance.choice(possible)
                chosen = wanted if wanted in possible else possible[0]
                choices.append((chosen, possible))
                story.append(f"{actors[chosen].name}: {actors[chosen].at}")
                actors[chosen].let_go()
            for actor in actors:
                actor.join(PATIENCE_SECONDS)
                assert actor.is_over, "\n".join([*story, f"{actor.name} does not end"])
        return {actor.name: actor.result for actor in actors}, story, choices

    def _settle(self, actors: Sequence[Actor], story: list[str]) -> None:
        """Wait until every actor is held, over, or waits for a lock that one who is held has."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        seen = 0
        while under_way := [actor for actor in actors if actor.is_under_way]:
            assert time.monotonic() < deadline, "\n".join([*story, f"{under_way[0].name} gets nowhere"])
            time.sleep(0.002)
            waits = any(actor.at for actor in actors) and self._locks.waiting() >= len(under_way)
            seen = seen + 1 if waits else 0
            if seen == 2:
                story.append(f"  ({', '.join(actor.name for actor in under_way)} waits)")
                return
