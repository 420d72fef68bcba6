"""A fork and the threads that connect at that moment."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.engine import forks
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.forks import Gate

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")


class Fork:
    """What is known of the fork that a test makes: hooks of a process cannot be taken back."""

    began = threading.Event()
    is_over = threading.Event()
    in_child: Callable[[], bool] | None = None


def _child() -> None:
    if Fork.in_child is not None:
        os._exit(0 if Fork.in_child() else 1)


if sys.platform == "win32":

    def fork() -> int:
        raise OSError("Windows has no fork")

else:
    fork = os.fork
    # Those of a later registration are called first before a fork, and last after it.
    os.register_at_fork(before=Fork.began.set, after_in_parent=Fork.is_over.set, after_in_child=_child)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    Fork.began.clear()
    Fork.is_over.clear()
    yield
    Fork.in_child = None


def exit_status_of_a_child(check: Callable[[], bool]) -> int:
    Fork.in_child = check
    child = fork()
    Fork.in_child = None
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_waits_for_threads_that_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with the locks of OpenSSL: held while a driver connects, and in the child for ever if it falls into that."""
    pytest.importorskip("pymysql")
    database = Database("mysql+pymysql://nobody@127.0.0.1:1/nothing", patience_seconds=0)
    lock_of_a_library = threading.Lock()
    held, go_on = threading.Event(), threading.Event()

    def connect(*_: Any, **__: Any) -> Any:
        with lock_of_a_library:
            held.set()
            assert go_on.wait(30)
        raise OSError("no server here")

    monkeypatch.setattr(database.engine.dialect, "connect", connect)

    def call() -> None:
        with pytest.raises(DatabaseError):
            database.read(lambda session: session.connection())

    def let_go_unless_the_fork_was_made() -> None:
        assert Fork.began.wait(30)
        Fork.is_over.wait(0.5)
        go_on.set()

    threads = [threading.Thread(target=call), threading.Thread(target=let_go_unless_the_fork_was_made)]
    for thread in threads:
        thread.start()
    assert held.wait(30)

    def connects() -> bool:
        """Tell whether the child gets the lock, and may connect itself."""
        with forks.connecting.inside():
            return lock_of_a_library.acquire(timeout=5)

    assert exit_status_of_a_child(connects) == 0
    for thread in threads:
        thread.join(30)
    with forks.connecting.inside():  # the parent goes on, too
        database.close()


def test_a_thread_that_hangs_while_connecting_keeps_no_program_from_forking() -> None:
    gate = Gate(seconds=0.01)
    with gate.inside():
        gate.close()
        gate.open()
    with gate.inside():
        gate.open_in_child()
        with gate.inside():
            pass


def test_two_forks_at_once_are_both_waited_for() -> None:
    gate = Gate(seconds=0.01)
    entered = threading.Event()

    def enter() -> None:
        with gate.inside():
            entered.set()

    gate.close()
    gate.close()
    thread = threading.Thread(target=enter)
    thread.start()
    gate.open()
    assert not entered.wait(0.05)
    gate.open()
    assert entered.wait(30)
    thread.join(30)
