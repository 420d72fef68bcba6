"""Files of elements and jobs: what a robot attaches is what is found, whole or not at all, on each kind of database."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import DatabaseError, InvalidInputError, NotFoundError
from OpenOrchestrator.database import default
from OpenOrchestrator.database.attachments import Attachment, AttachmentPiece
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.jobs import Job
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import AttachmentOwner, JobStatus
from OpenOrchestrator.database.stores import attachment_files, attachments
from OpenOrchestrator.database.stores.attachments import FileLimits
from OpenOrchestrator.orchestrator_connection import stored_files
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

ELEMENT = AttachmentOwner.ELEMENT
CONTENT = bytes(range(256)) * 5000  # 1.28 MB: five pieces, so two transactions


@pytest.fixture
def robot(database: Database) -> Iterator[OrchestratorConnection]:
    connection = OrchestratorConnection("Payer", database.connection_string, None, "")
    yield connection
    connection.close()
    default.set_default(None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "receipt ø.pdf"
    path.write_bytes(CONTENT)
    return path


def rows(database: Database) -> tuple[int, int]:
    """How many files and pieces there are, shown or not."""
    count = sa.func.count()
    return database.read(
        lambda session: (
            session.scalar(sa.select(count).select_from(Attachment)) or 0,
            session.scalar(sa.select(count).select_from(AttachmentPiece)) or 0,
        )
    )


def names(database: Database, element_id: UUID) -> list[str]:
    return [row.name for row in database.read(lambda session: attachments.find(session, ELEMENT, element_id))]


def set_limits(database: Database, one: int, together: int) -> None:
    database.write(lambda session: attachments.set_limits(session, FileLimits(one, together)))


def test_a_robot_attaches_and_another_one_reads(
    database: Database, robot: OrchestratorConnection, file: Path, tmp_path: Path
) -> None:
    element_id = robot.create_queue_element("Orders", "1001").id
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    robot.attach_to_queue_element(str(element_id), empty)
    folder = tmp_path / "there"
    folder.mkdir()
    for element in robot.work("Orders"):
        with element:
            attached = element.attach(file)
            assert [found.name for found in element.files()] == ["empty", file.name]
            element.done()
            element.attach(str(file), "after the verdict.csv")
    assert (attached.name, attached.size, attached.media_type) == ("receipt ø.pdf", len(CONTENT), "application/pdf")
    first, second, third = robot.get_queue_element_files(element_id)
    assert (first.read(), first.media_type) == (b"", "application/octet-stream")
    assert second.read() == CONTENT
    assert second.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert third.save(folder) == folder / "after the verdict.csv"
    assert third.save(folder).read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["after the verdict.csv"]
    assert rows(database) == (3, 10)


def test_files_of_a_job_are_apart_from_those_of_an_element(database: Database, file: Path) -> None:
    job = Job(
        id=uuid4(), process_name="p", scheduler_name="s", status=JobStatus.RUNNING, start_time=database.site_now()
    )
    database.write(lambda session: session.add(job))
    stored_files.attach(database, AttachmentOwner.JOB, job.id, file, None)
    (found,) = stored_files.files(database, AttachmentOwner.JOB, job.id)
    assert found.read() == CONTENT
    assert stored_files.files(database, ELEMENT, job.id) == []


def test_nothing_is_left_of_what_is_refused(
    database: Database, robot: OrchestratorConnection, file: Path, tmp_path: Path
) -> None:
    element_id = robot.create_queue_element("Orders").id
    set_limits(database, 1, 2)
    with pytest.raises(InvalidInputError, match="at least 1280000 bytes, but a file can have 1000000"):
        robot.attach_to_queue_element(element_id, file)
    set_limits(database, 2, 2)
    robot.attach_to_queue_element(element_id, file)
    with pytest.raises(InvalidInputError, match="have 1280000 already: together they may have 2000000"):
        robot.attach_to_queue_element(element_id, file)
    with pytest.raises(NotFoundError, match="no queue element"):
        robot.attach_to_queue_element(uuid4(), file)
    with pytest.raises(InvalidInputError, match=r"is no file|cannot be read"):
        robot.attach_to_queue_element(element_id, tmp_path)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        robot.attach_to_queue_element(element_id, tmp_path / "missing")
    for name in ("../up", "a\\b", "..", "a\nb", " ", "x" * 256):
        with pytest.raises(InvalidInputError, match="name of the file"):
            robot.attach_to_queue_element(element_id, file, name)
    assert names(database, element_id) == [file.name]
    assert rows(database) == (1, 5)


@pytest.mark.parametrize("broken_at", [1, 2])
def test_an_interrupted_upload_leaves_nothing(
    database: Database, robot: OrchestratorConnection, file: Path, monkeypatch: pytest.MonkeyPatch, broken_at: int
) -> None:
    element_id = robot.create_queue_element("Orders").id
    store, calls = attachment_files._store, []

    def interrupted(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == broken_at:
            raise KeyboardInterrupt
        store(*arguments)
        assert names(database, element_id) == []

    monkeypatch.setattr(attachment_files, "_store", interrupted)
    with pytest.raises(KeyboardInterrupt):
        robot.attach_to_queue_element(element_id, file)
    assert rows(database) == (0, 0)


def test_a_file_that_changes_while_it_is_read_is_refused(
    database: Database, robot: OrchestratorConnection, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    element_id = robot.create_queue_element("Orders").id
    monkeypatch.setattr(attachment_files, "_measured", lambda *_: (len(CONTENT), hashlib.sha256(b"").hexdigest()))
    with pytest.raises(InvalidInputError, match="changed while it was read"):
        robot.attach_to_queue_element(element_id, file)
    assert rows(database) == (0, 0)


def test_an_element_that_is_deleted_meanwhile_gets_no_file(
    database: Database, robot: OrchestratorConnection, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    element_id = robot.create_queue_element("Orders").id
    store = attachment_files._store

    def store_and_delete(*arguments: Any) -> None:
        store(*arguments)
        if arguments[2] == 1:
            robot.delete_queue_element(element_id)

    monkeypatch.setattr(attachment_files, "_store", store_and_delete)
    with pytest.raises(NotFoundError):
        robot.attach_to_queue_element(element_id, file)
    assert rows(database) == (0, 0)


def test_several_at_once_do_not_pass_the_limit_together(database: Database, file: Path) -> None:
    element = QueueElement(id=uuid4(), queue_name="Orders")
    database.write(lambda session: session.add(element))
    set_limits(database, 2, 3)
    refused: list[BaseException] = []
    start = threading.Barrier(4)

    def attach() -> None:
        own = Database(database.connection_string)
        start.wait()
        try:
            attachment_files.attach(own, ELEMENT, element.id, file)
        except InvalidInputError as error:
            refused.append(error)
        own.close()

    threads = [threading.Thread(target=attach) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 2
    assert rows(database) == (2, 10)


def test_files_go_with_their_element(database: Database, robot: OrchestratorConnection, file: Path) -> None:
    gone, kept = (robot.create_queue_element("Orders").id for _ in range(2))
    robot.attach_to_queue_element(gone, file)
    robot.attach_to_queue_element(kept, file)
    (found,) = robot.get_queue_element_files(gone)
    robot.delete_queue_element(gone)
    assert rows(database) == (1, 5)
    with pytest.raises(DatabaseError, match="not whole"):
        found.read()
    assert names(database, kept) == [file.name]


def test_what_older_programs_leave_is_found_and_removed(database: Database, clock: SettableClock, file: Path) -> None:
    gone, kept = (QueueElement(id=uuid4(), queue_name="Orders") for _ in range(2))
    database.write(lambda session: session.add_all([gone, kept]))
    for element in (gone, kept):
        attachment_files.attach(database, ELEMENT, element.id, file)
    unfinished = attachment_files.attach(database, ELEMENT, kept.id, file).id
    database.write(lambda session: attachments.hide(session, [unfinished]))
    database.write(lambda session: session.execute(sa.delete(QueueElement).where(QueueElement.id == gone.id)) and None)

    def ownerless() -> list[UUID]:
        return database.read(lambda session: attachments.find_ownerless(session, now=database.utc_now(), most=500))

    assert len(ownerless()) == 1  # an upload may still be under way
    clock.advance(timedelta(hours=25))
    found = ownerless()
    assert len(found) == 2
    assert unfinished in found
    attachment_files.remove(database, found, pieces_at_once=2)
    assert ownerless() == []
    assert rows(database) == (1, 5)
    assert names(database, kept.id) == [file.name]


def test_a_file_whose_rows_were_changed_is_not_handed_out(
    database: Database, robot: OrchestratorConnection, file: Path, tmp_path: Path
) -> None:
    element_id = robot.create_queue_element("Orders").id
    robot.attach_to_queue_element(element_id, file)
    (attached,) = robot.get_queue_element_files(element_id)
    piece = sa.update(AttachmentPiece).where(AttachmentPiece.sequence == 2).values(content=b"other")
    database.write(lambda session: session.execute(piece) and None)
    folder = tmp_path / "there"
    folder.mkdir()
    with pytest.raises(DatabaseError, match="not whole"):
        attached.save(folder)
    assert list(folder.iterdir()) == []
