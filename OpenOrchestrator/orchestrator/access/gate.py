"""Who is in: sessions and one-time links.

Owns every secret of the login but the password, and keeps each as its hash only. Must not know HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from OpenOrchestrator.orchestrator.access.kept_sessions import KeptSession, SessionFile
from OpenOrchestrator.orchestrator.access.passwords import Password
from OpenOrchestrator.orchestrator.access.throttle import Throttle

SESSION_IDLE_SECONDS = 12 * 3600
"""A session ends this long after somebody last looked at one of its tabs."""

SESSION_MOST_SECONDS = 7 * 24 * 3600
"""A session ends this long after it began, whatever happens in it."""

LINK_SECONDS = 600
"""A one-time link ends this long after it was made."""

MOST_SESSIONS = 1000


class SignIn(NamedTuple):
    """What a browser gets when it is let in.

    Attributes:
        cookie: Sent with every request, to every port of this machine: it opens nothing by itself.
        key: Kept by the pages of this origin only, and asked for wherever there is data.
    """

    cookie: str
    key: str


@dataclass(slots=True)
class _Session:
    key: bytes
    began: float
    seen: float


class Gate:
    """Who is in: sessions and one-time links. Links live as long as the process, sessions as long as their file.

    Args:
        port: Part of the cookie's name, because browsers share cookies between ports.
        password: Opens the app to whoever knows it; None for the one-time link alone.
        on_link_used: Told when the one-time link was used.
        on_link_wanted: Told when somebody needs a one-time link and the one there is was used or ends soon.
        monotonic: Seconds that never go back.
        kept: The sessions of earlier runs, and where those of this one are kept; None for no longer than the process.
    """

    def __init__(
        self,
        port: int,
        *,
        password: Password | None = None,
        on_link_used: Callable[[], None] | None = None,
        on_link_wanted: Callable[[], None] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        kept: SessionFile | None = None,
    ) -> None:
        self.password = password
        self.throttle = Throttle(monotonic)
        self.cookie = f"openorchestrator_{port}"
        self._on_link_used = on_link_used
        self._on_link_wanted = on_link_wanted
        self._monotonic = monotonic
        self._link: tuple[bytes, float] | None = None
        self._sessions: dict[bytes, _Session] = {}
        self._kept = kept
        self._recall()

    def new_link_token(self) -> str:
        """Return a new token for the one-time link, good for LINK_SECONDS; the former one ends."""
        token = secrets.token_urlsafe(32)
        self._link = _digest(token), self._monotonic() + LINK_SECONDS
        return token

    def use_link(self, token: str) -> SignIn | None:
        """Return a new session for the one-time token, or None if it is not the one or has ended; it works once."""
        if self._link is None:
            return None
        digest, end = self._link
        if not hmac.compare_digest(digest, _digest(token)) or self._monotonic() > end:
            return None
        self._link = None
        session = self.new_session()
        if self._on_link_used is not None:
            self._on_link_used()
        return session

    def ask_for_link(self) -> None:
        """Have a new link shown to who started the app, unless the one there is works for a good while yet."""
        if self._on_link_wanted is None:
            return
        if self._link is None or self._link[1] - self._monotonic() < LINK_SECONDS / 2:
            self._on_link_wanted()

    def new_session(self) -> SignIn:
        """Begin a session."""
        if len(self._sessions) >= MOST_SESSIONS:
            self._sessions.pop(min(self._sessions, key=lambda each: self._sessions[each].seen))
        cookie, key = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        now = self._monotonic()
        self._sessions[_digest(cookie)] = _Session(_digest(key), now, now)
        self._keep()
        return SignIn(cookie, key)

    def end_session(self, cookie: str) -> None:
        """End a session; its open tabs are cut off."""
        self._sessions.pop(_digest(cookie), None)
        self._keep()

    def end_all_sessions(self) -> None:
        """End every session there is, and the one-time link."""
        self._sessions.clear()
        self._link = None
        self._keep()

    def known(self, cookies: Iterable[str]) -> str | None:
        """Return the first of these cookies whose session lives. Enough for what holds no data, not for more."""
        return next((cookie for cookie in cookies if self._living(cookie) is not None), None)

    def admits(self, cookie: str | None, key: str | None) -> bool:
        """Tell whether a session lives and this is the key that belongs to its cookie. Does not prolong it."""
        session = self._living(cookie)
        return session is not None and bool(key) and hmac.compare_digest(session.key, _digest(key or ""))

    def prolong(self, cookie: str | None, key: str | None) -> bool:
        """Tell the same, and count it as somebody looking at a tab."""
        if not self.admits(cookie, key):
            return False
        self._sessions[_digest(cookie or "")].seen = self._monotonic()
        self._keep(prolonged=True)
        return True

    def _recall(self) -> None:
        """Take up the sessions that were kept; what has ended meanwhile is found when it is asked for."""
        if self._kept is None:
            return
        offset = self._monotonic() - self._kept.now()
        for each in self._kept.read()[:MOST_SESSIONS]:
            # A clock that was set back must not prolong a session.
            began, seen = (min(moment, self._kept.now()) + offset for moment in (each.began, each.seen))
            try:
                self._sessions[bytes.fromhex(each.cookie)] = _Session(bytes.fromhex(each.key), began, seen)
            except ValueError:
                continue

    def _keep(self, *, prolonged: bool = False) -> None:
        if self._kept is not None:
            offset = self._kept.now() - self._monotonic()
            sessions = [
                KeptSession(cookie.hex(), each.key.hex(), each.began + offset, each.seen + offset)
                for cookie, each in self._sessions.items()
            ]
            self._kept.write(sessions, prolonged=prolonged)

    def _living(self, cookie: str | None) -> _Session | None:
        if not cookie:
            return None
        digest, now = _digest(cookie), self._monotonic()
        session = self._sessions.get(digest)
        if session is None:
            return None
        if now - session.seen > SESSION_IDLE_SECONDS or now - session.began > SESSION_MOST_SECONDS:
            del self._sessions[digest]
            return None
        return session


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
