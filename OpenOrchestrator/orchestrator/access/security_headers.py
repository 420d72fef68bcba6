"""The security headers of every answer: what a browser may load, run and embed. Must not know who is in."""

from __future__ import annotations

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Scope, Send

_HOST = re.compile(r"[A-Za-z0-9.\-_]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
_SCRIPT = re.compile(rb"<script(?=[\s>])")


class SecurityHeaders:
    """Sends one answer with its security headers, and with a nonce on the scripts of a page.

    Args:
        send: Where it goes.
        scope: Of the request.
        headers: Of the request.
    """

    def __init__(self, send: Send, scope: Scope, headers: Headers) -> None:
        self._send = send
        self._host = headers.get("host", "")
        self._nonce = secrets.token_urlsafe(16)
        self._static = "/_nicegui/" in scope["path"] or "/_assets/" in scope["path"]
        self._start: Message | None = None
        self._html = False
        self._body = bytearray()

    async def plain(self, message: Message) -> None:
        """Send an answer of our own, which has no script at all."""
        if message["type"] == "http.response.start":
            headers = self._common(message)
            headers["Content-Security-Policy"] = (
                "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; "
                "base-uri 'none'"
            )
            headers["Cache-Control"] = "no-store"
        await self._send(message)

    async def page(self, message: Message) -> None:
        """Send an answer of the app. NiceGUI's pages are collected, so that their scripts can carry the nonce."""
        if message["type"] == "http.response.start":
            headers = self._common(message)
            self._html = headers.get("content-type", "").startswith("text/html")
            if not self._static:
                headers.setdefault("Cache-Control", "no-store")
                headers["Content-Security-Policy"] = self._policy()
            if self._html:
                self._start = message
                return
        elif self._html and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            body = _SCRIPT.sub(f'<script nonce="{self._nonce}"'.encode("ascii"), bytes(self._body))
            assert self._start is not None  # noqa: S101  (the start always comes before the body)
            MutableHeaders(scope=self._start)["content-length"] = str(len(body))
            await self._send(self._start)
            await self._send({**message, "body": body})
            return
        await self._send(message)

    def _common(self, message: Message) -> MutableHeaders:
        headers = MutableHeaders(scope=message)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        # Not no-referrer: a browser then sends "Origin: null" with the login form, and the login would be refused.
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
        return headers

    def _policy(self) -> str:
        # 'unsafe-eval' because Vue compiles templates in the browser; inline scripts only with this answer's nonce.
        sockets = f" ws://{self._host} wss://{self._host}" if _HOST.fullmatch(self._host) else ""
        return (
            f"default-src 'none'; script-src 'self' 'unsafe-eval' 'nonce-{self._nonce}'; "
            "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
            f"connect-src 'self'{sockets}; worker-src 'self' blob:; manifest-src 'self'; form-action 'self'; "
            "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
        )
