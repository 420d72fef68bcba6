"""Comes to its end with status 0 at SIGURG, which tells it that its time is up; otherwise waits."""

import signal
import sys
import time


def leave(*_: object) -> None:
    print("finished what it had begun", flush=True)
    sys.exit(0)


signal.signal(signal.SIGURG, leave)
print("ready", flush=True)
while True:
    time.sleep(0.05)
