"""What becomes of a transaction after an error, branch by branch, without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from OpenOrchestrator.common.errors import CommitOutcomeUnknownError, DatabaseError
from OpenOrchestrator.database.engine.explanations import Explanations
from OpenOrchestrator.database.engine.transactions import FIRST_DELAY_SECONDS, Attempts


class DriverError(Exception):
    """An error as a driver raises it."""

    def __init__(self, sqlstate: str = "") -> None:
        super().__init__(f"driver says {sqlstate or 'gone'}")
        self.sqlstate = sqlstate


def deadlock() -> sa.exc.DBAPIError:
    return sa.exc.OperationalError("UPDATE", {}, DriverError("40P01"))


def lost() -> sa.exc.DBAPIError:
    return sa.exc.OperationalError("UPDATE", {}, DriverError(), connection_invalidated=True)


def duplicate() -> sa.exc.DBAPIError:
    return sa.exc.IntegrityError("INSERT", {}, DriverError("23505"))


def refusal() -> sa.exc.DBAPIError:
    return sa.exc.ProgrammingError("SELEKT", {}, DriverError("42601"))


@dataclass
class Site:
    """A database that does what the test says: the errors of its begins, works and commits, one for each in turn.

    Attributes:
        happened: What was done, in order.
        saved: What a read-back finds.
        slept: Seconds, each time.
    """

    begins: list[BaseException | None] = field(default_factory=list)
    works: list[BaseException | None] = field(default_factory=list)
    commits: list[BaseException | None] = field(default_factory=list)
    saved: list[str | None] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    now: float = 0.0

    def _do(self, what: str, errors: list[BaseException | None]) -> None:
        self.happened.append(what)
        error = errors.pop(0) if errors else None
        if error is not None:
            raise error

    @contextmanager
    def begin(self) -> Iterator[Site]:
        self._do("begin", self.begins)
        yield self

    def commit(self) -> None:
        self._do("commit", self.commits)

    def work(self, _transaction: Site) -> str:
        self._do("work", self.works)
        return "done"

    def read_back(self, _transaction: Site) -> str | None:
        self._do("read back", [])
        return self.saved.pop(0) if self.saved else None

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def run(self, *, writing: bool = True, can_read_back: bool = True, at_once: bool = False) -> str:
        attempts = Attempts(
            explanations=Explanations(dialect_name="postgresql", shown="postgresql://user:***@server/db", secrets=()),
            patience_seconds=30.0,
            monotonic=lambda: self.now,
            sleep=self.sleep,
        )
        back: Callable[[Site], str | None] | None = self.read_back if can_read_back else None
        return attempts.run(self.begin, self.work, writing=writing, read_back=back, at_once=at_once)


TRY = ["begin", "work", "commit"]


def test_what_goes_well_is_done_once() -> None:
    site = Site()
    assert site.run() == "done"
    assert site.happened == TRY
    assert site.slept == []


@pytest.mark.parametrize("error", [deadlock, lost])
@pytest.mark.parametrize("at", ["begins", "works"])
def test_what_saved_nothing_is_done_anew_and_not_read_back(error: Callable[[], Exception], at: str) -> None:
    site = Site(**{at: [error(), error()]})  # type: ignore[arg-type]
    assert site.run() == "done"
    assert site.happened == (["begin"] if at == "begins" else ["begin", "work"]) * 2 + TRY
    assert "read back" not in site.happened


def test_a_deadlock_at_the_commit_is_no_doubt() -> None:
    site = Site(commits=[deadlock()])
    assert site.run(can_read_back=False) == "done"
    assert site.happened == TRY * 2


def test_delays_grow_with_jitter_and_end_with_the_patience() -> None:
    site = Site(works=[lost() for _ in range(1000)])
    with pytest.raises(DatabaseError, match="driver says gone") as raised:
        site.run()
    assert not isinstance(raised.value, CommitOutcomeUnknownError)
    assert site.now <= 30.0 + 1.0
    assert site.now > 25.0
    for number, seconds in enumerate(site.slept):
        delay = min(FIRST_DELAY_SECONDS * 2**number, 2.0)
        assert 0.5 * delay <= seconds <= 1.5 * delay


def test_a_refusal_is_raised_at_once() -> None:
    site = Site(works=[refusal()])
    with pytest.raises(DatabaseError, match="refused a statement: driver says 42601"):
        site.run()
    assert site.happened == ["begin", "work"]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_errors_of_others_pass_through(error: BaseException) -> None:
    site = Site(works=[error])
    with pytest.raises(type(error)):
        site.run()
    assert site.happened == ["begin", "work"]


def test_a_commit_in_doubt_that_was_saved_is_not_done_again() -> None:
    site = Site(commits=[lost()], saved=["found"])
    assert site.run() == "found"
    assert site.happened == [*TRY, "begin", "read back", "commit"]


def test_a_commit_in_doubt_that_was_not_saved_is_done_again() -> None:
    site = Site(commits=[lost()], saved=[None])
    assert site.run() == "done"
    assert site.happened == [*TRY, "begin", "read back", "work", "commit"]


def test_every_try_after_a_doubt_begins_with_reading_back() -> None:
    site = Site(commits=[lost(), lost()], works=[None, deadlock()], saved=[None, None, "found"])
    assert site.run() == "found"
    assert site.happened == [
        *TRY,
        *("begin", "read back", "work"),
        *("begin", "read back", "work", "commit"),
        *("begin", "read back", "commit"),
    ]


def test_a_doubt_that_cannot_be_read_back_is_told_at_once() -> None:
    site = Site(commits=[lost()])
    with pytest.raises(CommitOutcomeUnknownError, match=r"postgresql://user:\*\*\*@server/db.*look before you repeat"):
        site.run(can_read_back=False)
    assert site.happened == TRY


def test_a_doubt_that_outlasts_the_patience_stays_one() -> None:
    site = Site(commits=[lost()], begins=[None, *(lost() for _ in range(1000))])
    with pytest.raises(CommitOutcomeUnknownError, match=r"could not be reached again.*driver says gone"):
        site.run()
    assert site.happened.count("work") == 1


def test_a_refusal_after_a_doubt_does_not_settle_it() -> None:
    site = Site(commits=[lost()], works=[None, refusal()])
    with pytest.raises(CommitOutcomeUnknownError, match="driver says 42601"):
        site.run()


def test_a_commit_that_arrives_late_collides_once_and_is_found() -> None:
    site = Site(commits=[lost()], works=[None, duplicate()], saved=[None, "found"])
    assert site.run() == "found"
    assert site.happened == [*TRY, *("begin", "read back", "work"), *("begin", "read back", "commit")]


def test_a_second_collision_is_not_the_late_commit() -> None:
    site = Site(commits=[lost()], works=[None, duplicate(), duplicate()])
    with pytest.raises(CommitOutcomeUnknownError, match="driver says 23505"):
        site.run()
    assert site.happened.count("work") == 3


def test_a_duplicate_without_a_doubt_is_a_refusal() -> None:
    site = Site(works=[duplicate()])
    with pytest.raises(DatabaseError, match="refused a statement: driver says 23505"):
        site.run()
    assert site.happened == ["begin", "work"]


def test_reading_leaves_no_doubt_behind() -> None:
    site = Site(commits=[lost()])
    assert site.run(writing=False, can_read_back=False) == "done"
    assert site.happened == TRY * 2


def test_what_is_saved_at_once_is_in_doubt_from_the_work_on() -> None:
    site = Site(works=[lost()], saved=["found"])
    assert site.run(at_once=True) == "found"
    assert site.happened == ["begin", "work", "begin", "read back", "commit"]


def test_what_is_saved_at_once_is_in_no_doubt_before_the_work() -> None:
    site = Site(begins=[lost()])
    assert site.run(at_once=True) == "done"
    assert site.happened == ["begin", *TRY]
