"""What of our own errors a robot's traceback shows."""

from __future__ import annotations

import inspect
import logging
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common import crypto_util, short_errors
from OpenOrchestrator.common.errors import EncryptionError, NotFoundError, OpenOrchestratorError
from OpenOrchestrator.database import db_util
from OpenOrchestrator.database.models import Base
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

PACKAGE = str(Path(short_errors.__file__).parents[1])


@pytest.fixture
def robot(tmp_path: Path) -> OrchestratorConnection:
    url = f"sqlite+pysqlite:///{(tmp_path / 'robot.db').as_posix()}"
    engine = sa.create_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()
    return OrchestratorConnection("process", url, crypto_util.generate_key().decode(), "")


CALLS: dict[str, Callable[[OrchestratorConnection], object]] = {
    "missing constant": lambda robot: robot.get_constant("nope"),
    "missing credential": lambda robot: robot.get_credential("nope"),
    "long reference": lambda robot: robot.create_queue_element("q", "x" * 101),
    "no trigger": lambda robot: robot.pause_my_trigger(),
    "no database": lambda _: OrchestratorConnection("p", "postgresql+psycopg://u:secret@127.0.0.1:1/d", None, ""),
    "no such kind of database": lambda _: OrchestratorConnection("p", "nothing://h/d", None, ""),
    "missing constant of db_util": lambda _: db_util.get_constant("nope"),
    "missing element of db_util": lambda _: db_util.get_queue_element("00000000-0000-0000-0000-000000000001"),
    "text that does not decrypt": lambda _: crypto_util.decrypt_string("nothing"),
}


@pytest.mark.parametrize("case", list(CALLS))
def test_a_traceback_shows_the_lines_of_the_robot_and_at_most_two_of_ours(
    robot: OrchestratorConnection, case: str
) -> None:
    with pytest.raises(OpenOrchestratorError) as caught:
        CALLS[case](robot)
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert any(frame.filename == __file__ for frame in frames)
    assert 1 <= sum(frame.filename.startswith(PACKAGE) for frame in frames) <= 2
    shown = "".join(traceback.format_exception(caught.value))
    assert "direct cause" not in shown
    assert "During handling" not in shown


def test_what_the_robot_was_handling_is_still_shown(robot: OrchestratorConnection) -> None:
    mine = KeyError("mine")

    def handle() -> None:
        try:
            raise mine
        except KeyError:
            robot.get_constant("nope")

    with pytest.raises(NotFoundError) as caught:
        handle()
    assert caught.value.__context__ is mine
    assert not caught.value.__suppress_context__


def test_the_rest_is_in_the_log_for_those_who_ask_without_the_texts_of_causes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    key = "malformed-key"
    crypto_util.set_key(key)
    try:
        with caplog.at_level(logging.DEBUG), pytest.raises(EncryptionError):
            crypto_util.encrypt_string("text")
    finally:
        crypto_util.set_key(None)
    assert "_fernet" in caplog.text
    assert "raised from ValueError" in caplog.text
    assert key not in caplog.text


def test_other_errors_keep_their_tracebacks() -> None:
    def inner() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        short_errors.short_errors(inner)()
    assert [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)][-1] == "inner"


def test_every_published_call_is_short() -> None:
    published = [value for name, value in vars(OrchestratorConnection).items() if not name.startswith("_")]
    published += [OrchestratorConnection.__init__]
    published += [
        value
        for name, value in vars(db_util).items()
        if inspect.isfunction(value) and value.__module__ == db_util.__name__ and not name.startswith("_")
    ]
    assert len(published) > 60
    for value in published:
        assert hasattr(getattr(value, "__func__", value), "__wrapped__"), value
