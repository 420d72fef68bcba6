"""Files and folders that only their account can use, from the first moment on and whatever the umask says.

On Windows new files have the rights of their folder, and those of an account's own folders are private.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, each for this account alone. One that exists stays as it is.

    Raises:
        OSError: If it cannot be made, or is a file.
    """
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError as error:  # callers take it for a folder of that name
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from error


def make_file(path: Path) -> bool:
    """Make an empty file for this account alone, and return whether it was missing. One that exists is not opened.

    Raises:
        OSError: If it cannot be made.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


def others_may_use(path: Path) -> bool:
    """Tell whether other accounts of this machine have any right on a file that exists; always False on Windows."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & 0o077)
    except OSError:
        return False
