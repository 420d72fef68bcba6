"""Replacing and deleting files and folders that others may look at, on Windows too.

Owns patience: Windows refuses to replace or delete a file that somebody has open, and one that is read-only, as git's
objects are. Knows nothing of git.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

TRASH_SUFFIX = ".trash"
"""What folders that are being deleted end in; whoever finds one may go on with it."""

_ON_WINDOWS = os.name == "nt"
_PATIENCE = 2.0
_PAUSE = 0.02


def unlink(path: Path) -> None:
    """Delete a file, or do nothing if it is gone.

    Raises:
        OSError: It cannot be deleted, also after some time.
    """
    _patiently(lambda: path.unlink(missing_ok=True), path)


def rename(source: Path, target: Path) -> None:
    """Rename a file or folder; an existing file is replaced at once.

    Raises:
        OSError: It is not possible, also after some time.
    """
    _patiently(lambda: source.replace(target), target)


def write_json(path: Path, content: object) -> None:
    """Replace a file by this content at once: a reader sees the old or the new one."""
    temporary = path.with_name(f"{path.name}.{uuid4().hex}.tmp")
    temporary.write_text(json.dumps(content), encoding="utf-8")
    rename(temporary, path)


def read_json(path: Path) -> dict[str, Any]:
    """Return what ``write_json`` wrote; empty if there is nothing to be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def remove_tree(path: Path) -> None:
    """Delete a folder, or whatever stands in its place, so that an interruption leaves nothing that looks usable.

    What cannot be deleted (a program still runs in it) stays under a name that ends in TRASH_SUFFIX.

    Raises:
        OSError: It cannot even be renamed; it is still there, unchanged.
    """
    if path.is_symlink() or path.is_file():
        unlink(path)
        return
    if not path.exists():
        return
    trash = path.with_name(f"{path.name}.{uuid4().hex}{TRASH_SUFFIX}")
    rename(path, trash)
    empty_trash(trash)


def empty_trash(trash: Path) -> bool:
    """Delete what ``remove_tree`` put aside, as far as that is possible now.

    Returns:
        Whether it is gone.
    """
    give_up_at = time.monotonic() + _PATIENCE
    while True:
        # Python 3.12 renamed the parameter; the old one goes on working in all versions we support.
        shutil.rmtree(trash, onerror=_make_writable_and_retry)
        if not os.path.lexists(trash):
            return True
        if not _ON_WINDOWS or time.monotonic() >= give_up_at:
            return False
        time.sleep(_PAUSE)


def _make_writable_and_retry(function: Callable[[str], object], path: str, _: object) -> None:
    """Give write permission and try once more: on Windows to the file, elsewhere to the folder it is in."""
    with contextlib.suppress(OSError):
        folder = path if function in {os.scandir, os.open, os.listdir} else str(Path(path).parent)
        Path(folder).chmod(stat.S_IRWXU)
        if _ON_WINDOWS:
            Path(path).chmod(stat.S_IWRITE)
        if function in {os.unlink, os.remove, os.rmdir}:
            function(path)


def _patiently(action: Callable[[], object], path: Path) -> None:
    give_up_at = time.monotonic() + _PATIENCE
    while True:
        try:
            action()
        except PermissionError:
            if not _ON_WINDOWS or time.monotonic() >= give_up_at:
                raise
            with contextlib.suppress(OSError):
                if path.is_file():
                    path.chmod(stat.S_IWRITE)
            time.sleep(_PAUSE)
        else:
            return
