"""What wakes the scheduler's loop: a due time, a signal, or the end of a robot, whichever comes first.

Must not know why it rings.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket


class Bell:
    """A bell that one thread sleeps by and any thread or signal handler rings.

    A socket pair rather than a lock: a signal handler that runs inside a lock's own code would wait for itself, and on
    Windows only a socket ends a sleep when Ctrl+C is pressed.
    """

    def __init__(self) -> None:
        self._listening, self._ringing = socket.socketpair()
        self._listening.setblocking(False)
        self._ringing.setblocking(False)
        self._rings_on_signals = False

    def ring(self) -> None:
        """Wake the sleeper, or keep it from falling asleep next time. Safe in signal handlers and all threads."""
        with contextlib.suppress(OSError):  # full: it rings already; closed: nobody sleeps any more
            self._ringing.send(b"\0")

    def sleep(self, seconds: float) -> bool:
        """Sleep at most so long.

        Returns:
            Whether the bell rang.
        """
        readable, _, _ = select.select([self._listening], [], [], max(0.0, seconds))
        if not readable:
            return False
        with contextlib.suppress(BlockingIOError):
            while self._listening.recv(4096):
                pass
        return True

    def ring_on_signals(self) -> None:
        """Let every signal that has a handler ring too. Only from the main thread."""
        signal.set_wakeup_fd(self._ringing.fileno(), warn_on_full_buffer=False)
        self._rings_on_signals = True

    def close(self) -> None:
        """Stop listening to signals, and close the sockets. After ``ring_on_signals``, only from the main thread."""
        if self._rings_on_signals:
            signal.set_wakeup_fd(-1)
        self._listening.close()
        self._ringing.close()
