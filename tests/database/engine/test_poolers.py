"""PostgreSQL behind PgBouncer in transaction mode: everything works, and the time-outs hold."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from databases import Server
from sqlalchemy.engine import make_url

from OpenOrchestrator.common.errors import TransientDatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.poolers import PoolerWatch
from OpenOrchestrator.database.lifecycle.element_claims import claim_next
from OpenOrchestrator.database.lifecycle.element_status import StatusWrite, write_status
from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.schema import migrations
from OpenOrchestrator.database.statuses import LogLevel, QueueStatus
from OpenOrchestrator.database.stores import logs, queue_elements

pytestmark = pytest.mark.kinds("postgresql")

NOW = datetime(2026, 1, 1, 1)
TIME_OUTS = [("lock_timeout", "5s"), ("statement_timeout", "1min"), ("idle_in_transaction_session_timeout", "15s")]


@pytest.fixture(params=["", "options"], ids=["refuses settings", "drops settings"])
def bouncer(request: pytest.FixtureRequest, database_server: Server, tmp_path: Path) -> Iterator[int]:
    """The port of a PgBouncer before the server of this test, which gives each transaction another of two sessions."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
    if program is None:
        pytest.skip("PgBouncer is not installed (Debian: apt-get install pgbouncer)")
    server = make_url(database_server.make_empty())
    if server.host != "127.0.0.1":
        pytest.skip("the server of this test is not reached through TCP")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path / "bouncer"
    folder.mkdir()
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": 2,
        "server_round_robin": 1,
        "ignore_startup_parameters": request.param,
    }
    lines = [f"{name} = {value}" for name, value in settings.items()]
    target = f"* = host=127.0.0.1 port={server.port} user={server.username}"
    configuration = folder / "pgbouncer.ini"
    configuration.write_text("\n".join(["[databases]", target, "[pgbouncer]", *lines, ""]))
    configuration.chmod(0o644)
    as_nobody = ["-u", "nobody"] if os.name == "posix" and os.geteuid() == 0 else []
    for parent in (folder, *folder.parents[:3]):  # it is read by nobody
        parent.chmod(parent.stat().st_mode | 0o055)
    process = subprocess.Popen([program, "-q", *as_nobody, str(configuration)], stderr=subprocess.PIPE)
    try:
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except ConnectionRefusedError:
                continue
        if process.poll() is not None:
            assert process.stderr is not None
            pytest.fail(f"PgBouncer ended: {process.stderr.read().decode()}")
        yield port
    finally:
        process.terminate()
        process.wait(30)
        database_server.drop(server.render_as_string(hide_password=False))


@pytest.fixture
def pooled(bouncer: int, database: Database) -> Iterator[Database]:
    """The database of this test through the pooler."""
    url = make_url(database.connection_string).set(port=bouncer)
    made = Database(url.render_as_string(hide_password=False), clock=database.clock)
    yield made
    made.close()


def settings_of(database: Database) -> list[tuple[str, str]]:
    def work(session: object) -> list[tuple[str, str]]:
        connection = session.connection()  # type: ignore[attr-defined]
        return [(name, connection.scalar(sa.text(f"SHOW {name}"))) for name, _ in TIME_OUTS]

    return database.read(work)


def test_without_a_pooler_a_session_keeps_the_time_outs(database: Database) -> None:
    assert settings_of(database) == TIME_OUTS
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert connection.scalar(sa.text("SHOW lock_timeout")) == "5s"
    assert database._pooler is not None
    assert database._pooler.is_between is False


def test_each_transaction_through_a_pooler_has_the_time_outs(pooled: Database) -> None:
    for _ in range(5):
        assert settings_of(pooled) == TIME_OUTS
    assert pooled._pooler is not None
    assert pooled._pooler.is_between is True


