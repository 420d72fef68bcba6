"""The processes of one run on Windows: a job object that ends them all when the host lets go of it.

Twin of ``posix_tree``; both are a ``robot_tree.ProcessTree``. Runs inside the robot host: standard library only,
nothing of ours but its neighbour.
"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ctypes import wintypes
from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__:
    from OpenOrchestrator.scheduler.host import console
else:
    import console

assert sys.platform == "win32", "posix_tree is the twin for other systems"  # noqa: S101  (mypy understands it)

_KILL_PATIENCE = 5.0
_PASS_PAUSE = 0.01

_CREATE_SUSPENDED = 0x00000004
_PROCESS_RIGHTS = 0x0001 | 0x0100 | 0x0800 | 0x00100000  # terminate, set quota, suspend/resume, synchronize
_EXTENDED_LIMITS = 9
_PROCESS_ID_LIST = 3
_KILL_ON_JOB_CLOSE = 0x2000
_KILLED_EXIT_CODE = 1


class _BasicLimits(ctypes.Structure):
    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", wintypes.DWORD),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", wintypes.DWORD),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", wintypes.DWORD),
        ("SchedulingClass", wintypes.DWORD),
    )


class _ExtendedLimits(ctypes.Structure):
    _fields_ = (
        ("BasicLimitInformation", _BasicLimits),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


class _ProcessIds(ctypes.Structure):
    _fields_ = (
        ("NumberOfAssignedProcesses", wintypes.DWORD),
        ("NumberOfProcessIdsInList", wintypes.DWORD),
        ("ProcessIdList", ctypes.c_size_t * 1024),
    )


class WindowsTree:
    """A job object that ends all its processes when the host lets go of it.

    The robot is created suspended, put into the job, and resumed, so that nothing it starts can be outside.

    Args:
        marker: Not needed here; the twin's interface.
    """

    def __init__(self, marker: str) -> None:
        del marker
        for number in (signal.SIGINT, signal.SIGBREAK, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self._robot: subprocess.Popen[bytes] | None = None
        self._kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        self._kernel.CreateJobObjectW.restype = wintypes.HANDLE
        self._kernel.CreateJobObjectW.argtypes = (ctypes.c_void_p, wintypes.LPCWSTR)
        self._kernel.OpenProcess.restype = wintypes.HANDLE
        self._kernel.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
        self._kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
        self._kernel.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
        self._kernel.AttachConsole.argtypes = (wintypes.DWORD,)
        self._kernel.GenerateConsoleCtrlEvent.argtypes = (wintypes.DWORD, wintypes.DWORD)
        self._kernel.TerminateJobObject.argtypes = (wintypes.HANDLE, wintypes.UINT)
        information = (wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD)
        self._kernel.SetInformationJobObject.argtypes = information
        self._kernel.QueryInformationJobObject.argtypes = (*information, ctypes.c_void_p)
        self._job = self._checked(self._kernel.CreateJobObjectW(None, None))
        limits = _ExtendedLimits()
        limits.BasicLimitInformation.LimitFlags = _KILL_ON_JOB_CLOSE
        self._checked(
            self._kernel.SetInformationJobObject(
                self._job, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits)
            )
        )

    def start(self, argv: Sequence[str], cwd: str, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start the robot suspended, in a console and a group of its own; put it into the job; let it run.

        With a console of its own it can be asked to end whether or not the host has one: under ``pythonw.exe`` and
        in services there is none.
        """
        robot = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            creationflags=_CREATE_SUSPENDED | subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW,
        )
        try:
            handle = self._checked(self._kernel.OpenProcess(_PROCESS_RIGHTS, False, robot.pid))
            try:
                self._checked(self._kernel.AssignProcessToJobObject(self._job, handle))
                resume = ctypes.WinDLL("ntdll").NtResumeProcess
                resume.argtypes = (wintypes.HANDLE,)
                if resume(handle) != 0:
                    raise OSError("Windows did not let the robot run after it was created")
            finally:
                self._kernel.CloseHandle(handle)
        except OSError:
            robot.kill()
            robot.wait()
            raise
        self._robot = robot
        return robot

    def wait(self, seconds: float) -> bool:
        """Wait for the robot."""
        try:
            self._started().wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def ask(self) -> None:
        """Nothing: there is no event here that would not end a robot which does not listen for it."""

    def soft_stop(self) -> None:
        """Press CTRL+BREAK for the robot's group. Where it has no console, only the kill after its grace is left."""
        console.press_break_elsewhere(self._started().pid, self._kernel)

    def kill(self) -> list[int]:
        """End the robot, and all other processes of the job object."""
        if not self._kernel.TerminateJobObject(self._job, _KILLED_EXIT_CODE):
            with suppress(OSError):  # ended meanwhile
                self._started().kill()
        give_up_at = time.monotonic() + _KILL_PATIENCE
        while True:
            ended = self.wait(_PASS_PAUSE)
            left = self._members()
            if (ended and not left) or time.monotonic() >= give_up_at:
                return left
            time.sleep(_PASS_PAUSE)

    def exit_code(self) -> int:
        """Return the exit status of the robot as a signed number, so that it fits a 32-bit column."""
        code = self._started().returncode
        if code is None:
            raise RuntimeError("the robot has not ended")
        return code - 2**32 if code >= 2**31 else code

    def _started(self) -> subprocess.Popen[bytes]:
        if self._robot is None:
            raise RuntimeError("no robot was started")
        return self._robot

    def _members(self) -> list[int]:
        ids = _ProcessIds()
        self._kernel.QueryInformationJobObject(self._job, _PROCESS_ID_LIST, ctypes.byref(ids), ctypes.sizeof(ids), None)
        return [int(pid) for pid in ids.ProcessIdList[: ids.NumberOfProcessIdsInList]]

    def _checked(self, result: int | None) -> int:
        if not result:
            raise ctypes.WinError(ctypes.get_last_error())
        return result
