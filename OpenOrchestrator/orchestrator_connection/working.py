"""How robots work on the elements of a queue: the published part of the connection that loops over them.

Loaded with every connection, so it loads nothing; the loop itself is in ``queue_work``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from OpenOrchestrator.common.short_errors import short_errors

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from datetime import timedelta
    from uuid import UUID

    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
    from OpenOrchestrator.orchestrator_connection.element_calls import ElementCalls
    from OpenOrchestrator.orchestrator_connection.queue_work import WorkLoop
    from OpenOrchestrator.orchestrator_connection.stored_files import StoredFile
    from OpenOrchestrator.orchestrator_connection.work_element import WorkElement
    from OpenOrchestrator.orchestrator_connection.work_options import WorkCounts

    Business = type[Exception] | tuple[type[Exception], ...]
    OnError = Callable[[WorkElement, Exception], object]


class Working:
    """What a connection can do with the elements of a queue, one after the other."""

    @short_errors
    def attach_to_queue_element(
        self, element_id: UUID | str, path: str | os.PathLike[str], name: str | None = None
    ) -> StoredFile:
        """Store a file of this machine with an element, whoever holds it: all of it or nothing.

        Args:
            element_id: The ``.id`` of the element.
            path: The file.
            name: What it is called there; None for its own name. Several files may have the same.

        Raises:
            InvalidInputError: If it cannot be read, or is too large for the limits of the site.
            NotFoundError: If there is no such element.
        """
        return _element_calls(self).attach(_element_id(element_id), path, name)

    @short_errors
    def get_queue_element_files(self, element_id: UUID | str) -> list[StoredFile]:
        """Return the files of an element, the first one first; each with its name and ``size``, to read or save.

        Raises:
            InvalidInputError: If the id is none.
        """
        return _element_calls(self).files(_element_id(element_id))

    @short_errors
    def work(
        self,
        queue_name: str,
        *,
        reference: str | None = None,
        limit: int | None = None,
        stop_after: int | None = 3,
        business: Business = (),
        on_error: OnError | None = None,
        wait: float | timedelta | None = None,
    ) -> WorkLoop:
        """Hand out the elements of a queue one at a time, each when the loop asks for it.

        Each is used in a ``with`` block, whose end says what became of it::

            for element in connection.work("Orders"):
                with element:
                    pay(element.json)

        Where the block ends, the element is Done. A ``BusinessError`` means that it Failed; any other exception that
        it is tried again if its queue allows another attempt, and else Failed; the loop goes on after both. The loop
        ends when there is no element left, and before the next one when the robot should come to an end (see
        ``is_trigger_pausing``). Its ``counts`` tell what became of the elements.

        Args:
            queue_name: The queue.
            reference: Only elements with this reference; None for all.
            limit: How many at most; None for no limit.
            stop_after: After so many errors in a row the loop raises, so that the job fails; None for never.
                Elements that are Done, and business errors, are no errors.
            business: Classes of exceptions that count as a ``BusinessError``.
            on_error: Called with the element and the exception after an error, to restart applications.
            wait: For how many seconds to go on asking when the queue is empty; None to end at once.

        Raises:
            TooManyErrorsError: In the loop, after ``stop_after`` errors in a row.
            ElementUseError: In the loop, if an element was not used in a ``with`` block. It is given back.
            OwnershipLostError: In the loop, if the robot's own job has ended.
            InvalidInputError: If an argument cannot be one.
        """
        from OpenOrchestrator.orchestrator_connection.queue_work import make_loop  # noqa: PLC0415

        return make_loop(
            self,
            queue_name,
            reference=reference,
            limit=limit,
            stop_after=stop_after,
            business=business,
            on_error=on_error,
            wait=wait,
        )

    def work_each(
        self,
        queue_name: str,
        function: Callable[[WorkElement], object],
        *,
        reference: str | None = None,
        limit: int | None = None,
        stop_after: int | None = 3,
        business: Business = (),
        on_error: OnError | None = None,
        wait: float | timedelta | None = None,
    ) -> WorkCounts:
        """Call a function with each element of a queue, as the body of a loop over ``work``.

        Args:
            queue_name: The queue.
            function: Called with each element. What it returns is not looked at; its end says that the element is
                Done, unless something else was said before.
            reference: As for ``work``, like the rest.
            limit: As for ``work``.
            stop_after: As for ``work``.
            business: As for ``work``.
            on_error: As for ``work``.
            wait: As for ``work``.

        Returns:
            How many elements were taken, and what became of them.

        Raises:
            TooManyErrorsError, OwnershipLostError, InvalidInputError: As ``work`` does.
        """
        loop = self.work(
            queue_name,
            reference=reference,
            limit=limit,
            stop_after=stop_after,
            business=business,
            on_error=on_error,
            wait=wait,
        )
        for element in loop:
            with element:
                function(element)
        return loop.counts


def _element_calls(connection: Working) -> ElementCalls:
    return cast("OrchestratorConnection", connection)._calls.elements


def _element_id(given: UUID | str) -> UUID:
    from OpenOrchestrator.database.stores import validation  # noqa: PLC0415

    return validation.identifier(given, "queue element")
