"""What a robot's loop asks of the database: the next element, and what became of it.

Owns how that is written so that it can be stored. When it is asked is in ``queue_work``.
"""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from OpenOrchestrator.common.errors import InvalidInputError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.engine.dialects import enum_type, uuid_type
from OpenOrchestrator.database.leases import ELEMENT_LEASE_SECONDS
from OpenOrchestrator.database.lifecycle import (
    element_claims,
    element_leases,
    element_retries,
    element_verdicts,
    waiting_elements,
)
from OpenOrchestrator.database.lifecycle.element_verdicts import Held, Verdict
from OpenOrchestrator.database.lifecycle.held_tokens import HeldTokens, Hold
from OpenOrchestrator.database.lifecycle.holding_jobs import find_job
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.statuses import AttachmentOwner, AttemptEnd, TriggerStatus
from OpenOrchestrator.database.stores import queue_elements, stop_wishes, validation
from OpenOrchestrator.database.stores.shortening import message_text, storable_message
from OpenOrchestrator.orchestrator_connection.element_keeper import ElementKeeper

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator_connection.stored_files import StoredFile

OUTPUT_LENGTH = 100_000
TRACEBACK_LENGTH = 20_000
WAKE_SECONDS = 1.0
"""Between two looks for elements whose time has come, while there are others to hand out."""

