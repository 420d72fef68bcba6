"""The loop of a robot over the elements of a queue: one is handed out at a time, when the robot asks for it.

Owns when something is asked of the database. A generator cannot see the exceptions of a loop's body, so there are two
objects: this one claims, and each element is a context manager that tells what became of it (``work_element``).
"""

from __future__ import annotations

import time
import weakref
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from OpenOrchestrator.common.errors import ElementUseError, TooManyErrorsError
from OpenOrchestrator.common.short_errors import short_errors
from OpenOrchestrator.database.leases import ELEMENT_LEASE_SECONDS
from OpenOrchestrator.database.lifecycle.element_verdicts import Held
from OpenOrchestrator.database.stores.shortening import message_text
from OpenOrchestrator.orchestrator_connection.work_element import Box, Hand, WorkElement, give_back, give_back_at_end
from OpenOrchestrator.orchestrator_connection.work_options import WorkCounts, WorkOptions, options

if TYPE_CHECKING:
    from OpenOrchestrator.database.queues import QueueElement
    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
    from OpenOrchestrator.orchestrator_connection.element_calls import ElementCalls
    from OpenOrchestrator.orchestrator_connection.working import Working

ASK_SECONDS = 1.0
"""Between two looks into a queue that has nothing to hand out."""

STOP_LOOK_SECONDS = 0.5
"""Between two looks whether the robot is asked to end, so that short elements do not each pay for one."""


def make_loop(connection: Working, queue_name: str, **given: Any) -> WorkLoop:
    """Return a loop over a queue.

    Args:
        connection: The robot's connection.
        queue_name: The queue.
        given: What ``work_options.options`` takes.

    Raises:
        InvalidInputError: If an argument cannot be one.
    """
    robot = cast("OrchestratorConnection", connection)
    chosen = options(**given)
    calls = robot._calls
    return WorkLoop(robot, calls.elements, calls.checked_queue(robot.process_name, queue_name), chosen)


class WorkLoop:
    """Hands out the elements of a queue, one at a time. An iterator, for one thread.

    Args:
        connection: The robot's connection.
        calls: Its calls.
        queue_name: The queue.
        given: How to work.
        clock: Tells seconds that only grow.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        connection: OrchestratorConnection,
        calls: ElementCalls,
        queue_name: str,
        given: WorkOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = connection
        self._calls = calls
        self._queue_name = queue_name
        self._given = given
        self._clock = clock
        self._sleep = sleep
        self._box = Box()
        self._counts: Counter[str] = Counter()
        self._errors_in_row = 0
        self._job: UUID | None = None
        self._lease_seconds = ELEMENT_LEASE_SECONDS
        self._began = self._ended = self._has_breaker = False
        self._next_look = float("-inf")
        self._seen_pauses = 0
        # At the end of the program, too, while there is a database to write to.
        weakref.finalize(self, give_back_at_end, calls, self._box)

    def __iter__(self) -> WorkLoop:
        return self

    @short_errors
    def __next__(self) -> WorkElement:
        """Hand out the next element.

        Raises:
            StopIteration: If there is none, the limit is reached, or the robot is asked to end.
            ElementUseError: If nobody said what became of the one before.
            OwnershipLostError: If the robot's own job has ended.
        """
        self._settle_former()
        element = None if self._ended or self._is_full() else self._claim()
        if element is None:
            self._ended = True
            raise StopIteration
        self._counts["taken"] += 1
        return WorkElement(self, element, self._take(element))

    @property
    def counts(self) -> WorkCounts:
        """What became of the elements so far."""
        return WorkCounts(**self._counts)

    def is_asked_to_end(self) -> bool:
        """Tell whether somebody wants the robot to end; asked of the database a few times a second at most."""
        if not self._ended and (self._clock() >= self._next_look or self._calls.pauses != self._seen_pauses):
            self._begin()
            self._seen_pauses = self._calls.pauses
            self._next_look = self._clock() + STOP_LOOK_SECONDS
            self._ended = self._calls.is_asked_to_end(self._connection.trigger_id, self._job)
            self._has_breaker = self._calls.has_breaker(self._queue_name)
        return self._ended

    def log_error(self, text: str) -> None:
        """Write to the robot's log that something went wrong."""
        self._connection.log_error(text)

    def count(self, what: str) -> None:
        """Take note of what became of an element."""
        self._counts[what] += 1

    def went_well(self) -> None:
        """Take note that the system the robot works in is up: an element ended well, or for a reason of its own."""
        self._errors_in_row = 0
        if self._has_breaker:
            self._calls.end_row_of_errors(self._queue_name)

    def failed(self, element: WorkElement, error: Exception) -> None:
        """Take note of an error, and let the robot restart its applications.

        Raises:
            TooManyErrorsError: If it is one too many in a row.
        """
        self._errors_in_row += 1
        if self._given.on_error is not None:
            self._given.on_error(element, error)
        most = self._given.stop_after
        if most is not None and self._errors_in_row >= most:
            self._ended = True
            raise TooManyErrorsError(
                f"{self._errors_in_row} elements of the queue {self._queue_name!r} in a row ended in an error, the "
                f"last one in {message_text(error)[:300]}. Nothing more is taken. See whether the system that the "
                "robot works in is up; what is left in the queue is worked on by the next run."
            ) from error

    def is_business(self, error: BaseException) -> bool:
        """Tell whether an exception means that an element cannot be worked on, rather than that something broke."""
        return isinstance(error, self._given.business)

    @property
    def calls(self) -> ElementCalls:
        """What is asked of the database."""
        return self._calls

    def _begin(self) -> None:
        if not self._began:
            self._job = self._calls.known_job(self._connection.job_id)
            if self._job is None:
                self._lease_seconds = self._calls.lease_of(self._queue_name)
            self._began = True

    def _is_full(self) -> bool:
        return self._given.limit is not None and self._counts["taken"] >= self._given.limit

    def _claim(self) -> QueueElement | None:
        self._begin()
        until: float | None = None
        while not self.is_asked_to_end():
            element = self._calls.claim(self._queue_name, self._given.reference, self._job, self._lease_seconds)
            if element is not None or not self._given.wait:
                return element
            until = self._clock() + self._given.wait if until is None else until
            left = until - self._clock()
            if left <= 0:
                return None
            self._sleep(min(ASK_SECONDS, left))
        return None

    def _take(self, element: QueueElement) -> Hand:
        token = element.claim_token
        assert token is not None  # noqa: S101  (every claim has one)
        name = self._connection.process_name
        held = Held(
            element_id=element.id,
            token=token,
            since=element.start_date,
            job_id=self._job,
            process_name=name if isinstance(name, str) else None,
            attempt=element.attempt,
        )
        self._box.hand = Hand(held, element.queue_name)
        return self._box.hand

    def _settle_former(self) -> None:
        """Let go of the element before, about which everything must have been said.

        Raises:
            ElementUseError: If not. One that was not entered is given back.
        """
        hand, self._box.hand = self._box.hand, None
        if hand is None or hand.is_over:
            return
        element = f"the queue element {hand.held.element_id}"
        if hand.entered and not hand.left:
            self._box.hand = hand
            raise ElementUseError(
                f"The next element was asked for while {element} is still in hand. Leave its with block first."
            )
        if hand.left:  # its verdict could not be written, and the robot went on
            return
        self._ended = True
        give_back(self._calls, hand)
        self._counts["released"] += 1
        raise ElementUseError(
            f"Nobody said what became of {element}, so it was given back. Use `with element:` around the work on it: "
            "its end says that the element is Done, an exception that it is not."
        )
