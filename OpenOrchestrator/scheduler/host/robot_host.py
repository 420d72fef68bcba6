"""The small process that owns one robot: starts it, keeps its output, stops it, records how it ended.

Run as ``python -I -S robot_host.py <run directory>`` by the launcher, which hands over what to start as JSON on
standard input, because that holds secrets and must be neither on the disk nor in an argument list. Lives on when the
scheduler dies; whoever finds the run directory can follow and stop the run (run_directory.py).

Must stay small and standard library only (with its neighbours in this folder): it runs once
per robot, and in an interpreter without installed packages. It must not die before its robot: it ignores the signals
that ask it to, and survives a full disk.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __package__:
    from OpenOrchestrator.scheduler.host import (
        robot_output,
        robot_session,
        robot_stop,
        robot_tree,
        run_files,
        stream_redactor,
        time_limit,
    )
else:
    # Appended, so that nothing here can take the place of a standard module.
    sys.path.append(str(Path(__file__).resolve().parent))
    import robot_output
    import robot_session
    import robot_stop
    import robot_tree
    import run_files
    import stream_redactor
    import time_limit

_TICK = 0.05
_DRAIN_SECONDS = 0.5


def _utc_now() -> str:
    return datetime.now(timezone.utc).isoformat()


def _signal_name(code: int) -> str | None:
    if sys.platform == "win32" or code >= 0:
        name = None
    else:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"SIG{-code}"
    return name


def _start_readers(
    pipes: dict[str, int], secrets: list[str], output: robot_output.OutputFile
) -> list[threading.Thread]:
    readers = [
        threading.Thread(target=robot_output.pump, args=(descriptor, stream, secrets, output), daemon=True)
        for stream, descriptor in pipes.items()
    ]
    for reader in readers:
        reader.start()
    return readers


def _watch(
    tree: robot_tree.ProcessTree, spec: dict[str, Any], directory: Path, output: robot_output.OutputFile
) -> robot_stop.RobotStop:
    """Stay until the robot has ended; meanwhile write its output, and stop it when asked to or when time is up."""
    stop = robot_stop.RobotStop()
    limit = time_limit.TimeLimit(spec["timeout"])
    told = False
    while not tree.wait(_TICK):
        output.flush_due()
        stop.look_for_request(tree, directory, spec["grace"])
        if limit.is_over():
            stop.time_out(tree, spec["grace"], spec.get("soft", 0))
        stop.enforce(tree)
        if stop.asked_at is not None and not told:
            told = True
            _tell_asked(stop.asked_at, directory, output)
    return stop


def _tell_asked(asked_at: str, directory: Path, output: robot_output.OutputFile) -> None:
    """Leave word for the scheduler that the robot was asked to come to an end."""
    try:
        run_files.write_json(directory / run_files.ASKED_FILE, {"asked_at": asked_at})
    except OSError as error:
        # The robot is stopped all the same; only is_trigger_pausing does not know.
        output.note_error(f"{run_files.ASKED_FILE}: {error.strerror}")


def run(directory: Path, spec: dict[str, Any]) -> dict[str, Any]:
    """Run one robot from start to end.

    Args:
        directory: The run directory, made by the launcher.
        spec: ``job``, ``argv``, ``cwd``, ``env``, ``secrets``, ``limit`` (bytes), ``timeout`` (seconds or None),
            ``grace`` (seconds from the request to terminate to the kill), ``soft`` (seconds before that in which a
            robot whose time is up is asked; none where it is missing), ``host`` (what the host file says about
            this process), and perhaps ``printed`` (how many records there are from before).

    Returns:
        The content for the exit file. Never raises for what the robot or the disk does.
    """
    ending: dict[str, Any] = dict.fromkeys(("exit_code", "signal", "stopped", "output_error", "error"))
    ending |= {"timed_out": False, "survivors": []}
    tree = robot_tree.make_tree(f"{run_files.JOB_VARIABLE}={spec['job']}")
    output = robot_output.OutputFile(directory / run_files.OUTPUT_FILE, spec["limit"], printed=spec.get("printed", 0))
    started_at = _utc_now()
    try:
        robot = tree.start(spec["argv"], spec["cwd"], spec["env"])
    except (OSError, ValueError) as error:
        output.close()
        words = f"{type(error).__name__}: {error}"
        if isinstance(error, OSError) and error.filename is None:  # Windows does not say what it did not find
            words += f": {spec['argv'][0]!r} in {spec['cwd']!r}"
        reason = stream_redactor.redact_whole(words, spec["secrets"])
        return ending | {"error": reason[: robot_stop.LONGEST_REASON], "ended_at": _utc_now()}
    if robot.stdout is None or robot.stderr is None:
        raise RuntimeError("the robot was started without pipes")
    pipes = {robot_output.STDOUT: robot.stdout.fileno(), robot_output.STDERR: robot.stderr.fileno()}
    readers = _start_readers(pipes, spec["secrets"], output)
    try:
        known = spec["host"] | {
            "robot_pid": robot.pid,
            "started_at": started_at,
            "session": robot_session.remember(robot.pid),
        }
        run_files.write_json(directory / run_files.HOST_FILE, known)
    except OSError as error:
        # The robot can be followed without it.
        output.note_error(f"{run_files.HOST_FILE}: {error.strerror}")
    try:
        stop = _watch(tree, spec, directory, output)
    except BaseException:
        # A fault of the host itself. Nobody would stop this robot any more, so it must not go on.
        tree.kill()
        raise
    ended_at = _utc_now()
    # What the robot left running goes first: it may hold the pipes open. What it wrote before stays in them.
    survivors = tree.kill()
    code = tree.exit_code()
    drained_by = time.monotonic() + _DRAIN_SECONDS
    for reader in readers:
        reader.join(max(0.0, drained_by - time.monotonic()))
    output.close()
    return ending | {
        "exit_code": code,
        "signal": _signal_name(code),
        "timed_out": stop.timed_out,
        "stopped": stop.reason,
        "asked_at": stop.asked_at,
        "ended": stop.ended,
        "output_error": output.error,
        "survivors": survivors[:100],
        "ended_at": ended_at,
    }


def main() -> int:
    """Read what to start from standard input, run it, record the end, and return the exit status of the host."""
    directory = Path(sys.argv[1])
    try:
        spec = json.loads(sys.stdin.buffer.read())
    except ValueError:
        reason = "The scheduler ended before it had handed over what to start. No robot was started."
        run_files.write_exit(directory, {"error": reason, "ended_at": _utc_now()})
        return 1
    run_files.write_exit(directory, run(directory, spec))
    return 0


if __name__ == "__main__":
    sys.exit(main())
