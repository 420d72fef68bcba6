"""What the command ``run`` shows: the output of its robot, live, and its result.

Owns that a terminal which is halted, or a pager that is not read on, holds up neither the run nor its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from OpenOrchestrator.cli.terminal import keep_line_ends
from OpenOrchestrator.scheduler.stream_writer import StreamWriter

MOST_WAITING = 16 * 1024 * 1024
"""Characters that wait for somebody to read on: more than is kept of the output of one robot."""

STALL_SECONDS = 60.0
"""How long the end of the command waits for a stream that takes nothing at all."""


class RunTerminal:
    """Shows pieces in the order in which they come, each on its stream. Nobody waits for a stream that takes none.

    Args:
        stdout: Of the command.
        stderr: Of the command.
        all_to_stderr: Whether standard output is for the result alone.
    """

    def __init__(self, stdout: TextIO | None, stderr: TextIO | None, *, all_to_stderr: bool) -> None:
        self._writers = {"stdout": _writer(stdout), "stderr": _writer(stderr)}
        self._all_to_stderr = all_to_stderr

    def show(self, stream: str, text: str) -> None:
        """Show a piece of what the robot wrote.

        Args:
            stream: ``stdout`` or ``stderr``.
            text: With the line ends it has.
        """
        self._writers["stderr" if self._all_to_stderr else stream].write(text)

    def finish(self, result: str = "", *, given_up: Callable[[], bool] = lambda: False) -> int:
        """Show the result, and everything that waits, to whoever reads.

        Args:
            result: Text for standard output; empty for none.
            given_up: Asked some times a second whether to wait no longer.

        Returns:
            How many pieces nobody read.
        """
        if result:
            self._writers["stdout"].write(result)
        for writer in self._writers.values():
            writer.flush_to_reader(STALL_SECONDS, given_up=given_up)
        return sum(writer.unwritten for writer in self._writers.values())


def _writer(stream: TextIO | None) -> StreamWriter:
    keep_line_ends(stream)
    return StreamWriter(stream, name="output", most_waiting=MOST_WAITING, dropped=_not_shown, size=len, is_exact=True)


def _not_shown(pieces: int) -> str:
    return f"\n[{pieces} pieces of the output are not shown here, because nobody read on. All of it is with the job.]\n"
