"""An element that a robot has in hand: a context manager that tells what became of it, once.

Owns what an exception of the robot's own code means for the element. When the next one is handed out is in
``queue_work``, how verdicts are stored in ``element_calls``.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from OpenOrchestrator.common.errors import (
    DatabaseError,
    ElementLostError,
    ElementUseError,
    InvalidInputError,
    NotFoundError,
)
from OpenOrchestrator.common.short_errors import with_short_errors
from OpenOrchestrator.database.lifecycle.element_verdicts import Held
from OpenOrchestrator.database.statuses import AttemptEnd
from OpenOrchestrator.database.stores.shortening import message_text
from OpenOrchestrator.orchestrator_connection import current_element
from OpenOrchestrator.orchestrator_connection.element_calls import ElementCalls
from OpenOrchestrator.orchestrator_connection.work_options import seconds_of

if TYPE_CHECKING:
    from OpenOrchestrator.database.queues import QueueElement
    from OpenOrchestrator.orchestrator_connection.stored_files import StoredFile

_log = logging.getLogger(__name__)


class Loop(Protocol):
    """What an element tells the loop that handed it out."""

    @property
    def calls(self) -> ElementCalls:
        """What is asked of the database."""

    def is_asked_to_end(self) -> bool:
        """Tell whether somebody wants the robot to end."""

    def is_business(self, error: BaseException) -> bool:
        """Tell whether an exception means that an element cannot be worked on, rather than that something broke."""

    def log_error(self, text: str) -> None:
        """Write to the robot's log that something went wrong."""

    def count(self, what: str) -> None:
        """Take note of what became of an element."""

    def went_well(self) -> None:
        """Take note that an element ended well, or for a reason of its own."""

    def failed(self, element: WorkElement, error: Exception) -> None:
        """Take note of an error."""


@dataclass(slots=True)
class Hand:
    """An element in hand, and how far its robot is with it.

    Attributes:
        is_over: It has a verdict, or was lost.
        is_lost: It was taken away.
        loss: How the robot was told that.
        doubtful: What says the verdict once more of which nobody knows whether it was saved; None for none.
    """

    held: Held
    queue_name: str
    entered: bool = False
    left: bool = False
    is_over: bool = False
    is_lost: bool = False
    loss: BaseException | None = None
    doubtful: Callable[[], None] | None = None


@dataclass(slots=True)
class Box:
    """What a loop has in hand; apart from the loop, so that it can be given back when that is gone."""

    hand: Hand | None = None