def test_robots_work_through_a_pooler_however_often_a_statement_is_run(pooled: Database) -> None:
    rows = queue_elements.new_rows(
        "postgresql", queue_name="queue", references=[str(n) for n in range(60)], data=["d"] * 60, created_by=None
    )
    pooled.write(lambda session: queue_elements.insert_rows(session, rows, created_date=NOW))
    taken: list[str | None] = []
    failed: list[BaseException] = []

    def robot() -> None:
        own = Database(pooled.connection_string)
        try:
            while (element := claim_next(own, "queue")) is not None:
                taken.append(element.reference)
                finish(own, element)
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            own.close()

    threads = [threading.Thread(target=robot) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert sorted(map(int, filter(None, taken))) == list(range(60))
    done = queue_elements.ElementFilter(queue_name="queue", status=QueueStatus.DONE)
    assert pooled.read(lambda session: queue_elements.count(session, done)) == 60
    assert pooled.read(lambda session: session.scalar(sa.select(sa.func.count()).select_from(Log))) == 60


def finish(database: Database, element: QueueElement) -> None:
    token = vars(element)["claim_token"]
    wanted = StatusWrite(element_id=element.id, status=QueueStatus.DONE, message=None, job_id=None, token=token)
    write_status(database, wanted)
    log_id, values = uuid4(), {"process_name": "p", "level": LogLevel.INFO, "job_id": None, "message": "m"}
    database.write_statement(
        lambda connection: logs.insert(connection, log_time=NOW, log_id=log_id, **values),
        read_back=lambda connection: True if logs.exists(connection, log_id) else None,
    )


def test_a_locked_row_is_not_waited_for_without_end(
    database: Database, pooled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("OpenOrchestrator.database.engine.connecting.LOCK_TIMEOUT_SECONDS", 1)
    impatient = Database(pooled.connection_string, patience_seconds=0)
    element = database.write(
        lambda session: queue_elements.create(
            session, queue_name="q", reference=None, data=None, created_by=None, created_date=NOW
        )
    )
    with database.connection(writing=True) as connection:
        connection.execute(sa.update(QueueElement).values(message="locked"))
        wanted = StatusWrite(element_id=element.id, status=QueueStatus.DONE, message=None, job_id=None, token=None)
        with pytest.raises(TransientDatabaseError, match="lock timeout"):
            write_status(impatient, wanted)
    impatient.close()


def test_an_upgrade_goes_through_a_pooler(bouncer: int, empty_database_url: str) -> None:
    url = make_url(empty_database_url).set(port=bouncer).render_as_string(hide_password=False)
    assert migrations.upgrade(url, zone="Europe/Copenhagen").changed_anything
    assert not migrations.upgrade(url).changed_anything


def test_what_the_connection_string_says_itself_is_passed_on(database: Database) -> None:
    url = make_url(database.connection_string).update_query_dict({"options": "-c search_path=other"})
    own = Database(url.render_as_string(hide_password=False))
    assert own.read(lambda session: session.scalar(sa.text("SHOW search_path"))) == "other"
    assert settings_of(own) == TIME_OUTS
    own.close()


class RefusingDialect:
    """Connects as to a pooler that takes no settings."""

    loaded_dbapi = psycopg

    def __init__(self) -> None:
        self.asked: list[object] = []

    def connect(self, **named: object) -> object:
        self.asked.append(named.get("options"))
        if "options" in named:
            raise psycopg.OperationalError("FATAL:  unsupported startup parameter: options")
        return object()


def test_what_the_connection_string_says_itself_is_never_dropped() -> None:
    dialect = RefusingDialect()
    with pytest.raises(psycopg.OperationalError):
        PoolerWatch({"lock_timeout": "5s"}, "-c search_path=other").connect(dialect, [], {})  # type: ignore[arg-type]
    own = "-c search_path=other"
    assert dialect.asked == [f"-c lock_timeout=5s -c openorchestrator.session=1 {own}", own]
    watch = PoolerWatch({"lock_timeout": "5s"}, "")
    assert watch.connect(dialect, [], {})  # type: ignore[arg-type]
    assert watch.is_between
