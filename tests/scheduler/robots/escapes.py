"""Leaves processes behind that try to get away: plain child, own group, own session, double fork, empty environment.

Process arguments: ``<folder>|<"stay" or "end">``. Each process writes its id into the folder, keeps the pipes open,
and ignores every request to end.
"""

import os
import signal
import sys
import time
from pathlib import Path

folder, then = sys.argv[4].split("|")


def linger(name: str) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    (Path(folder) / f"{name}.part").write_text(str(os.getpid()))
    (Path(folder) / f"{name}.part").rename(Path(folder) / f"{name}.pid")
    while True:
        time.sleep(1)


def child() -> None:
    linger("child")


def group() -> None:
    os.setpgid(0, 0)
    linger("group")


def session() -> None:
    os.setsid()
    linger("session")


def double() -> None:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.setsid()
    linger("double")


def nameless() -> None:
    os.setsid()
    if os.fork():
        os._exit(0)
    code = (
        "import os, sys, time, pathlib; p = pathlib.Path(sys.argv[1]);"
        "p.with_suffix('.part').write_text(str(os.getpid()));"
        "p.with_suffix('.part').rename(p); time.sleep(600)"
    )
    os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", code, f"{folder}/nameless.pid"], {})


NAMES = ("child", "group", "session", "double", "nameless")
if __name__ == "__main__":
    for name in NAMES:
        if os.fork() == 0:
            globals()[name]()
    while not all((Path(folder) / f"{name}.pid").exists() for name in NAMES):
        time.sleep(0.01)
    print("all out", flush=True)
    while then == "stay":
        time.sleep(1)
    sys.exit(4)
