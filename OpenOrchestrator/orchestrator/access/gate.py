"""Who is in: the password, sessions, one-time links and the count of wrong passwords.

Owns every secret of the login, and keeps each as its hash only. Must not know HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets
import time
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

from OpenOrchestrator.common.errors import ConfigurationError

PASSWORD_VARIABLE = "OpenOrchestratorPassword"  # noqa: S105  (the name, not a password)
SESSION_SECONDS = 12 * 3600
"""A session ends this long after its last request."""

MOST_SESSIONS = 1000
LOGIN_TRIES = 5
LOGIN_WINDOW = 60.0
"""So many wrong passwords per address and so many seconds; ten times as many over all addresses."""


def is_loopback(host: str) -> bool:
    """Tell whether an address or name to listen on can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def safe_target(target: str | None) -> str:
    """Return where to go after the login: a path within this app, or its start."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or "\\" in target:
        return "/"
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in target):
        return "/"
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else "/"


class Password:
    """A password that is only kept as its hash.

    Raises:
        ConfigurationError: If it is shorter than eight characters.
    """

    def __init__(self, password: str) -> None:
        if len(password) < 8:
            raise ConfigurationError(
                f"The password is shorter than 8 characters: choose a longer one and set {PASSWORD_VARIABLE}."
            )
        self._salt = os.urandom(16)
        self._hash = self._hashed(password)

    def matches(self, attempt: str) -> bool:
        """Tell whether this is the password; takes the same time for any attempt. Blocks for some 50 ms."""
        return hmac.compare_digest(self._hash, self._hashed(attempt[:1000]))

    def _hashed(self, password: str) -> bytes:
        return hashlib.scrypt(password.encode("utf-8", "replace"), salt=self._salt, n=2**14, r=8, p=1, dklen=32)


class Gate:
    """Who is in: sessions, one-time links and the count of wrong passwords. Lives as long as the process.

    Args:
        port: Part of the cookie's name, because browsers share cookies between ports.
        password: Opens the app to whoever knows it; None for the one-time link alone.
        on_link_used: Told when the one-time link was used, to print the next one.
        monotonic: Seconds that never go back.
    """

    def __init__(
        self,
        port: int,
        *,
        password: Password | None = None,
        on_link_used: Callable[[], None] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.password = password
        self.cookie = f"openorchestrator_{port}"
        self._on_link_used = on_link_used
        self._monotonic = monotonic
        self._link: bytes | None = None
        self._sessions: dict[bytes, float] = {}
        self._wrong: dict[str, deque[float]] = {}

    def new_link_token(self) -> str:
        """Return a new token for the one-time link; the former one ends."""
        token = secrets.token_urlsafe(32)
        self._link = _digest(token)
        return token

    def use_link(self, token: str) -> str | None:
        """Return a new session for the one-time token, or None if it is not the one; it works once."""
        if self._link is None or not hmac.compare_digest(self._link, _digest(token)):
            return None
        self._link = None
        session = self.new_session()
        if self._on_link_used is not None:
            self._on_link_used()
        return session

    def new_session(self) -> str:
        """Begin a session and return its token."""
        if len(self._sessions) >= MOST_SESSIONS:
            self._sessions.pop(min(self._sessions, key=lambda each: self._sessions[each]))
        token = secrets.token_urlsafe(32)
        self._sessions[_digest(token)] = self._monotonic()
        return token

    def end_session(self, token: str) -> None:
        """End a session; its open tabs are cut off with their next message."""
        self._sessions.pop(_digest(token), None)

    def admits(self, token: str | None) -> bool:
        """Tell whether a session lives, and prolong it."""
        if not token:
            return False
        digest, now = _digest(token), self._monotonic()
        last = self._sessions.get(digest)
        if last is None:
            return False
        if now - last > SESSION_SECONDS:
            del self._sessions[digest]
            return False
        self._sessions[digest] = now
        return True

    def seconds_to_wait(self, address: str) -> int:
        """Return how long an address has to wait before it may try another password; 0 if it may now."""
        now = self._monotonic()
        worst = 0.0
        for key, tries in ((address, LOGIN_TRIES), ("", LOGIN_TRIES * 10)):
            wrong = self._wrong.get(key)
            while wrong and now - wrong[0] > LOGIN_WINDOW:
                wrong.popleft()
            if wrong is not None and not wrong:
                del self._wrong[key]
            elif wrong and len(wrong) >= tries:
                worst = max(worst, LOGIN_WINDOW - (now - wrong[-tries]))
        return int(worst) + 1 if worst > 0 else 0

    def wrong_password(self, address: str) -> None:
        """Count a wrong password."""
        for key in (address, ""):
            self._wrong.setdefault(key, deque(maxlen=LOGIN_TRIES * 10)).append(self._monotonic())

    def forgive(self, address: str) -> None:
        """Forget the wrong passwords of an address: it knows the right one."""
        self._wrong.pop(address, None)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
