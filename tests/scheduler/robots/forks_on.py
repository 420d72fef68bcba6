"""Starts a process that gets away again and again, and ends at once or stays.

Process arguments: ``<file>|<"stay" or "end">``. Every few milliseconds the process forks twice, the middle one in a
session of its own, and ends; it has no environment. All of them keep the file open, and with it a lock. After some
thousand rounds it ends by itself.
"""

import fcntl
import os
import sys
import time
from pathlib import Path

ROUNDS = 5_000

if len(sys.argv) == 2:  # the process that gets away
    held = int(sys.argv[1])
    for number in range(ROUNDS):
        if number == 5:
            os.write(held, b"on its way")
        time.sleep(0.002)
        if os.fork():
            os._exit(0)
        os.setsid()
        if os.fork():
            os._exit(0)
    os._exit(0)

name, then = sys.argv[4].split("|")
descriptor = os.open(name, os.O_RDWR | os.O_CREAT)
fcntl.flock(descriptor, fcntl.LOCK_EX)
os.set_inheritable(descriptor, True)
if os.fork() == 0:
    os.execve(sys.executable, [sys.executable, "-I", "-S", __file__, str(descriptor)], {})
while not Path(name).read_bytes():
    time.sleep(0.01)
print("it is out", flush=True)
while then == "stay":
    time.sleep(1)
sys.exit(4)
