"""What is printed before there is a robot: numbered from 1, and the robot's own pieces follow."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from OpenOrchestrator.common.errors import TransientDatabaseError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.stores import job_output
from OpenOrchestrator.scheduler.host.robot_output import OutputFile
from OpenOrchestrator.scheduler.runs.run_directory import OutputRecord, RunDirectory
from OpenOrchestrator.scheduler.runs.services import StartUnwantedError
from OpenOrchestrator.scheduler.runs.start_output import FLUSH_SECONDS, MOST_CHARACTERS, StartOutput

pytestmark = pytest.mark.kinds("sqlite")


class Made:
    """An output, with a clock that stands still."""

    def __init__(self, database: Database) -> None:
        self.job_id = uuid4()
        self.now = 0.0
        self.troubles: list[Exception] = []
        self.shown: list[OutputRecord] = []
        self.unwanted = False
        self.database = database
        self.output = StartOutput(
            database,
            self.job_id,
            require_wanted=self.require,
            on_trouble=self.troubles.append,
            on_record=self.shown.append,
            elapsed=lambda: self.now,
        )

    def require(self) -> None:
        if self.unwanted:
            raise StartUnwantedError

    def stored(self) -> list[tuple[int, str]]:
        pieces = self.database.read(lambda session: job_output.read(session, self.job_id))
        return [(piece.sequence, piece.text) for piece in pieces]


@pytest.fixture
def made(database: Database) -> Made:
    return Made(database)


def test_lines_wait_for_each_other_and_are_stored_once(made: Made) -> None:
    made.output.say("a")
    made.output.say("b")
    assert made.stored() == []
    made.now = FLUSH_SECONDS
    made.output.require_wanted()
    assert made.stored() == [(1, "a\nb\n")]
    made.output.say("c")
    assert made.output.said == 2
    assert made.output.said == 2
    assert made.stored() == [(1, "a\nb\n"), (2, "c\n")]
    assert [record.text for record in made.shown] == ["a\nb\n", "c\n"]


def test_nothing_said_is_no_piece(made: Made) -> None:
    assert made.output.said == 0
    assert made.stored() == []


def test_what_the_database_does_not_take_comes_later(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise TransientDatabaseError("away")

    with monkeypatch.context() as patched:
        patched.setattr(made.database, "write", away)
        made.output.say("a")
        assert made.output.said == 1
    assert (made.stored(), len(made.troubles)) == ([], 1)
    made.output.flush()
    assert made.stored() == [(1, "a\n")]


def test_it_says_that_nobody_wants_it_and_stops_at_its_limit(made: Made) -> None:
    for _ in range(3):
        made.output.say("x" * (MOST_CHARACTERS // 2))
    made.output.flush()
    text = "".join(text for _, text in made.stored())
    assert text.endswith("[The rest of this is left out, because it is too long.]\n")
    assert len(text) < MOST_CHARACTERS
    made.unwanted = True
    with pytest.raises(StartUnwantedError):
        made.output.require_wanted()


def test_the_pieces_of_a_robot_are_numbered_on(tmp_path: Path) -> None:
    file = OutputFile(tmp_path / "output.jsonl", 1000, printed=3)
    file.add("stdout", "first")
    file.close()
    (record,), _ = RunDirectory(tmp_path).read_output()
    assert (record.sequence, record.text) == (4, "first")
