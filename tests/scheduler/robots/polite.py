"""Cleans up and ends with status 7 when asked to end; otherwise waits."""

import signal
import sys
import time


def leave(*_: object) -> None:
    print("cleaned up", flush=True)
    sys.exit(7)


signal.signal(signal.SIGTERM, leave)
if hasattr(signal, "SIGBREAK"):
    signal.signal(signal.SIGBREAK, leave)
print("ready", flush=True)
while True:
    time.sleep(0.05)
