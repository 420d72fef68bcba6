"""What passes when others give something back, and what does not."""

from __future__ import annotations

import errno

import pytest

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.common.shortage import is_shortage


def of_windows(number: int) -> OSError:
    error = OSError(errno.EINVAL, "text")
    error.winerror = number  # type: ignore[attr-defined, unused-ignore]
    return error


def caused_by(cause: BaseException) -> LaunchError:
    error = LaunchError("text")
    error.__cause__ = cause
    return error


SHORTAGES: list[BaseException] = [
    *(OSError(number, "text") for number in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN)),
    *(of_windows(number) for number in (4, 8, 1450, 1455, 10024, 10055)),
    MemoryError(),
    RuntimeError("can't start new thread"),
    caused_by(OSError(errno.EMFILE, "text")),
]

OTHERS: list[BaseException] = [
    FileNotFoundError(errno.ENOENT, "text"),
    PermissionError(errno.EACCES, "text"),
    OSError(errno.ENOSPC, "text"),
    ConnectionResetError(errno.ECONNRESET, "text"),
    of_windows(5),
    RuntimeError("text"),
    caused_by(OSError(errno.ENOENT, "text")),
]


@pytest.mark.parametrize("error", SHORTAGES, ids=repr)
def test_passes(error: BaseException) -> None:
    assert is_shortage(error)


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_stays(error: BaseException) -> None:
    assert not is_shortage(error)
