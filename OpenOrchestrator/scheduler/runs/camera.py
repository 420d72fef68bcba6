"""Takes a picture of all screens, as a program of its own: ``python -m OpenOrchestrator.scheduler.runs.camera FILE``.

What talks to a desktop is native code, which may hang or crash: that must not happen to a scheduler. Needs the package
mss, which is optional.
"""

from __future__ import annotations

import importlib
import sys

_ALL_SCREENS = -1


def main(path: str) -> None:
    """Store the picture as PNG."""
    mss = importlib.import_module("mss")
    with mss.mss() as screens:
        screens.shot(mon=_ALL_SCREENS, output=path)


if __name__ == "__main__":
    main(sys.argv[1])
