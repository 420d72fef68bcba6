"""Where in a robot's files what is started is, and in which folder that is done. Pure.

Owns the rules for finding a ``main.py``, another file, or a module. Reads no files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.common.robot_entry import RobotEntry

_MAIN = "main.py"
_SOURCES = "src"


@dataclass(frozen=True, slots=True)
class Start:
    """What is started. Paths are from the root of the robot's files, with ``/`` between their parts.

    Attributes:
        folder: The working folder; empty for the root.
        file: The Python file; None for a module.
        module: The module; None for a file.
        import_folder: A folder where modules are found besides; None if there is none.
    """

    folder: str
    file: str | None = None
    module: str | None = None
    import_folder: str | None = None


def find_start(names: Iterable[str], entry: RobotEntry | None) -> Start:
    """Return what is started of some files.

    Without an entry that is the first ``main.py``, the one in the shallowest folder, then by alphabet. A module is
    looked for in the same order; where its folder is called ``src``, it is started from the folder around that. One
    that is nowhere may be installed: it is started beside the first ``main.py``, or in the root.

    Args:
        names: Paths of all files.
        entry: What the trigger names; None for nothing.

    Raises:
        LaunchError: The file is not there.
    """
    known = list(names)
    if entry is not None and entry.module is not None:
        return _module(known, entry.module)
    if entry is not None and entry.file is not None:
        if entry.file not in known:
            raise LaunchError(f'The robot has no file "{entry.file}", which its trigger names as the entry.')
        return Start(_parent(entry.file), file=entry.file)
    main = _first(known, _MAIN)
    if main is None:
        raise LaunchError("The repository holds no file main.py in this commit.")
    return Start(_parent(main), file=main)


def _module(names: list[str], module: str) -> Start:
    path = module.replace(".", "/")
    found = [
        name.removesuffix(ending).rstrip("/")
        for ending in (f"{path}/__main__.py", f"{path}.py")
        for name in names
        if name == ending or name.endswith(f"/{ending}")
    ]
    if not found:
        main = _first(names, _MAIN)
        return Start("" if main is None else _parent(main), module=module)
    folder = min(found, key=lambda name: (name.count("/") + bool(name), name))
    if PurePosixPath(folder).name == _SOURCES:
        return Start(_parent(folder), module=module, import_folder=folder)
    return Start(folder, module=module)


def _first(names: Iterable[str], wanted: str) -> str | None:
    found = (name for name in names if name.rpartition("/")[2] == wanted)
    return min(found, key=lambda name: (name.count("/"), name), default=None)


def _parent(name: str) -> str:
    return name.rpartition("/")[0]
