"""The connection for unit tests of robots: in memory, and in all else as that of a robot that a scheduler started."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.database import db_util, default
from OpenOrchestrator.orchestrator_connection import testing
from OpenOrchestrator.orchestrator_connection.connection import (
    BusinessError,
    OrchestratorConnection,
    QueueStatus,
    TooManyErrorsError,
)

ORDERS = {"Orders": [{"reference": f"P-{number}", "data": {"amount": number}} for number in range(4)]}


@pytest.fixture(params=["memory", "file"])
def each_place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older versions of SQLite cannot share a database in memory."""
    if request.param == "file":
        monkeypatch.setattr(testing, "SHARED_MEMORY_SINCE", (999,))


@pytest.mark.usefixtures("each_place")
def test_a_robot_finds_what_the_test_gave_it_and_the_test_what_the_robot_left() -> None:
    with OrchestratorConnection.for_testing(
        constants={"Shop name": "The corner shop"},
        credentials={"Order system": ("robot-7", "secret")},
        elements=ORDERS,
        arguments={"orders": 3},
        process_name="Order worker",
    ) as connection:
        assert connection.process_name == "Order worker"
        assert json.loads(connection.process_arguments or "") == {"orders": 3}
        assert connection.get_constant("Shop name").value == "The corner shop"
        login = connection.get_credential("Order system")
        assert (login.username, login.password) == ("robot-7", "secret")
        for element in connection.work("Orders"):
            with element:
                if element.json["amount"] == 0:
                    raise BusinessError("Nothing was ordered.")
                element.done(f"Sent {element.json['amount']}")
                connection.log_info(element.reference)
        left = connection.testing.elements("Orders")
        assert [each.status for each in left] == [QueueStatus.FAILED, *[QueueStatus.DONE] * 3]
        assert [each.message for each in left] == ["Nothing was ordered.", "Sent 1", "Sent 2", "Sent 3"]
        assert connection.testing.logs == ["P-0: Nothing was ordered.", "P-1", "P-2", "P-3"]
        assert connection.testing.errors == ["P-0: Nothing was ordered."]


def test_each_method_of_a_robot_works() -> None:
    with OrchestratorConnection.for_testing(
        constants={"Count": "1"}, credentials={"Shop": ("me", "old")}, elements={"Orders": [{"data": "as text"}, {}]}
    ) as connection:
        connection.update_constant("Count", "2")
        assert connection.get_constant("Count").value == "2"
        connection.update_credential("Shop", "you", "new")
        assert connection.get_credential("Shop").password == "new"
        first = connection.get_next_queue_element("Orders")
        assert first is not None
        assert (first.reference, first.data) == (None, "as text")
        connection.set_queue_element_status(first.id, QueueStatus.DONE)
        made = connection.create_queue_element("Orders", reference="new")
        connection.bulk_create_queue_elements("Bills", references=["a", "b"], data=[None, None])
        assert [each.reference for each in connection.get_queue_elements("Bills")] == ["b", "a"]
        connection.delete_queue_element(made.id)
        assert [each.status for each in connection.testing.elements("Orders")] == [QueueStatus.DONE, QueueStatus.NEW]
        connection.log_trace("t")
        connection.log_error("e")
        assert connection.testing.logs == ["t", "e"]
        assert not connection.is_trigger_pausing()
        connection.pause_my_trigger()
        assert connection.is_trigger_pausing()
        with pytest.raises(NotFoundError):
            connection.get_constant("None")


def test_a_robot_that_is_asked_to_end_takes_no_more() -> None:
    with OrchestratorConnection.for_testing(elements=ORDERS) as connection:
        connection.testing.ask_to_end()
        assert list(connection.work("Orders")) == []
        assert connection.is_trigger_pausing()


def test_what_a_robot_tells_about_its_job_is_there() -> None:
    with OrchestratorConnection.for_testing() as connection:
        connection.job.title = "November"
        connection.job.partially_done("two are left")
        assert (connection.testing.job.title, connection.testing.job.partial_message) == ("November", "two are left")


