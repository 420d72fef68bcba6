"""One OrchestratorConnection in many hands: threads, children of a fork, copies, and other processes."""

from __future__ import annotations

import copy
import json
import multiprocessing
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import forking_robot
import pytest
import sqlalchemy as sa

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.errors import NotFoundError, OwnershipLostError
from OpenOrchestrator.database import default
from OpenOrchestrator.database.constants import Constant
from OpenOrchestrator.database.engine import connecting
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import JobStatus, QueueStatus
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

KEY = crypto_util.generate_key().decode()
THREADS = 40


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    yield
    default.set_default(None)
    crypto_util.set_key(None)


@pytest.fixture
def robot(database: Database) -> Iterator[OrchestratorConnection]:
    connection = OrchestratorConnection("process", database.connection_string, KEY, "arguments")
    yield connection
    connection.close()


def statuses(database: Database, queue_name: str) -> set[QueueStatus]:
    query = sa.select(QueueElement.status).where(QueueElement.queue_name == queue_name)
    return database.read(lambda session: set(session.scalars(query)))


def test_forty_threads_share_a_robots_few_connections(
    database: Database, robot: OrchestratorConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.write(lambda session: session.add(Constant(name="a", value="b")))
    robot.bulk_create_queue_elements("queue", [f"{number}" for number in range(4 * THREADS)], [None] * 4 * THREADS)
    at_once = threading.Barrier(THREADS)

    def work(_number: int) -> list[str | None]:
        at_once.wait(60)
        taken = []
        for _ in range(4):
            element = robot.get_next_queue_element("queue")
            assert element is not None
            assert robot.get_constant("a").value == "b"
            robot.log_info(element.reference)
            robot.set_queue_element_status(element.id, QueueStatus.DONE)
            taken.append(element.reference)
        return taken

    with ThreadPoolExecutor(THREADS) as pool:
        taken = [reference for references in pool.map(work, range(THREADS)) for reference in references]
    assert sorted(taken) == sorted(f"{number}" for number in range(4 * THREADS))
    assert statuses(database, "queue") == {QueueStatus.DONE}


def test_threads_that_claim_leave_connections_for_those_that_read(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "POOL_TIMEOUT_SECONDS", 2)
    own = Database(database.connection_string, pool_size=1, extra_connections=3, patience_seconds=0)
    assert own.zone
    robot = OrchestratorConnection("process", database.connection_string, KEY, "")
    robot._database = own
    claimed = threading.Barrier(5)

    def claim(_number: int) -> None:
        for _ in range(20):
            robot.get_next_queue_element("queue")
        claimed.wait(60)

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(claim, number) for number in range(4)]
        claimed.wait(60)
        for work in working:
            work.result()
    taken = [own.engine.connect() for _ in range(3)]
    for connection in taken:
        connection.close()
    own.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_children_of_a_fork_and_the_threads_of_their_parent_use_connections_of_their_own(database: Database) -> None:
    database.write(lambda session: session.add(Constant(name="who", value="all")))
    program = Path(forking_robot.__file__)
    done = subprocess.run(
        [sys.executable, str(program), database.connection_string],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    found = json.loads(done.stdout)
    assert found["exits"] == [0] * forking_robot.CHILDREN, done.stderr
    taken = [reference for references in found["took"].values() for reference in references]
    assert sorted(taken) == sorted(f"{number}" for number in range(forking_robot.ELEMENTS))
    assert statuses(database, "queue") == statuses(database, "held") == {QueueStatus.DONE}


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda robot: pickle.loads(pickle.dumps(robot))])
def test_a_copy_connects_anew_and_holds_what_the_original_holds(
    database: Database, robot: OrchestratorConnection, way: object
) -> None:
    robot.create_queue_element("queue", "first")
    element = robot.get_next_queue_element("queue")
    assert element is not None
    robot.extra = ["of", "the", "robot"]  # type: ignore[attr-defined]
    twin: OrchestratorConnection = way(robot)  # type: ignore[operator]
    robot.close()
    assert (twin.process_name, twin.process_arguments, twin.job_id) == ("process", "arguments", None)
    assert twin.extra == ["of", "the", "robot"]  # type: ignore[attr-defined]
    assert twin._database is not robot._database
    assert default.get_default() is robot._database
    database.write(
        lambda session: session.execute(sa.update(QueueElement).values(claim_token=None, status=QueueStatus.NEW))
    )
    with pytest.raises(OwnershipLostError):  # it was put back meanwhile
        twin.set_queue_element_status(element.id, QueueStatus.DONE)
    twin.log_info("twin")
    twin.close()


