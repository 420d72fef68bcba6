"""The processes of one run on Linux and other POSIX systems: a session of their own under a host that adopts orphans.

Twin of ``windows_tree``; both are a ``robot_tree.ProcessTree``. Runs inside the robot host: standard library only,
nothing of ours but its neighbours.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__:
    from OpenOrchestrator.scheduler.host import proc_stat
else:
    import proc_stat

assert sys.platform != "win32", "windows_tree is the twin for Windows"  # noqa: S101  (mypy understands it)

_KILL_PATIENCE = 5.0
_PASS_PAUSE = 0.01
_CLEAN_LOOKS = 2


class PosixTree:
    """A process group in a session of its own, under a host that adopts orphans.

    What changes its group or session stays a descendant of the host, because the host is a child subreaper (Linux
    3.4); what gets away from that as well still carries the marker in its environment.

    Args:
        marker: ``NAME=value`` as it stands in the environment of every process of the run.
    """

    def __init__(self, marker: str) -> None:
        self._marker = b"\0" + os.fsencode(marker) + b"\0"
        self._robot: subprocess.Popen[bytes] | None = None
        self._wake, wake_up = os.pipe()
        for end in (self._wake, wake_up):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake_up, warn_on_full_buffer=False)
        # Handlers, not SIG_IGN: a started program inherits what is ignored, and the robot must be stoppable.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: None)
        _become_subreaper()

    def start(self, argv: Sequence[str], cwd: str, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start the robot as the leader of a session and a group of its own."""
        self._robot = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        return self._robot

    def wait(self, seconds: float) -> bool:
        """Wait for the robot; meanwhile clear away orphans that ended."""
        if self._ended():
            return True
        select.select([self._wake], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)
        return self._ended()

    def ask(self) -> None:
        """Send SIGURG to the group, which passes by who does not listen for it."""
        self._signal_group(signal.SIGURG)

    def soft_stop(self) -> None:
        """Send SIGTERM to the group, and SIGCONT so that a suspended robot can receive it."""
        self._signal_group(signal.SIGTERM)
        self._signal_group(signal.SIGCONT)

    def kill(self) -> list[int]:
        """Send SIGKILL to the group, to all descendants and to all that carry the marker, until none is left.

        Each round first stops what it finds, so that nothing starts others while it waits to be killed. It is over when
        the system says that there are no children (a subreaper gets every orphan below it, so then there is nothing
        below at all) and two looks in a row find nothing.
        """
        # Also right after the robot's end: as long as nobody has read its exit status, its id stays its own.
        self._signal_group(signal.SIGKILL)
        give_up_at = time.monotonic() + _KILL_PATIENCE
        clean_looks = 0
        last_seen = {self._started().pid}
        while True:
            found = self._freeze(give_up_at)
            for pid in found:
                _send(pid, signal.SIGKILL)
            childless = self._reap_all()
            last_seen = found or last_seen
            clean_looks = 0 if found or not childless else clean_looks + 1
            if clean_looks == _CLEAN_LOOKS:
                return []
            if time.monotonic() >= give_up_at:
                # What outran the looks may be gone by now, and its successors not seen yet: tell what is known.
                alive = sorted(pid for pid in found if _is_alive(pid))
                return alive or ([] if childless else sorted(last_seen))
            if not childless and not found:
                continue  # they are between two looks: a pause would only help them
            time.sleep(_PASS_PAUSE)

    def exit_code(self) -> int:
        """Return the exit status of the robot, negative for a signal."""
        code = self._started().returncode
        if code is None:
            raise RuntimeError("the robot has not ended")
        return int(code)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._robot is None:
            raise RuntimeError("no robot was started")
        return self._robot

    def _ended(self) -> bool:
        """Whether the robot has ended; it is left unread (a zombie), and other children that ended are cleared."""
        robot = self._started()
        if robot.returncode is not None:
            return True
        while True:
            child = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if child is None:
                return False
            if child.si_pid == robot.pid:
                return True
            os.waitpid(child.si_pid, os.WNOHANG)

    def _reap_all(self) -> bool:
        """Clear away all children that ended, and return whether there are no others."""
        robot = self._started()
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == robot.pid:
                robot.returncode = os.waitstatus_to_exitcode(status)

    def _signal_group(self, number: signal.Signals) -> None:
        robot = self._started()
        if robot.returncode is not None:
            return
        try:
            os.killpg(robot.pid, number)
        except (ProcessLookupError, PermissionError):
            # No member is left that may be signalled; kill() finds the others one by one.
            return

    def _freeze(self, give_up_at: float) -> set[int]:
        """Stop all processes of the run, host excluded, until a look finds no new one, and return those that live.

        Nothing is reaped meanwhile, so no id of a child can come to mean another process.
        """
        seen: set[int] = set()
        while time.monotonic() < give_up_at:
            before = len(seen)
            # Signalled in the moment it is found: what forks every millisecond is gone at the end of a look.
            for pid in _descendants():
                if pid not in seen:
                    seen.add(pid)
                    _send(pid, signal.SIGSTOP)
            if len(seen) > before:
                continue
            for pid in self._members():
                if pid not in seen:
                    seen.add(pid)
                    _send(pid, signal.SIGSTOP)
            if len(seen) == before:
                break
        return {pid for pid in seen if _is_alive(pid)}

    def _members(self) -> list[int]:
        """Return the living processes of the run, host excluded, from a slow look at every process."""
        me = os.getpid()
        children: dict[int, list[int]] = {}
        living: set[int] = set()
        marked: list[int] = []
        for pid, process in proc_stat.read_all():
            children.setdefault(process.parent, []).append(pid)
            if process.is_alive:
                living.add(pid)
                if pid != me and self._is_marked(pid):
                    marked.append(pid)
        found = dict.fromkeys(marked)
        queue = [me]
        while queue:
            below = children.get(queue.pop(), [])
            queue += below
            found.update(dict.fromkeys(below))
        return [pid for pid in found if pid in living]

    def _is_marked(self, pid: int) -> bool:
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            # Gone, or another user's: not one of ours.
            return False
        return self._marker in b"\0" + environment + b"\0"


def _is_alive(pid: int) -> bool:
    found = proc_stat.read(pid)
    return found is not None and found.is_alive


def _descendants() -> Iterator[int]:
    """Yield the processes below this one, each as soon as it is found; those too that ended and were not cleared away.

    Some microseconds from one to the next, where a look at all processes takes milliseconds. Yields nothing on kernels
    that do not list children.
    """
    queue = [os.getpid()]
    while queue:
        tasks = f"/proc/{queue.pop()}/task"
        try:
            # The children of each thread are in a file of their own, and an orphan may go to any of them.
            for thread in os.listdir(tasks):  # noqa: PTH208 - names, not paths
                for child in Path(tasks, thread, "children").read_bytes().split():
                    queue.append(int(child))
                    yield int(child)
        except OSError:
            # It ended while we looked: what was below it comes to the host. Or the kernel does not list children.
            continue


def _send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        # Gone meanwhile, or another user's by now (setuid): then it is reported as left.
        return


def _become_subreaper() -> None:
    """Ask Linux to hand orphaned descendants to this process. Elsewhere the marker has to do."""
    import ctypes  # noqa: PLC0415 - not needed on Windows in this form, and slow to import

    set_child_subreaper = 36
    try:
        ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)
    except (OSError, AttributeError):
        return