def test_errors_one_after_the_other_end_the_loop_and_an_element_can_wait() -> None:
    with OrchestratorConnection.for_testing(elements=ORDERS) as connection:
        for element in connection.work("Orders", limit=1):
            with element:
                element.postpone(timedelta(hours=1))
        with pytest.raises(TooManyErrorsError):
            connection.work_each("Orders", lambda element: 1 / 0)
        assert [each.status for each in connection.testing.elements("Orders")[1:]] == [QueueStatus.FAILED] * 3


@pytest.mark.usefixtures("each_place")
def test_threads_share_one_and_each_element_is_handed_out_once() -> None:
    many = {"Orders": [{"reference": str(number)} for number in range(40)]}
    done: list[str | None] = []
    failed: list[BaseException] = []

    with OrchestratorConnection.for_testing(elements=many) as connection:

        def run() -> None:
            try:
                connection.work_each("Orders", lambda element: done.append(element.reference))
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed
        assert sorted(done, key=lambda each: int(each or 0)) == [str(number) for number in range(40)]


@pytest.mark.usefixtures("each_place")
def test_two_at_once_do_not_see_one_another() -> None:
    with (
        OrchestratorConnection.for_testing(constants={"Name": "first"}) as first,
        OrchestratorConnection.for_testing(constants={"Name": "second"}) as second,
    ):
        first.log_info("of the first")
        assert first.get_constant("Name").value == "first"
        assert second.get_constant("Name").value == "second"
        assert second.testing.logs == []


def test_what_the_robot_closed_can_still_be_asserted_on_until_the_end_of_the_block() -> None:
    with OrchestratorConnection.for_testing() as connection:
        connection.log_info("done")
        connection.close()
        assert connection.testing.logs == ["done"]


def test_the_end_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(testing, "SHARED_MEMORY_SINCE", (999,))
    monkeypatch.setattr(testing.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(default, "_database", None)
    monkeypatch.setattr(crypto_util, "_key", None)
    with OrchestratorConnection.for_testing(constants={"Name": "x"}):
        assert db_util.get_constant("Name").value == "x"  # a robot may use the facade
        assert list(tmp_path.iterdir())
    assert default.find_default() is None
    assert crypto_util.get_key() is None
    assert list(tmp_path.iterdir()) == []


def test_a_class_of_the_robots_own_stays_that_class() -> None:
    class Connection(OrchestratorConnection):
        def greet(self) -> None:
            self.log_info("hello")

    with Connection.for_testing() as connection:
        assert isinstance(connection, Connection)
        connection.greet()
        assert connection.testing.logs == ["hello"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"constants": {"Name": "x" * 1001}}, "value of the constant"),
        ({"credentials": {"Shop": "secret"}}, "tuple of user name and password"),
        ({"elements": {"Orders": ["P-1"]}}, "keys reference and data"),
        ({"elements": {"Orders": [{"referense": "P-1"}]}}, "referense"),
        ({"elements": {"Orders": [{"data": {"a": object()}}]}}, "as JSON"),
        ({"process_name": "x" * 101}, "process name"),
    ],
)
def test_what_cannot_be_stored_is_refused(given: dict[str, object], words: str) -> None:
    before = default.find_default()
    with pytest.raises(InvalidInputError, match=words):
        OrchestratorConnection.for_testing(**given)  # type: ignore[arg-type]
    assert default.find_default() is before


def test_credentials_may_have_fields_which_updates_keep_unless_others_are_given() -> None:
    given = {"Mail": ("robot", "secret", {"client_id": "7"}), "Plain": ("robot", "secret")}
    with OrchestratorConnection.for_testing(credentials=given) as connection:
        assert connection.get_credential("Mail").fields["client_id"] == "7"
        assert len(connection.get_credential("Plain").fields) == 0
        connection.update_credential("Mail", "robot", "new")
        assert connection.get_credential("Mail").fields["client_id"] == "7"
        db_util.update_credential("Mail", "robot", "new", fields={"client_id": "8"})
        assert dict(db_util.get_credential("Mail").fields) == {"client_id": "8"}
        connection.update_credential("Mail", "robot", "new", fields={})
        assert len(connection.get_credential("Mail").fields) == 0
