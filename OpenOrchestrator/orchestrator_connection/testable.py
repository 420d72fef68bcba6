"""How the robots that use a connection are tested: the published part of the connection that makes one in memory.

Loaded with every connection, so it loads nothing; what makes one is in ``testing``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from OpenOrchestrator.common.short_errors import short_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
    from OpenOrchestrator.orchestrator_connection.testing import InMemoryConnection


class Testable:
    """What makes a connection for unit tests."""

    __test__ = False  # or pytest takes it for a class of tests

    @classmethod
    @short_errors
    def for_testing(
        cls,
        *,
        constants: Mapping[str, str] | None = None,
        credentials: Mapping[str, tuple[str, str] | tuple[str, str, Mapping[str, str]]] | None = None,
        elements: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        arguments: Any = None,
        process_name: str = "Test",
    ) -> InMemoryConnection:
        """Return a connection for unit tests: to a database of its own in memory, with no key and no server.

        All methods work, in several threads too. The robot has a trigger and a job, as if a scheduler had started it.
        Used as a context manager it deletes its data at the end; two at once do not see one another. What the robot
        left behind is in ``testing``::

            with OrchestratorConnection.for_testing(elements={"Orders": [{"reference": "1001"}]}) as connection:
                work(connection)
                assert connection.testing.elements("Orders")[0].status == QueueStatus.DONE
                assert connection.testing.errors == []

        Args:
            constants: Values by name.
            credentials: User name and password by name, and perhaps further fields: a mapping behind the two.
            elements: New elements by queue, in the order in which they are handed out, each with ``reference`` and
                ``data``, both optional. Data that is no text is stored as JSON.
            arguments: What the trigger passes to the robot: a text, or anything that can be JSON.
            process_name: Shown with everything the robot logs.

        Raises:
            InvalidInputError: If something cannot be stored.
        """
        from OpenOrchestrator.orchestrator_connection.testing import make  # noqa: PLC0415

        return make(
            cast("type[OrchestratorConnection]", cls),
            process_name=process_name,
            arguments=arguments,
            constants=constants,
            credentials=credentials,
            elements=elements,
        )
