"""What a robot does with runs: it waits, also for others that it asks for. The published part of the connection.

Loaded with every connection, so it loads nothing; what is done is in ``requested_run`` and ``stop_wait``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from OpenOrchestrator.common.short_errors import short_errors

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID

    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
    from OpenOrchestrator.orchestrator_connection.requested_run import RequestedRun


class Steering:
    """How a connection waits, and has other triggers run."""

    @short_errors
    def wait_for(self, seconds: float | timedelta) -> bool:
        """Sleep, unless the robot is asked to end meanwhile: see ``is_trigger_pausing``; asked once a second.

        Args:
            seconds: For how long.

        Returns:
            Whether the robot is asked to end. For one without a trigger the pause of the site counts alone.

        Raises:
            InvalidInputError: If it is no length of time.
        """
        from OpenOrchestrator.orchestrator_connection.stop_wait import StopWait  # noqa: PLC0415
        from OpenOrchestrator.orchestrator_connection.work_options import seconds_of  # noqa: PLC0415

        length = seconds_of(seconds, "seconds")
        return StopWait(cast("OrchestratorConnection", self)).until(lambda: False, seconds=length)

    @short_errors
    def run_trigger(
        self,
        name: str | UUID,
        arguments: Any = None,
        wait: bool = False,
        *,
        timeout: float | timedelta | None = 3600,
    ) -> RequestedRun:
        """Ask for a run of a trigger, beside its schedule, and perhaps wait until that has ended.

        A scheduler that may run the trigger starts it as soon as it can. The run leaves the trigger as it is, whatever
        its end: as *Run once with...* in the app does.

        Args:
            name: Of the trigger, or its id.
            arguments: What the robot gets: a text of 1000 characters at most, or anything that can be JSON; None for
                the arguments of the trigger.
            wait: Whether to wait until the run has ended, for as long as ``timeout`` says and this robot is not asked
                to end.
            timeout: For how many seconds to wait at most; None for no limit.

        Returns:
            The run: ``ended`` says whether it has, ``job_id``, ``status``, ``reason`` and ``output`` how. Its ``wait``
            waits later.

        Raises:
            NotFoundError: If there is no such trigger; the message says which names are like it.
            RunRefusedError: If it runs already, was paused, failed or was killed, or another run of it waits.
            InvalidInputError: If an argument cannot be one, or several triggers have that name.
        """
        from OpenOrchestrator.orchestrator_connection.requested_run import ask  # noqa: PLC0415
        from OpenOrchestrator.orchestrator_connection.work_options import seconds_of  # noqa: PLC0415

        limit = None if timeout is None else seconds_of(timeout, "timeout")
        run = ask(cast("OrchestratorConnection", self), name, arguments)
        return run.wait(limit) if wait else run
