"""The session of a robot: how the host remembers it, and which processes are in it when the host is gone.

A robot leads a session whose number is its process id. What it starts stays in it unless it leaves on purpose, also
without the mark in its environment and in another process group (groups are parts of sessions). Used by the host and by
the scheduler: standard library only, nothing of ours but its neighbour. Linux only; elsewhere nothing is remembered and
nobody is found. Must not end any process.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __package__:
    from OpenOrchestrator.scheduler.host import proc_stat
else:
    import proc_stat


def remember(robot_pid: int) -> dict[str, Any] | None:
    """Return what tells the session of a robot from others of the same number, for the file of the host.

    None where that cannot be told: then its processes are found by their mark alone.
    """
    robot, place = proc_stat.read(robot_pid), _place()
    if robot is None or place is None:
        return None
    return {"number": robot_pid, "start": robot.start, "place": place}


def members(remembered: object, beside: Collection[int] = ()) -> set[int]:
    """Return the living processes of a remembered session, and all that are below them.

    The number of a session is not given out again as long as a process is in it. One that was given out again since
    the last of them ended is recognised as long as its leader lives.

    Args:
        remembered: What ``remember`` returned, as it was read; nobody is found for anything else.
        beside: Other processes of the run: what is below them belongs to it too.
    """
    processes = dict(proc_stat.read_all())
    number = _number(remembered, processes)
    below: dict[int, list[int]] = {}
    for pid, process in processes.items():
        below.setdefault(process.parent, []).append(pid)
    queue = [pid for pid, process in processes.items() if number is not None and process.session == number]
    found = set(queue)
    queue += beside
    while queue:
        for pid in below.get(queue.pop(), ()):
            if pid not in found:
                found.add(pid)
                queue.append(pid)
    return {pid for pid in found if processes[pid].is_alive} - {os.getpid()}


def _number(remembered: object, processes: dict[int, proc_stat.ProcessStat]) -> int | None:
    """Return the number of the session, or None if it means another one by now."""
    if not isinstance(remembered, dict) or remembered.get("place") != _place():
        return None
    number = remembered.get("number")
    if not isinstance(number, int):
        return None
    leader = processes.get(number)
    return number if leader is None or leader.start == remembered.get("start") else None


def _place() -> list[str] | None:
    """Return the boot and the process namespace in which numbers of processes mean what they mean here."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return [boot, os.readlink("/proc/self/ns/pid")]  # noqa: PTH115 - a name, not a path
    except OSError:
        return None