@with_short_errors
class WorkElement:
    """An element in hand, as ``OrchestratorConnection.work`` hands it out.

    Its end says what became of it, once: the end of its ``with`` block, or one of ``done``, ``fail``, ``retry``,
    ``postpone`` and ``release`` before. What is said of an element that was taken away meanwhile is not written.

    Attributes:
        id: Of the element.
        reference: To find it by.
        data: What the robot needs to know.
        attempt: Which attempt this is, from 1.
        deadline: Until when it should be finished, aware UTC; None if nobody said.
    """

    def __init__(self, loop: Loop, element: QueueElement, hand: Hand) -> None:
        self.id: UUID = element.id
        self.reference: str | None = element.reference
        self.data: str | None = element.data
        self.attempt: int = element.attempt
        self.deadline: datetime | None = element.deadline
        self._loop = loop
        self._hand = hand
        self._before: current_element.Element | None = None

    def __repr__(self) -> str:
        return f"WorkElement(id={self.id}, reference={self.reference!r}, attempt={self.attempt})"

    @property
    def _name(self) -> str:
        return self.reference or f"Queue element {self.id}"

    @property
    def json(self) -> Any:
        """What its data says as JSON.

        Raises:
            InvalidInputError: If it is none.
        """
        try:
            return json.loads(self.data or "")
        except ValueError as error:
            raise InvalidInputError(
                f"The data of the queue element {self.id} (reference {self.reference!r}) is no JSON: {error}. Use "
                ".data for its text."
            ) from error

    def attach(self, path: str | os.PathLike[str], name: str | None = None) -> StoredFile:
        """Store a file of this machine with the element; it stays when the element has its verdict.

        All or nothing: it is shown when all of it is stored. The verdict, and whether the robot still has the element
        in hand, do not matter.

        Args:
            path: The file.
            name: What it is called there; None for its own name. Several files may have the same.

        Raises:
            InvalidInputError: If it cannot be read, or is too large for the limits of the site.
            NotFoundError: If the element was deleted.
        """
        return self._loop.calls.attach(self.id, path, name)

    def files(self) -> list[StoredFile]:
        """Return the files of the element, the first one first."""
        return self._loop.calls.files(self.id)

    @property
    def stopping(self) -> bool:
        """Whether the robot is asked to end; the element in hand may be finished, and no other is handed out."""
        return self._loop.is_asked_to_end()

    def done(self, message: object = None, output: object = None) -> None:
        """Say that it is Done.

        Args:
            message: Replaces its message; None leaves it.
            output: What came of it: a text, or anything that can be JSON.

        Raises:
            ElementUseError: If its end was said before.
            ElementLostError: If it was taken away meanwhile; nothing was written.
            OwnershipLostError: If the robot's own job has ended; nothing was written.
        """
        self._say(AttemptEnd.DONE, lambda: self._loop.calls.done(self._hand.held, message, output))
        self._loop.went_well()

    def fail(self, message: object, *, code: str | None = None) -> None:
        """Say that it Failed, and that trying again would not help.

        Args:
            message: Why.
            code: Of the kind of reason, at most 100 characters.

        Raises:
            ElementUseError, ElementLostError, OwnershipLostError: As ``done`` does.
        """
        self._say(AttemptEnd.FAILED, lambda: self._loop.calls.fail(self._hand.held, message, None, code))
        self._loop.went_well()

    def retry(self, message: object, *, after: float | timedelta | None = None) -> None:
        """Say that it is to be tried again, as one attempt more. It Failed if its queue allows no more attempts.

        Args:
            message: Why.
            after: Seconds until then; None for the pause that its queue says.

        Raises:
            ElementUseError, ElementLostError, OwnershipLostError: As ``done`` does.
            InvalidInputError: If ``after`` cannot be one; nothing was written.
        """
        seconds = None if after is None else seconds_of(after, "after")
        self._retry(message, after=seconds, error=None)

    def postpone(self, until: datetime | timedelta, message: object = None) -> None:
        """Say that it waits, and that this was no attempt.

        Args:
            until: Site time, any time with a time zone, or how long from now.
            message: Why; None leaves its message.

        Raises:
            ElementUseError, ElementLostError, OwnershipLostError: As ``done`` does.
            InvalidInputError: If ``until`` cannot be one; nothing was written.
        """
        self._say(AttemptEnd.POSTPONED, lambda: self._loop.calls.postpone(self._hand.held, until, message))

    def release(self) -> None:
        """Give it back as it was: New, and the next to be handed out.

        Raises:
            ElementUseError, ElementLostError, OwnershipLostError: As ``done`` does.
        """
        self._say(AttemptEnd.RELEASED, lambda: self._loop.calls.release(self._hand.held))

    def progress(self, fraction: float, text: str | None = None) -> None:
        """Say how far it is, for people.

        Args:
            fraction: From 0 to 1.
            text: What it is at; over 200 characters, beginning and end are kept.

        Raises:
            ElementUseError, ElementLostError, OwnershipLostError: As ``done`` does.
            InvalidInputError: If the fraction cannot be one.
        """
        self._require_open()
        self._write(lambda: self._loop.calls.progress(self._hand.held, fraction, text))

    def __enter__(self) -> WorkElement:
        if self._hand.entered:
            raise ElementUseError(f"The queue element {self.id} was entered before. Use `with element:` once.")
        self._require_open()
        self._hand.entered = True
        self._before = current_element.begin(self._loop.calls.connection_string, self.id)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        hand = self._hand
        hand.left = True
        try:
            return self._leave(error)
        finally:
            current_element.end(self._before)
            self._loop.calls.forget(hand.held)

    def _leave(self, error: BaseException | None) -> bool:
        """Say what became of it unless that was said, and tell whether the loop goes on in spite of an exception."""
        hand = self._hand
        if hand.is_lost and error is not None and error is hand.loss:
            self._loop.log_error(str(error))
            return True
        if hand.is_lost and isinstance(error, Exception):
            self._loop.log_error(
                f"The queue element {self.id} was taken away from this robot, which then ended its work on it with "
                f"{message_text(error)}."
            )
            self._loop.failed(self, error)
            return True
        if hand.is_over:
            if error is not None:
                self._loop.log_error(
                    f"After the queue element {self.id} had its verdict, which stands, its robot raised "
                    f"{message_text(error)}."
                )
            return False
        if error is None:
            self._say_at_end(hand.doubtful or self.done)
            return False
        if hand.doubtful is not None:
            return False  # it has a verdict, and whether that was saved is not known: another would belie it
        if self._loop.is_business(error):
            self._say_at_end(lambda: self._refuse(error))
            self._loop.went_well()
            return True
        if isinstance(error, Exception):
            self._say_at_end(lambda: self._retry(error, after=None, error=error))
            self._loop.failed(self, error)
            return True
        message = f"Its robot was interrupted ({type(error).__name__}); what it did is not known."
        self._say_at_end(
            lambda: self._say(AttemptEnd.ABANDONED, lambda: self._loop.calls.abandon(hand.held, message, error))
        )
        return False

    def _refuse(self, error: BaseException) -> None:
        text = str(error) or type(error).__name__
        kind, code = type(error).__qualname__, getattr(error, "code", None)
        self._say(AttemptEnd.FAILED, lambda: self._loop.calls.fail(self._hand.held, text, kind, code))
        self._loop.log_error(f"{self._name}: {text}")

    def _retry(self, message: object, *, after: float | None, error: Exception | None) -> None:
        hand = self._hand
        self._require_open()
        outcome = self._write(
            lambda: self._loop.calls.retry(hand.held, hand.queue_name, message, after=after, error=error),
            again=lambda: self._retry(message, after=after, error=error),
        )
        self._over(outcome.ended_as)
        if error is not None:
            is_retried = outcome.ended_as is AttemptEnd.RETRIED
            again = f"Attempt {self.attempt}; it is to be tried again." if is_retried else "It is not tried again."
            self._loop.log_error(f"{self._name}: {message_text(error)}. {again}")
        if outcome.paused is not None:
            self._loop.log_error(
                f"The queue {hand.queue_name!r} is paused by its breaker: {outcome.paused}. Nothing more is handed out "
                "from it until somebody resumes it."
            )

    def _say(self, end: AttemptEnd, write: Callable[[], None]) -> None:
        self._require_open()
        self._write(write, again=lambda: self._say(end, write))
        self._over(end)

    def _say_at_end(self, say: Callable[[], None]) -> None:
        """Say what became of it at the end of its block; that it was taken away meanwhile ends nothing else."""
        try:
            say()
        except ElementLostError as error:
            self._loop.log_error(str(error))

    def _write(self, write: Callable[[], Any], *, again: Callable[[], None] | None = None) -> Any:
        """Write something about it; find out whether it is still held.

        Args:
            write: Does it.
            again: Says a verdict once more, should it not be known whether it was saved; None for what is none.
        """
        hand = self._hand
        try:
            return write()
        except (ElementLostError, NotFoundError) as error:
            loss = error if isinstance(error, ElementLostError) else ElementLostError(str(error))
            hand.is_over = hand.is_lost = True
            hand.loss = loss
            self._loop.count("lost")
            raise loss from None
        except DatabaseError:
            hand.doubtful = again
            raise

    def _over(self, end: AttemptEnd) -> None:
        self._hand.is_over = True
        self._loop.count(end.name.lower())
        self._loop.calls.forget(self._hand.held)

    def _require_open(self) -> None:
        if self._hand.is_lost:
            raise ElementUseError(f"The queue element {self.id} was taken away from this robot: go on to the next.")
        if self._hand.is_over:
            raise ElementUseError(
                f"What became of the queue element {self.id} was said before, and stands. Say it once: with done, "
                "fail, retry, postpone or release, or by the end of its with block."
            )


def give_back(calls: ElementCalls, hand: Hand) -> None:
    """Give back an element that nobody worked on."""
    hand.is_over = True
    try:
        calls.release(hand.held)
    except (ElementLostError, NotFoundError):
        pass  # whoever took it away has it now
    finally:
        calls.forget(hand.held)


def give_back_at_end(calls: ElementCalls, box: Box) -> None:
    """Give back what a loop that is gone had in hand, and nobody entered."""
    hand, box.hand = box.hand, None
    if hand is None or hand.is_over or hand.entered:
        return
    try:
        give_back(calls, hand)
    except DatabaseError as error:
        _log.debug("The element %s was not given back: %s", hand.held.element_id, type(error).__name__)
