"""The files of one run: their names, and how they are written so that a reader never sees half of one.

Owns the layout of a run directory. The robot host writes it and the scheduler reads it, so this module has to work
in both: standard library only, nothing of ours, nothing platform-specific beyond what is guarded here.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

HOST_FILE = "host.json"
"""Who owns the run: written by the launcher before the host may start anything, again by the host with the robot."""

EXIT_FILE = "exit.json"
"""How the run ended. Its existence is what says that it ended."""

EXIT_RESERVE_FILE = "exit.reserved"
"""Blank space taken when the run is created and turned into the exit file, so that a full disk cannot lose it."""

EXIT_RESERVE_BYTES = 16_384
"""Size of that space. Texts in the exit file are cut to fit."""

STOP_FILE = "stop.json"
"""Written by the scheduler to ask the host for an end."""

ASKED_FILE = "asked.json"
"""Written by the host when it has asked the robot to come to an end by itself, with the time."""

OUTPUT_FILE = "output.jsonl"
"""What the robot wrote, one JSON record to a line, append only."""

KEPT_LOG_FILE = "log.json"
"""An Error message of the scheduler about the run, for as long as the database does not take it."""

HOST_LOG_FILE = "host.log"
"""Standard error of the host itself; empty unless something is wrong with the host."""

JOB_VARIABLE = "OPENORCHESTRATOR_JOB"
"""Environment variable that marks every process of a run with the id of its job."""

_REPLACE_PATIENCE = 2.0


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a file by this content at once: a reader sees the old or the new file, never a part.

    Args:
        path: The file. Its directory must exist.
        content: What json can write.

    Raises:
        OSError: The disk is full or the directory is gone; the old file is unchanged.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file)
        replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def reserve_exit(directory: Path) -> None:
    """Take the space that the exit file will need.

    Raises:
        OSError: There is no room. A run that could not be recorded must not start.
    """
    descriptor = os.open(directory / EXIT_RESERVE_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"\n" * EXIT_RESERVE_BYTES)


def write_exit(directory: Path, content: dict[str, Any]) -> None:
    """Record how the run ended: durable, at once, and also on a disk that is full by now.

    The text goes into the reserved space (blanks after it are part of JSON), which needs no new block; then the file
    is renamed.

    Args:
        directory: The run directory.
        content: What json can write, in at most EXIT_RESERVE_BYTES to keep the promise about the full disk.

    Raises:
        OSError: The directory is gone, or there was neither reserved nor free space.
    """
    reserve = directory / EXIT_RESERVE_FILE
    descriptor = os.open(reserve, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.dumps(content).encode("ascii"))
        file.flush()
        os.fsync(file.fileno())
    replace(reserve, directory / EXIT_FILE)


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a file written by this module.

    Returns:
        Its content, or None while it does not exist, or when it holds no JSON object (a disk that lost power).

    Raises:
        OSError: It exists and cannot be read.
    """
    give_up_at = time.monotonic() + _REPLACE_PATIENCE
    while True:
        try:
            content = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except PermissionError:
            # Windows refuses to open a file in the moment it is being replaced.
            if os.name != "nt" or time.monotonic() >= give_up_at:
                raise
            time.sleep(0.01)
        except ValueError:
            return None
        else:
            return content if isinstance(content, dict) else None


def replace(source: Path, target: Path) -> None:
    """Rename over an existing file, waiting out a reader on Windows, where an open file cannot be replaced."""
    give_up_at = time.monotonic() + _REPLACE_PATIENCE
    while True:
        try:
            source.replace(target)
        except PermissionError:
            if os.name != "nt" or time.monotonic() >= give_up_at:
                raise
            time.sleep(0.01)
        else:
            return
