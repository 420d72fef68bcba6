"""A scheduler whose database cannot be reached when it starts: a server is waited for, a refused login is not."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cutting_proxy import CuttingProxy
from scheduler_site import Site
from sqlalchemy.engine import URL, make_url

from OpenOrchestrator.database.statuses import JobStatus

pytestmark = pytest.mark.kinds("postgresql", "mariadb")

LOST = "No contact with the database"


@pytest.fixture
def url(site: Site) -> URL:
    return make_url(site.database.connection_string)


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """A port of this machine that nobody listens on yet."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        yield made


def through(door: socket.socket, url: URL) -> str:
    return url.set(host="127.0.0.1", port=door.getsockname()[1]).render_as_string(hide_password=False)


def test_a_server_that_comes_up_later_is_waited_for_and_told_once(site: Site, url: URL, door: socket.socket) -> None:
    site.single("trigger", site.robot("robot", "print('fine')"))
    daemon = site.daemon(OpenOrchestratorConnString=through(door, url))
    daemon.await_line(LOST)
    door.listen()
    proxy = CuttingProxy(str(url.host), int(url.port or 0), door)
    daemon.await_up()
    site.await_job("trigger", JobStatus.DONE)
    assert daemon.log.count(LOST) == 1
    assert "In contact with the database again" in daemon.log
    daemon.stop()
    assert daemon.await_end() == 0
    proxy.close()


def test_whoever_waits_for_a_server_can_be_stopped(site: Site, url: URL, door: socket.socket) -> None:
    daemon = site.daemon(OpenOrchestratorConnString=through(door, url))
    daemon.await_line(LOST)
    daemon.stop()
    assert daemon.await_end() == 0


def test_a_run_of_once_does_not_wait_for_a_server(site: Site, url: URL, door: socket.socket) -> None:
    once = site.once(OpenOrchestratorConnString=through(door, url))
    assert once.process.returncode == 1
    assert "Check that the server runs" in once.log


@pytest.mark.parametrize("wrong", [{"username": "nobody_of_that_name", "password": "x"}, {"database": "no_such_place"}])
def test_a_login_that_is_refused_ends_it_at_once(site: Site, url: URL, wrong: dict[str, Any]) -> None:
    daemon = site.daemon(OpenOrchestratorConnString=url.set(**wrong).render_as_string(hide_password=False))
    assert daemon.await_end() == 1
    assert "it is refused" in daemon.log
    assert LOST not in daemon.log


@pytest.mark.kinds("sqlite")
def test_a_file_that_is_not_there_ends_it_at_once(site: Site, tmp_path: Path) -> None:
    daemon = site.daemon(OpenOrchestratorConnString=f"sqlite+pysqlite:///{(tmp_path / 'missing.db').as_posix()}")
    assert daemon.await_end() == 1
    assert "There is no SQLite database" in daemon.log


def test_a_certificate_that_is_missing_ends_it_at_once(site: Site, url: URL, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.pem")
    tls = {"ssl_ca": missing}
    if url.get_backend_name() == "postgresql":
        tls = {"sslmode": "verify-ca", "sslrootcert": missing}
    daemon = site.daemon(OpenOrchestratorConnString=url.update_query_dict(tls).render_as_string(hide_password=False))
    assert daemon.await_end() == 1
    assert LOST not in daemon.log
