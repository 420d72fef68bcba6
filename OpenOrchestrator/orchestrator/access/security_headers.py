"""The security headers of every answer: what a browser may load, run and embed. Must not know who is in."""

from __future__ import annotations

import secrets

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from OpenOrchestrator.orchestrator.access.sites import Site

NONCE = "openorchestrator.nonce"
"""Where the nonce of a page is in the scope of its request; the template of pages puts it on its own scripts."""


class SecurityHeaders:
    """Sends one answer with its security headers.

    Args:
        send: Where it goes.
        site: What the browser calls this app; None if that makes no sense.
        secure: Whether the browser came by HTTPS.
        cookie_path: Path of every cookie.
        keep: Whether browsers may keep it, as style sheets and scripts.

    Attributes:
        nonce: Lets scripts run that carry it.
        started: Whether the answer has begun.
    """

    def __init__(self, send: Send, *, site: Site | None, secure: bool, cookie_path: str, keep: bool) -> None:
        self._send = send
        self._site = site
        self._secure = secure
        self._cookie_path = cookie_path
        self._keep = keep
        self.started = False
        self.nonce = secrets.token_urlsafe(16)

    async def plain(self, message: Message) -> None:
        """Send an answer of the guard, which has no script but one with the nonce."""
        if message["type"] == "http.response.start":
            headers = self._common(message)
            headers["Content-Security-Policy"] = (
                f"default-src 'none'; script-src 'nonce-{self.nonce}'; style-src 'unsafe-inline'; form-action 'self'; "
                "frame-ancestors 'none'; base-uri 'none'"
            )
            headers["Cache-Control"] = "no-store"
        await self._send(message)

    async def page(self, message: Message) -> None:
        """Send an answer of the app."""
        if message["type"] == "http.response.start":
            headers = self._common(message)
            headers["Content-Security-Policy"] = self._policy()
            if not self._keep:
                headers.setdefault("Cache-Control", "no-store")
        await self._send(message)

    def _common(self, message: Message) -> MutableHeaders:
        self.started = True
        headers = MutableHeaders(scope=message)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        # Not no-referrer: a browser then sends "Origin: null" with the login form, and the login would be refused.
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
        cookies = headers.getlist("set-cookie")
        if cookies:
            del headers["set-cookie"]
            for cookie in cookies:
                headers.append("set-cookie", self._narrowed(cookie))
        return headers

    def _narrowed(self, cookie: str) -> str:
        """Return a cookie that goes to this app only, and only by HTTPS if the browser came by it."""
        parts = [part.strip() for part in cookie.split(";")]
        kept = [part for part in parts if part.partition("=")[0].lower() not in ("path", "secure")]
        return "; ".join([*kept, f"Path={self._cookie_path}", *(["Secure"] if self._secure else [])])

    def _policy(self) -> str:
        # 'unsafe-eval' because Vue compiles templates in the browser; inline scripts only with this answer's nonce.
        sockets = ""
        if self._site is not None:
            host = f"[{self._site.host}]" if ":" in self._site.host else self._site.host
            sockets = f" ws://{host}:{self._site.port} wss://{host}:{self._site.port}"
        return (
            f"default-src 'none'; script-src 'self' 'unsafe-eval' 'nonce-{self.nonce}'; "
            "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
            f"connect-src 'self'{sockets}; worker-src 'self' blob:; manifest-src 'self'; form-action 'self'; "
            "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
        )
