"""The standard streams of a command, which may be missing or be no terminal.

Owns what is done about streams that are closed or absent, and who can be asked. Must import nothing heavy.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TextIO


def complete_streams() -> None:
    """Give this process standard streams where it was started without some, and let them take every character.

    A closed descriptor would be given to the next file or socket that is opened, and whatever writes to the standard
    streams, here or in a child, would write into that. ``pythonw.exe`` and services have no streams at all.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            os.dup2(opened, number)  # inheritable, as standard streams have to be
            if opened > 2:
                os.close(opened)
    if sys.stdin is None:
        sys.stdin = _nothing("r")
    if sys.stdout is None:
        sys.stdout = _nothing("w")
    if sys.stderr is None:
        sys.stderr = _nothing("w")
    # Names and messages hold what the encoding of an old locale cannot say: better shown as escapes than not at all.
    if isinstance(sys.stdout, io.TextIOWrapper):
        with suppress(ValueError):  # closed meanwhile by whoever calls from Python
            sys.stdout.reconfigure(errors="backslashreplace")


def keep_line_ends(stream: TextIO | None) -> None:
    """Let a stream take text with the line ends it has: on Windows the CR LF of a robot would get a second CR."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(newline="")


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether somebody sits at a stream. On Windows ``isatty`` says so of NUL, too, where nobody answers."""
    try:
        if stream is None or not stream.isatty():
            return False
        return _is_console(stream)
    except ValueError:  # closed
        return False


def can_ask() -> bool:
    """Tell whether a question would be answered."""
    return is_terminal(sys.stdin)


def _nothing(mode: str) -> TextIO:
    stream = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115, PTH123  (stays open as long as the process)
    assert isinstance(stream, io.TextIOWrapper)  # noqa: S101  (a text mode was asked for)
    return stream


if sys.platform == "win32":

    def _is_console(stream: TextIO) -> bool:
        import ctypes  # noqa: PLC0415
        import msvcrt  # noqa: PLC0415
        from ctypes import wintypes  # noqa: PLC0415

        get_mode = ctypes.WinDLL("kernel32").GetConsoleMode
        get_mode.argtypes = (wintypes.HANDLE, wintypes.LPDWORD)
        try:
            handle = msvcrt.get_osfhandle(stream.fileno())
        except (OSError, io.UnsupportedOperation):
            return False
        return bool(get_mode(handle, ctypes.byref(wintypes.DWORD())))

else:

    def _is_console(stream: TextIO) -> bool:
        del stream
        return True
