"""Sessions in a file of this account, so that open tabs go on after a restart of the app.

Owns the file: it holds hashes of cookies and keys and never one of them, ends with another password, and is written
anew as a whole. Must not know what a session is good for.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROLONGED_SECONDS = 60.0
"""That somebody still looks is written this often at most."""


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A session as the file has it: hashes as hexadecimal digits, moments as seconds since 1970."""

    cookie: str
    key: str
    began: float
    seen: float


class SessionFile:
    """The file.

    Args:
        path: Where it is, in a folder that only this account can use.
        password: The salted hash of the password that lets people in, and whether the one that was kept is of the same
            password; None where there is none.
        wall: Seconds since 1970.
    """

    def __init__(
        self,
        path: Path,
        *,
        password: tuple[str, Callable[[str], bool]] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._password = password
        self._wall = wall
        self._written = 0.0

    def now(self) -> float:
        """Return the seconds since 1970."""
        return self._wall()

    def read(self) -> list[KeptSession]:
        """Return the sessions that were kept; none where there is no such file, or another password is set by now."""
        try:
            content: Any = json.loads(self._path.read_text("utf-8"))
            kept = content["password"]
            same = kept is None if self._password is None else bool(kept) and self._password[1](str(kept))
            rows = content["sessions"] if same else []
            return [KeptSession(str(cookie), str(key), float(began), float(seen)) for cookie, key, began, seen in rows]
        except (OSError, ValueError, TypeError, KeyError):
            return []  # somebody signs in again: that is all there is to lose

    def write(self, sessions: Iterable[KeptSession], *, prolonged: bool = False) -> None:
        """Keep these sessions and no others.

        Args:
            sessions: All there are.
            prolonged: Whether nothing changed but that somebody looked, which need not be written each time.
        """
        if prolonged and self._wall() - self._written < PROLONGED_SECONDS:
            return
        rows = [[each.cookie, each.key, each.began, each.seen] for each in sessions]
        text = json.dumps({"password": self._password[0] if self._password else None, "sessions": rows})
        draft = self._path.with_suffix(".new")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            draft.replace(self._path)
        except OSError:
            # A full disk costs a login after the next restart. But whoever signed out must not be in again by then.
            if not prolonged:
                with suppress(OSError):
                    self._path.unlink()
            return
        self._written = self._wall()
