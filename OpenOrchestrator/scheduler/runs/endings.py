"""What the end of a robot means: which status, and which words for the reason. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timezone, tzinfo

from OpenOrchestrator.common.printed_errors import PrintedError, last_error
from OpenOrchestrator.database.statuses import JobStatus
from OpenOrchestrator.scheduler.runs.run_directory import ExitInfo

KILLED_BY_ADMIN = "killed on request"
KILLED_BY_STOP = "killed because its scheduler was stopped"
KILLED_BY_TERMINAL = "interrupted at the terminal"
OWNERSHIP_LOST = "its job was settled without it"

_KEPT = "its output is incomplete until the database takes the rest: "

SIGNAL_EXIT_BASE = 128
"""Shells show the end by signal n as exit status 128 + n."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        status: Its final status.
        exit_code: Of the robot; negative for a signal; None if no robot ended here.
        reason: For people; None when all is well.
    """

    status: JobStatus
    exit_code: int | None = None
    reason: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the robot did what it should."""
        return self.status is JobStatus.DONE

    @property
    def shell_status(self) -> int:
        """The exit status with which a command that stood for this run should end."""
        if self.exit_code is None:
            return 0 if self.succeeded else 1
        if self.exit_code < 0:
            return SIGNAL_EXIT_BASE - self.exit_code
        return self.exit_code or (0 if self.succeeded else 1)


def ending_of(exit_info: ExitInfo, *, timeout_seconds: int | None, zone: tzinfo = timezone.utc) -> Ending:
    """Return what the recorded end of a robot means; times are said in a zone, the site's."""
    code = exit_info.exit_code
    if exit_info.error is not None:
        return Ending(JobStatus.FAILED, code, f"could not be started: {exit_info.error}")
    if exit_info.timed_out:
        ending = Ending(JobStatus.TIMED_OUT, code, _too_long(timeout_seconds))
        if exit_info.asked_at is not None:
            asked = f"asked to stop at {exit_info.asked_at.astimezone(zone):%H:%M:%S}"
            ending = with_remark(ending, f"{asked}, {exit_info.ended or 'ended'}")
    elif exit_info.stopped is not None:
        ending = Ending(JobStatus.KILLED, code, exit_info.stopped)
    elif exit_info.signal is not None:
        ending = Ending(JobStatus.FAILED, code, f"ended by signal {exit_info.signal}")
    elif code == 0:
        ending = Ending(JobStatus.DONE, 0)
    else:
        ending = Ending(JobStatus.FAILED, code, _bare(code))
    if exit_info.output_error is not None:
        ending = with_remark(ending, output_incomplete(exit_info.output_error))
    if exit_info.survivors:
        ending = with_remark(ending, _survivors(exit_info.survivors))
    return ending


def is_unexplained(ending: Ending) -> bool:
    """Tell whether all that is known of a bad end is the exit code."""
    return ending.status is JobStatus.FAILED and (ending.reason or "").startswith(_bare(ending.exit_code))


def explained(ending: Ending, printed: PrintedError | None, logged: str | None, said: str = "") -> Ending:
    """Return an unexplained end with the best reason there is.

    That is the exception printed last, else the Error message logged last, else the last words on the error output.

    Args:
        ending: How the run ended.
        printed: The exception that counts in its output.
        logged: The last Error message of the robot.
        said: The last line of its error output that belongs to no exception.
    """
    bare = _bare(ending.exit_code)
    if printed is not None and printed.is_near and not printed.is_of_another_program:
        cause = printed.words
    elif logged and logged.strip():
        found = last_error(logged)
        cause = found.words if found is not None else logged.strip().splitlines()[0].strip()
    elif printed is not None and printed.is_near:
        cause = printed.words
    elif printed is not None:
        cause = f"{bare} (the last exception it printed, {printed.lines_after} lines before its end: {printed.words})"
    elif said:
        cause = said
    else:
        return ending
    return replace(ending, reason=cause + (ending.reason or bare).removeprefix(bare))


def ended_by_force(ending: Ending, survivors: Sequence[int] = ()) -> Ending:
    """Return the end of a robot that its scheduler ended itself, because the robot's host did not.

    Args:
        ending: Why it was ended.
        survivors: Processes that could not be ended.
    """
    ended = with_remark(ending, "its robot host did not act, so its scheduler ended it")
    return with_remark(ended, _survivors(survivors)) if survivors else ended


def timed_out(timeout_seconds: int | None) -> Ending:
    """Return the end of a robot that ran out of time and left no exit status."""
    return Ending(JobStatus.TIMED_OUT, None, _too_long(timeout_seconds))


def with_remark(ending: Ending, remark: str) -> Ending:
    """Return an end with something added to its reason."""
    return replace(ending, reason=f"{ending.reason}; {remark}" if ending.reason else remark)


def output_incomplete(cause: str) -> str:
    """Return the remark that not all a robot printed can be read."""
    return f"its output is incomplete: {cause}"


def output_kept(cause: str) -> str:
    """Return the remark that some of what a robot printed cannot be read yet; the last one of a reason."""
    return f"{_KEPT}{cause}"


def without_output_kept(reason: str) -> str | None:
    """Return a reason that is stored without the remark of ``output_kept``; None if nothing is left of it."""
    before, remark, _cause = reason.rpartition(_KEPT)
    return before.removesuffix("; ") or None if remark else reason


def end_log(ending: Ending, error_tail: str) -> str:
    """Return the message about a bad end for the log of the process.

    Args:
        ending: How the run ended.
        error_tail: The end of the robot's error output; may be empty.
    """
    reason = ending.reason or ending.status.value
    return f"{reason}\n\nEnd of its error output:\n{error_tail}" if error_tail else reason


def host_lost() -> Ending:
    """Return the end of a run whose robot host is gone without having recorded one."""
    return Ending(JobStatus.LOST, None, "its robot host ended without recording how the robot ended")


def never_found() -> Ending:
    """Return the end of a run of which a restarted scheduler found neither process nor record."""
    return Ending(
        JobStatus.LOST,
        None,
        "its scheduler ended while it ran, and neither the robot nor a record of its end was found afterwards",
    )


def _too_long(timeout_seconds: int | None) -> str:
    allowed = f" of {timeout_seconds} s" if timeout_seconds is not None else ""
    return f"stopped: it ran longer than its time limit{allowed}"


def _survivors(pids: Sequence[int]) -> str:
    return f"these processes it started could not be ended: {', '.join(str(pid) for pid in pids)}"


def _bare(code: int | None) -> str:
    return f"exit code {_readable(code)}"


def _readable(code: int | None) -> str:
    # Windows ends crashed processes with codes such as 0xC0000005, which nobody knows in decimal.
    return f"{code} (0x{code:08X})" if code is not None and code > 0xFFFF else str(code)
