"""What of a robot's files is started: its ``main.py``, another file, or a module.

Owns how that is written. Pure; where the file or module is found, is the scheduler's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

from OpenOrchestrator.common.errors import InvalidInputError

LONGEST_ENTRY = 250
"""Characters of an entry at most."""

_SUFFIX = ".py"


@dataclass(frozen=True, slots=True)
class RobotEntry:
    """A file or a module; exactly one of them is there.

    Attributes:
        file: Path of a Python file from the root of the robot's files, with ``/`` between its parts.
        module: Name of a module, as after ``python -m``.
    """

    file: str | None = None
    module: str | None = None


def read_entry(text: str | None) -> RobotEntry | None:
    """Return what an entry names: ``jobs/night.py`` a file, ``robot_framework`` a module; None for nothing written.

    Raises:
        InvalidInputError: If it is neither.
    """
    words = (text or "").strip()
    if not words:
        return None
    if len(words) > LONGEST_ENTRY:
        raise InvalidInputError(f"The entry can have {LONGEST_ENTRY} characters at most; this has {len(words)}.")
    if words.lower().endswith(_SUFFIX):
        return RobotEntry(file=_file(words))
    if all(part.isidentifier() for part in words.split(".")):
        return RobotEntry(module=words)
    raise InvalidInputError(
        f"The entry {words!r} is neither a Python file, such as main.py or jobs/night.py, nor a module, such as "
        "robot_framework."
    )


def _file(words: str) -> str:
    path = PurePosixPath(words.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(words).drive or ".." in path.parts or "\0" in words:
        raise InvalidInputError(
            f"The entry {words!r} has to be a path within the robot's files, such as main.py or jobs/night.py."
        )
    return str(path)
