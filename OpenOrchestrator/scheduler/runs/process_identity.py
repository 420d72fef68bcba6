"""Which process of this machine is which, although ids are used again and clocks are set.

Owns how a process is remembered and recognised: robot hosts across restarts of the scheduler, and the daemon that held
a name before. Must not end any process.
"""

from __future__ import annotations

from pathlib import Path

import psutil

_SAME_START_SECONDS = 2.0
_SAME_INSTANT = 0.02


def process_identity(pid: int) -> str:
    """Return a text that no other process has, before or after, whatever happens to the clock.

    Raises:
        psutil.NoSuchProcess: There is no such process.
    """
    try:
        # psutil's create time moves when the clock is set; the ticks since boot do not.
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"created:{psutil.Process(pid).create_time():.3f}"
    return f"ticks:{boot}:{stat[stat.rindex(')') + 2 :].split()[19]}"


def is_same_process(pid: int, identity: str) -> bool:
    """Whether the process with this id is alive and is the one that had this identity."""
    try:
        now = process_identity(pid)
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return False
    except psutil.NoSuchProcess:
        return False
    if now.startswith("created:") and identity.startswith("created:"):
        return abs(float(now.partition(":")[2]) - float(identity.partition(":")[2])) < _SAME_INSTANT
    return now == identity


def is_gone(pid: int, started: float) -> bool:
    """Whether a process that ran on this machine is certainly gone.

    Args:
        pid: Its process id.
        started: Its create time as psutil tells it.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        # Create times of the same process differ a little when the machine's clock was set meanwhile.
        return abs(process.create_time() - started) > _SAME_START_SECONDS
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