# Not the model: few robots need it, and loading it takes time.
_TRIGGERS = sa.table("Triggers", sa.column("id", uuid_type()), sa.column("process_status", enum_type(TriggerStatus)))
_PAUSED = (TriggerStatus.PAUSING, TriggerStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an error meant for an element and its queue.

    Attributes:
        ended_as: RETRIED or FAILED.
        paused: Why the queue was paused by it; None if it was not.
    """

    ended_as: AttemptEnd
    paused: str | None = None


class ElementCalls:
    """The calls of the loops of one connection. Safe to share between threads.

    Args:
        database: The database of the connection.
        held: Returns what the connection holds at this moment; another one in the child of a fork.
        redacted: Returns a message as text without secrets.
    """

    def __init__(self, database: Database, held: Callable[[], HeldTokens], redacted: Callable[[object], str]) -> None:
        self._database = database
        self._held = held
        self._redacted = redacted
        self._keeper = ElementKeeper(lambda tokens, seconds: element_leases.prolong(database, tokens, seconds=seconds))
        self._next_wake = 0.0
        self.pauses = 0
        """How often the robot paused its own trigger, so that its loops need not find out by and by."""

    @property
    def connection_string(self) -> str:
        """Of the database of the connection."""
        return self._database.connection_string

    def known_job(self, job_id: UUID | str | None) -> UUID | None:
        """Return the id of a job that there is; a robot that was started by hand may have any text as its job."""
        job = validation.find_identifier(job_id)
        if job is None:
            return None
        found = self._database.read(lambda session: find_job(session.connection(), job))
        return None if found is None else job

    def claim(
        self, queue_name: str, reference: str | None, job: UUID | None, lease_seconds: float = ELEMENT_LEASE_SECONDS
    ) -> QueueElement | None:
        """Hand out the next element of a queue, also one that has just stopped waiting; None if there is none.

        Args:
            queue_name: The queue.
            reference: Only elements with this reference; None for all.
            job: The job that is to hold it, as ``known_job`` returned it. Without one, its lease is prolonged from
                now on until ``rule``.
            lease_seconds: How long that lease is.
        """
        if time.monotonic() >= self._next_wake:
            self.wake()
        lease = lease_seconds if job is None else None
        element = self._claim(queue_name, reference, job, lease)
        if element is None and self.wake():
            element = self._claim(queue_name, reference, job, lease)
        if element is not None and element.claim_token is not None:
            self._held().remember(element.id, Hold(element.claim_token, element.start_date))
            if job is None:
                self._keeper.keep(element.claim_token, lease_seconds)
        return element

    def wake(self) -> int:
        """Make New the elements whose time has come, and return how many."""
        self._next_wake = time.monotonic() + WAKE_SECONDS
        return waiting_elements.wake(self._database)

    def is_asked_to_end(self, trigger_id: UUID | str | None, job: UUID | None) -> bool:
        """Tell whether the robot is asked to end by its trigger, its scheduler or its site, as far as it has them."""
        trigger = validation.find_identifier(trigger_id)

        def look(session: Any) -> bool:
            if trigger is not None:
                query = sa.select(_TRIGGERS.c.process_status).where(_TRIGGERS.c.id == trigger)
                status = session.scalar(query)
                if status is None or status in _PAUSED:
                    return True
            return stop_wishes.is_asked_to_end(session, job)

        return self._database.read(look)

    def done(self, held: Held, message: object, output: object) -> None:
        """Write that an element is Done."""
        text = None if output is None else self._output(output)
        self._rule(held, Verdict(ended_as=AttemptEnd.DONE, message=self._optional(message), output=text))

    def fail(self, held: Held, message: object, error_type: str | None, code: object) -> None:
        """Write that an element Failed, and is not to be tried again."""
        self._rule(
            held,
            Verdict(
                ended_as=AttemptEnd.FAILED,
                message=self._message(message),
                error_type=self._short(error_type, element_verdicts.ERROR_TYPE_LENGTH),
                error_code=self._short(code, element_verdicts.ERROR_CODE_LENGTH),
            ),
        )

    def retry(
        self, held: Held, queue_name: str, message: object, *, after: float | None, error: BaseException | None = None
    ) -> Ruling:
        """Write that an element is to be tried again if its queue allows another attempt, else that it Failed.

        Args:
            held: The element.
            queue_name: Its queue.
            message: Why.
            after: Seconds until then; None for the pause of the queue.
            error: What its attempt ended with.

        Returns:
            What became of it, and whether its queue was paused by that.
        """
        from OpenOrchestrator.database.stores import queue_rules  # noqa: PLC0415  (only what fails needs it)

        stored = self._database.read(lambda session: queue_rules.read(session, queue_name))
        outcome = element_retries.after_error(stored.rules, held.attempt, pause_seconds=after)
        kind = None if error is None else type(error).__qualname__
        paused: str | None = None

        def count(connection: sa.Connection) -> None:
            from OpenOrchestrator.database.stores import queue_breaker  # noqa: PLC0415  (few queues have one)

            nonlocal paused
            paused = queue_breaker.count_error(connection, queue_name, self._message(error))

        is_counted = error is not None and stored.rules.breaker_errors is not None
        self._rule(
            held,
            Verdict(
                ended_as=outcome.ended_as,
                message=self._message(message),
                error_type=self._short(kind, element_verdicts.ERROR_TYPE_LENGTH),
                error_code=self._short(getattr(error, "code", None), element_verdicts.ERROR_CODE_LENGTH),
                traceback=None if error is None else self._traceback(error),
                wait=outcome.pause_seconds,
            ),
            beside=count if is_counted else None,
        )
        return Ruling(outcome.ended_as, paused)

    def has_breaker(self, queue_name: str) -> bool:
        """Tell whether a queue counts errors in a row."""
        from OpenOrchestrator.database.stores import queue_breaker  # noqa: PLC0415  (loops alone need it)

        return self._database.read(lambda session: queue_breaker.is_armed(session.connection(), queue_name))

    def end_row_of_errors(self, queue_name: str) -> None:
        """Let the breaker of a queue count anew."""
        from OpenOrchestrator.database.stores import queue_breaker  # noqa: PLC0415  (few queues have one)

        self._database.write_statement(
            lambda connection: queue_breaker.end_row(connection, queue_name), read_back=lambda _connection: None
        )

    def lease_of(self, queue_name: str) -> float:
        """Return for how many seconds a loop without a job holds an element of a queue unless it prolongs that."""
        from OpenOrchestrator.database.stores import queue_rules  # noqa: PLC0415  (robots with a job do not need it)

        rules = self._database.read(lambda session: queue_rules.read(session, queue_name)).rules
        return ELEMENT_LEASE_SECONDS if rules.lease_seconds is None else float(rules.lease_seconds)

    def postpone(self, held: Held, until: object, message: object) -> None:
        """Write that an element waits, and that this was no attempt."""
        wait = self._instant(until)
        self._rule(held, Verdict(ended_as=AttemptEnd.POSTPONED, message=self._optional(message), wait=wait))

    def release(self, held: Held) -> None:
        """Give an element back as if it had not been handed out."""
        self._rule(held, Verdict(ended_as=AttemptEnd.RELEASED))

    def abandon(self, held: Held, message: str, error: BaseException) -> None:
        """Write that nobody knows what became of an element."""
        verdict = Verdict(
            ended_as=AttemptEnd.ABANDONED,
            message=self._message(message),
            error_type=self._short(type(error).__qualname__, element_verdicts.ERROR_TYPE_LENGTH),
        )
        self._rule(held, verdict)

    def progress(self, held: Held, fraction: object, text: object) -> None:
        """Write how far an element is."""
        if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not 0 <= fraction <= 1:
            raise InvalidInputError(
                f"The progress of a queue element has to be a number from 0 to 1, not {fraction!r}."
            )
        element_verdicts.write_progress(
            self._database, held, float(fraction), self._short(text, element_verdicts.PROGRESS_TEXT_LENGTH)
        )

    def attach(self, element_id: UUID, path: str | os.PathLike[str], name: str | None) -> StoredFile:
        """Store a file with an element."""
        from OpenOrchestrator.orchestrator_connection import stored_files  # noqa: PLC0415  (few robots need files)

        return stored_files.attach(self._database, AttachmentOwner.ELEMENT, element_id, path, name)

    def files(self, element_id: UUID) -> list[StoredFile]:
        """Return the files of an element."""
        from OpenOrchestrator.orchestrator_connection import stored_files  # noqa: PLC0415  (few robots need files)

        return stored_files.files(self._database, AttachmentOwner.ELEMENT, element_id)

    def forget(self, held: Held) -> None:
        """Prolong the lease of an element no longer."""
        self._keeper.let_go(held.token)

    def _claim(
        self, queue_name: str, reference: str | None, job: UUID | None, lease: float | None
    ) -> QueueElement | None:
        return element_claims.claim_next(
            self._database, queue_name, reference=reference, job_id=job, lease_seconds=lease
        )

    def _rule(self, held: Held, verdict: Verdict, *, beside: Callable[[sa.Connection], None] | None = None) -> None:
        element_verdicts.write_verdict(self._database, held, verdict, beside=beside)
        self._held().remember(held.element_id, None)

    def _instant(self, until: object) -> datetime:
        if isinstance(until, timedelta):
            return self._database.utc_now() + until
        if not isinstance(until, datetime):
            raise InvalidInputError(
                f"until has to be a datetime (site time, or with a time zone) or a timedelta from now, not {until!r}."
            )
        try:
            aware = until if until.tzinfo is not None else until.replace(tzinfo=self._database.zone)
            return aware.astimezone(timezone.utc)
        except OverflowError as error:
            raise InvalidInputError(f"{until} is outside of what a date can be.") from error

    def _optional(self, message: object) -> str | None:
        return None if message is None else self._message(message)

    def _message(self, message: object) -> str:
        return storable_message(self._redacted(message), queue_elements.MESSAGE_LENGTH, self._database.dialect_name)

    def _short(self, text: object, length: int) -> str | None:
        if text is None:
            return None
        return storable_message(self._redacted(text), length, self._database.dialect_name)

    def _output(self, output: object) -> str:
        text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, default=message_text)
        return storable_message(self._redacted(text), OUTPUT_LENGTH, self._database.dialect_name)

    def _traceback(self, error: BaseException) -> str:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        return storable_message(self._redacted(text), TRACEBACK_LENGTH, self._database.dialect_name)
