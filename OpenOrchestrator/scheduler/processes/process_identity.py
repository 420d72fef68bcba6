"""Which process is which, although ids are used again, clocks are set, and other machines and containers have ids too.

Owns how a process is remembered and recognised: robot hosts across restarts of the scheduler, and the daemon that held
a name before. Must not end any process.
"""

from __future__ import annotations

import os
import sys
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

import psutil

LONGEST_IDENTITY = 150
"""Characters of an identity at most, for the column that keeps one."""

_SAME_INSTANT = 0.02
_SAME_BOOT_SECONDS = 3.0


class Sight(Enum):
    """What can be seen of a process from here.

    Attributes:
        ALIVE: It runs.
        GONE: It has ended: it ran in the same boot and the same namespaces as the one who looks.
        UNKNOWN: It ran in another boot, container or machine, or nobody can tell; it may be alive.
    """

    ALIVE = auto()
    GONE = auto()
    UNKNOWN = auto()


class Processes(Protocol):
    """How a system tells its processes apart: the interface of the twins."""

    def identity(self, pid: int) -> str | None:
        """Return a text that no other process has, before or after; None if the system cannot tell.

        Raises:
            psutil.NoSuchProcess: There is no such process.
        """

    def sight(self, pid: int, identity: str) -> Sight:
        """Tell what can be seen of the process with this id that had this identity."""


class LinuxProcesses:
    """Knows a process by the boot, the process namespace, and the ticks of the clock from the boot to its start.

    None of them changes when the clock is set. But a time namespace counts the ticks from another moment, so that is
    part of it. Identities: ``linux:<boot id>:<process namespace>:<time namespace>:<ticks>``; earlier versions wrote
    them without time namespace, or ``ticks:<boot id>:<ticks>``. What is missing counts as that of this process.

    Args:
        proc: Where the proc file system is.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc

    def identity(self, pid: int) -> str | None:
        """Return the identity; None where /proc shows another namespace than this process is in."""
        place = self._place()
        if place is None:
            return None
        start = self._start(pid)
        if start is None:
            raise psutil.NoSuchProcess(pid)
        return ":".join(("linux", *place, start))

    def sight(self, pid: int, identity: str) -> Sight:
        """Compare boot and namespaces first: elsewhere the same id is another process, or has another start."""
        place = self._place()
        kind, _, rest = identity.partition(":")
        fields = rest.split(":")
        if place is None or (kind, len(fields)) not in {("linux", 4), ("linux", 3), ("ticks", 2)}:
            return Sight.UNKNOWN
        *there, start = fields
        if tuple(there) != place[: len(there)]:
            return Sight.UNKNOWN
        try:
            now = self._start(pid)
            # One that exists and is not shown belongs to another user, on a /proc that hides those.
            if now is None and psutil.pid_exists(pid) and not (self._proc / str(pid)).exists():
                return Sight.UNKNOWN
        except OSError:
            # This process has no file descriptors to look with.
            return Sight.UNKNOWN
        return Sight.ALIVE if now == start else Sight.GONE

    def _place(self) -> tuple[str, str, str] | None:
        try:
            if os.readlink(self._proc / "self") != str(os.getpid()):  # noqa: PTH115  (a name, not a path)
                return None
            boot = (self._proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            namespace = os.readlink(self._proc / "self/ns/pid")  # noqa: PTH115
            try:
                times = os.readlink(self._proc / "self/ns/time")  # noqa: PTH115
            except FileNotFoundError:  # Linux knows them since 5.6
                times = ""
        except OSError:
            return None
        return boot, namespace.strip("pid:[]"), times.strip("time:[]")

    def _start(self, pid: int) -> str | None:
        """Return the start of a process in ticks since the boot; None if there is none, or it has ended (a zombie)."""
        try:
            stat = (self._proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return None
        # The name in the middle may hold blanks and parentheses; the fields follow the last one.
        fields = stat[stat.rindex(")") + 2 :].split()
        return None if fields[0] in {"Z", "X"} else fields[19]


class PortableProcesses:
    """Knows a process by the machine, the time of its boot, and the time of its start as the system recorded it.

    On Windows and macOS that start does not move when the clock is set; the time of the boot may, and then nobody is
    called gone. Identities: ``created:<machine>:<boot>:<start>``; earlier versions wrote ``created:<start>``, which
    counts as of this machine and boot.
    """

    def identity(self, pid: int) -> str | None:
        """Return the identity."""
        return f"created:{_machine_id()}:{psutil.boot_time():.0f}:{psutil.Process(pid).create_time():.3f}"

    def sight(self, pid: int, identity: str) -> Sight:
        """Look for a process that began at the same instant first: then it is the same one, whenever the boot was."""
        kind, *fields = identity.split(":")
        try:
            start = float(fields[-1])
            here = len(fields) == 1 or (
                fields[0] == _machine_id() and abs(float(fields[1]) - psutil.boot_time()) < _SAME_BOOT_SECONDS
            )
        except (ValueError, IndexError):
            return Sight.UNKNOWN
        if kind != "created":
            return Sight.UNKNOWN
        elsewhere = Sight.GONE if here else Sight.UNKNOWN
        try:
            process = psutil.Process(pid)
            if abs(process.create_time() - start) >= _SAME_INSTANT:
                return elsewhere
            return elsewhere if process.status() == psutil.STATUS_ZOMBIE else Sight.ALIVE
        except psutil.NoSuchProcess:
            return elsewhere
        except psutil.AccessDenied:
            return Sight.UNKNOWN


_NATIVE: Processes = LinuxProcesses() if sys.platform == "linux" else PortableProcesses()


def process_identity(pid: int) -> str | None:
    """Return a text that no other process has, before or after, whatever happens to the clock.

    Returns:
        The text; None if this system cannot tell now (a container that has no /proc of its own).

    Raises:
        psutil.NoSuchProcess: There is no such process.
    """
    return _NATIVE.identity(pid)


def sight_of(pid: int, identity: str | None) -> Sight:
    """Tell what can be seen of the process with this id that had this identity; of one without, nothing."""
    return Sight.UNKNOWN if identity is None else _NATIVE.sight(pid, identity)


def _machine_id() -> str:
    """Return what tells this machine from others of its name, if the system has such a thing."""
    if sys.platform == "win32":
        import winreg  # noqa: PLC0415  (Windows only)

        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft\Cryptography") as key:
                return str(winreg.QueryValueEx(key, "MachineGuid")[0])
        except OSError:
            return ""
    else:
        return ""
