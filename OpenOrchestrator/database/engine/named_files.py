"""The files that a connection string names, certificates above all: which of them cannot be read.

Python's ``ssl`` does not say which file it could not read, so they are tried one by one after it has failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_OPTIONS = ("ssl_ca", "ssl_capath", "ssl_cert", "ssl_key")


def trouble(named: Mapping[str, Any], error: OSError) -> str:
    """Return which of the files that a driver was told to read is the trouble, and why; the error's words without one.

    Args:
        named: The driver's arguments.
        error: What it raised.
    """
    files = list(_files(named))
    for option, path in files:
        reason = _unreadable(path, is_folder=option == "ssl_capath")
        if reason is not None:
            return f"{option} {path!r}: {reason}"
    # All can be read, so one of them is not what it should be.
    told = ", ".join(f"{option} {path!r}" for option, path in files)
    return f"{told}: {error}" if told else str(error)


def _files(named: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    tls = named.get("ssl")  # where SQLAlchemy puts them
    given = {**named, **({f"ssl_{name}": value for name, value in tls.items()} if isinstance(tls, Mapping) else {})}
    for option in _OPTIONS:
        if isinstance(given.get(option), str):
            yield option, given[option]


def _unreadable(path: str, *, is_folder: bool) -> str | None:
    try:
        if is_folder:
            next(Path(path).iterdir(), None)
        else:
            Path(path).open("rb").close()
    except OSError as error:
        return error.strerror or str(error)
    return None
