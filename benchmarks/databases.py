"""Databases to measure on: made for the run, dropped after it, and filled by the server itself."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.chaos.cluster import private_cluster
from OpenOrchestrator.database.schema.migrations import upgrade

POSTGRESQL_SERVER = os.environ.get("BENCH_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
MARIADB_SERVER = os.environ.get("BENCH_MARIADB", "mysql+pymysql://root@127.0.0.1:3306/mysql")
KINDS = ("sqlite", "postgresql", "mariadb")


@dataclass(frozen=True, slots=True)
class Target:
    """A database of one kind with all tables.

    Attributes:
        kind: sqlite, postgresql or mariadb.
        url: SQLAlchemy URL.
    """

    kind: str
    url: str

    def raw(self) -> Any:
        """Return a new connection of the bare driver, in autocommit."""
        parsed = sa.engine.make_url(self.url)
        if self.kind == "sqlite":
            import sqlite3

            connection = sqlite3.connect(str(parsed.database), isolation_level=None, timeout=30)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            return connection
        if self.kind == "postgresql":
            import psycopg

            return psycopg.connect(
                host=parsed.host, port=parsed.port, user=parsed.username, dbname=parsed.database, autocommit=True
            )
        import pymysql

        return pymysql.connect(
            host=parsed.host or "127.0.0.1",
            port=parsed.port or 3306,
            user=parsed.username,
            password=str(parsed.password or ""),
            database=parsed.database,
            autocommit=True,
        )

    def run(self, statement: str) -> None:
        """Execute one statement and commit."""
        connection = self.raw()
        try:
            connection.cursor().execute(statement)
        finally:
            connection.close()

    def fill_queue(self, queue: str, count: int, *, done_share: float = 0.0) -> None:
        """Insert so many elements by one statement; the oldest ``done_share`` of them are Done, the rest New."""
        done = int(count * done_share)
        self.run(
            {
                "sqlite": f"""WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
                    INSERT INTO "Queues" (id, queue_name, status, data, reference, created_date)
                    SELECT lower(hex(randomblob(16))), '{queue}', CASE WHEN i <= {done} THEN 'DONE' ELSE 'NEW' END,
                    'data', 'ref ' || i, strftime('%Y-%m-%d %H:%M:%f000', '2026-01-01', i || ' seconds') FROM n""",
                "postgresql": f"""INSERT INTO "Queues" (id, queue_name, status, data, reference, created_date)
                    SELECT gen_random_uuid(), '{queue}',
                    (CASE WHEN i <= {done} THEN 'DONE' ELSE 'NEW' END)::queuestatus,
                    'data', 'ref ' || i, timestamp '2026-01-01' + i * interval '1 second'
                    FROM generate_series(1, {count}) i""",
                "mariadb": f"""INSERT INTO `Queues` (id, queue_name, status, data, reference, created_date)
                    SELECT REPLACE(UUID(), '-', ''), '{queue}', IF(seq <= {done}, 'DONE', 'NEW'),
                    'data', CONCAT('ref ', seq), CAST('2026-01-01' AS DATETIME(6)) + INTERVAL seq SECOND
                    FROM seq_1_to_{count}""",
            }[self.kind]
        )
        self.analyze()

    def analyze(self) -> None:
        """Bring the planner's statistics up to date."""
        names = ("Queues", "Triggers", "Single_Triggers", "Scheduled_Triggers", "Queue_Triggers", "Jobs")
        self.run(
            {
                "sqlite": "ANALYZE",
                "postgresql": "VACUUM ANALYZE " + ", ".join(f'"{name}"' for name in names),
                "mariadb": "ANALYZE TABLE " + ", ".join(f"`{name}`" for name in names),
            }[self.kind]
        )


@contextmanager
def target(kind: str) -> Iterator[Target]:
    """Make an upgraded database of a kind, and drop it afterwards.

    Raises:
        OSError: If the server cannot be reached.
    """
    name = f"oo_bench_{os.getpid()}_{uuid.uuid4().hex[:8]}"
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            made = Target(kind, f"sqlite+pysqlite:///{Path(folder) / 'bench.db'}")
            upgrade(made.url, zone="Europe/Copenhagen")
            yield made
        return
    server = sa.create_engine(
        POSTGRESQL_SERVER if kind == "postgresql" else MARIADB_SERVER, isolation_level="AUTOCOMMIT"
    )
    try:
        with server.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except sa.exc.OperationalError as error:
        raise OSError(f"no {kind} server answers: {str(error.orig).strip()}") from error
    made = Target(kind, server.url.set(database=name).render_as_string(hide_password=False))
    try:
        upgrade(made.url, zone="Europe/Copenhagen")
        yield made
    finally:
        with suppress(sa.exc.DBAPIError), server.connect() as connection:
            force = " WITH (FORCE)" if kind == "postgresql" else ""
            connection.exec_driver_sql(f"DROP DATABASE {name}{force}")
        server.dispose()


@contextmanager
def private_target(kind: str) -> Iterator[Target]:
    """Start a server of a kind for one run, with an upgraded database; remove both afterwards.

    Nobody else is connected to it, and it allows more connections than servers do by default.

    Raises:
        OSError: If the programs of the server are not here, or it does not start.
    """
    with private_cluster(kind, is_measured=True) as cluster:
        made = Target(kind, cluster.url())
        upgrade(made.url, zone="Europe/Copenhagen")
        yield made