def test_neither_a_copy_nor_what_is_shown_of_it_tells_secrets(robot: OrchestratorConnection) -> None:
    twin = copy.deepcopy(robot)
    for text in (repr(twin), str(twin)):
        assert KEY not in text
        assert "://" not in text


def finish(connection: OrchestratorConnection, element: QueueElement) -> UUID:
    connection.set_queue_element_status(element.id, QueueStatus.DONE)
    assert default.find_default() is not None
    return element.id


@pytest.mark.parametrize("start", ["spawn", "forkserver", "fork"])
def test_another_process_works_with_a_connection_that_was_handed_to_it(
    database: Database, robot: OrchestratorConnection, start: str
) -> None:
    if start not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {start}")
    robot.bulk_create_queue_elements("queue", ["a", "b"], [None, None])
    elements = [robot.get_next_queue_element("queue") for _ in range(2)]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(start)) as pool:
        finished = list(pool.map(finish, [robot] * 2, elements))
    assert finished == [element.id for element in elements if element is not None]
    assert statuses(database, "queue") == {QueueStatus.DONE}


def take_three(connection: OrchestratorConnection) -> list[QueueElement]:
    """Take elements in threads of this process, and log with each."""

    def take(_number: int) -> QueueElement:
        element = connection.get_next_queue_element("queue")
        assert element is not None
        connection.log_info(element.reference)
        return element

    with ThreadPoolExecutor(3) as threads:
        return list(threads.map(take, range(3)))


@pytest.mark.parametrize("start", ["spawn", "forkserver", "fork"])
def test_what_a_pool_takes_its_parent_finishes_in_the_name_of_their_job(database: Database, start: str) -> None:
    if start not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {start}")
    job_id = uuid4()
    job = Job(
        id=job_id,
        process_name="process",
        scheduler_name="scheduler",
        status=JobStatus.RUNNING,
        start_time=database.site_now(),
    )
    database.write(lambda session: session.add(job))
    robot = OrchestratorConnection("process", database.connection_string, KEY, "", None, str(job_id))
    robot.bulk_create_queue_elements("queue", list("abcdef"), [None] * 6)
    pool = multiprocessing.get_context(start).Pool(2)
    try:
        with pytest.raises(NotFoundError, match="No constant with name 'nothing'"):
            pool.apply(robot.get_constant, ("nothing",))
        taken = [element for elements in pool.map(take_three, [robot] * 2) for element in elements]
    finally:
        pool.close()
        pool.join()
    assert sorted(str(element.reference) for element in taken) == list("abcdef")
    assert {element.job_id for element in taken} == {job_id}
    for element in taken[:5]:
        robot.set_queue_element_status(element.id, QueueStatus.DONE)
    logged = database.read(lambda session: session.execute(sa.select(Log.log_message, Log.job_id)).all())
    assert sorted(logged) == [(letter, job_id) for letter in "abcdef"]
    # The end of the job takes from all of them what nobody finished.
    database.write(lambda session: session.execute(sa.update(Job).values(status=JobStatus.DONE)))
    with pytest.raises(OwnershipLostError):
        robot.set_queue_element_status(taken[5].id, QueueStatus.DONE)
    robot.close()
