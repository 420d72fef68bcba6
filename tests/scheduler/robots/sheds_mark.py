"""Starts processes without the mark of the run: in the robot's session, in another group of it, and below such a one.

Process arguments: a folder, for the ids of the processes. It stays, and so do they.
"""

import os
import sys
import time
from pathlib import Path

NAMES = ("session", "group", "below")


def linger_unmarked(name: str) -> None:
    code = (
        "import os, sys, time, pathlib; p = pathlib.Path(sys.argv[1]);"
        "p.with_suffix('.part').write_text(str(os.getpid()));"
        "p.with_suffix('.part').rename(p);"
        "f = os.fork() if sys.argv[2] == 'group' else 1;"
        "f or os.setsid();"
        "f or os.execve(sys.executable, [sys.executable, '-I', '-S', '-c', sys.argv[3], str(p.with_name('below.pid')),"
        " 'below', ''], {});"
        "time.sleep(600)"
    )
    arguments = ["-I", "-S", "-c", code, str(Path(folder) / f"{name}.pid"), name, code]
    os.execve(sys.executable, [sys.executable, *arguments], {})


folder = sys.argv[4]
for name in ("session", "group"):
    if os.fork() == 0:
        if name == "group":
            os.setpgid(0, 0)
        linger_unmarked(name)
while not all((Path(folder) / f"{name}.pid").exists() for name in NAMES):
    time.sleep(0.01)
print("all out", flush=True)
while True:
    time.sleep(1)
