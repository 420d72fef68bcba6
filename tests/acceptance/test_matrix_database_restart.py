"""The database restarts at once, without a word to anybody, while schedulers and robots work on it.

On a private server, because nothing else may be connected to one that is crashed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from scheduler_site import Site, wait_for

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import QueueElement
from OpenOrchestrator.database.statuses import JobStatus, QueueStatus, TriggerStatus

if sys.platform == "win32":
    pytest.skip("the private server is started as on POSIX systems", allow_module_level=True)

from benchmarks.chaos.cluster import Cluster, private_cluster
from benchmarks.chaos.programs import ServerMissingError

ELEMENTS = 60

WORKER = f"""
    import os
    from OpenOrchestrator.database.queues import QueueStatus
    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

    connection = OrchestratorConnection.create_connection_from_args()
    effects = os.open("effects", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while element := connection.get_next_queue_element("orders"):
        os.write(effects, f"{{element.reference}}\\n".encode())
        connection.set_queue_element_status(element.id, QueueStatus.DONE, "worked")
        if int(element.reference) in ({ELEMENTS // 3}, {2 * ELEMENTS // 3}):
            # Not to be through with everything before the server is gone.
            name = f"crashed{{element.reference}}"
            while not os.path.exists(name):
                connection.log_trace("waiting")
    """


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    try:
        with private_cluster("postgresql") as made:
            yield made
    except ServerMissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def site(cluster: Cluster, tmp_path: Path) -> Iterator[Site]:
    engine = sa.create_engine(cluster.url(), poolclass=sa.NullPool)
    Base.metadata.create_all(engine)
    engine.dispose()
    made = Site(Database(cluster.url()), tmp_path)
    yield made
    made.close()


def test_an_immediate_restart_loses_nothing_and_doubles_nothing(cluster: Cluster, site: Site) -> None:
    queue = site.queue("queue", site.robot("worker", WORKER, ours=True), "orders")
    site.elements("orders", ELEMENTS)
    long = site.single("long", site.gated_robot("long", "gate"))
    first, second = (site.daemon(name=f"worker {number}").await_up() for number in range(2))
    site.await_start("long")
    site.await_job("long", JobStatus.RUNNING)
    effects = site.folder / "effects"

    def worked() -> list[str]:
        return effects.read_text().split() if effects.exists() else []

    for reference in (ELEMENTS // 3, 2 * ELEMENTS // 3):
        wait_for(f"element {reference}", lambda: str(reference) in worked(), seconds=60, context=site.state)  # noqa: B023
        cluster.crash()
        (site.folder / f"crashed{reference}").touch()
    # What falls due after it is started as before.
    after = site.single("after", site.robot("after", "print('hello')"))
    assert site.await_job("after", JobStatus.DONE, seconds=60).attempt == 1
    assert site.await_job("queue", seconds=60).status is JobStatus.DONE, site.state()
    site.open("gate")
    assert site.await_job("long", seconds=60).status is JobStatus.DONE, site.state()
    assert sorted(worked(), key=int) == [str(number) for number in range(ELEMENTS)], "an effect is missing or doubled"
    assert len(site.starts("long")) == 1
    elements = site.database.read(lambda session: session.scalars(sa.select(QueueElement)).all())
    assert {element.status for element in elements} == {QueueStatus.DONE}
    assert [site.status(trigger) for trigger in (queue, long, after)] == [
        TriggerStatus.IDLE,
        TriggerStatus.DONE,
        TriggerStatus.DONE,
    ]
    for daemon in (first, second):
        assert daemon.process.poll() is None, daemon.log
        daemon.stop()
        assert daemon.await_end() == 0
