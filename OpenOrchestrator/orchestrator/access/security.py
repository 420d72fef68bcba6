"""Who may talk to the app: a one-time link for the person at the machine, a password for everybody else.

Owns the way in, and the check of where a request comes from. It is an ASGI middleware around everything, NiceGUI's own
routes and its websocket included. Must not know any page.

Rules:
- Without a session, only ``/healthz``, the login and the one-time link answer.
- The one-time link is printed in the terminal and opened in the browser. It works once and becomes a cookie: HttpOnly,
  SameSite=Lax (Strict would lock out everybody who follows a link to a job from a chat or a mail).
- Everything that can change something (websocket, anything but GET and HEAD) must come from this site.
"""

from __future__ import annotations

from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, quote, urlsplit

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from OpenOrchestrator.orchestrator.access import login_page
from OpenOrchestrator.orchestrator.access.gate import Gate, safe_target
from OpenOrchestrator.orchestrator.access.security_headers import SecurityHeaders
from OpenOrchestrator.orchestrator.backend.base import off_loop


class Guard:
    """The middleware: lets in who has a session, and puts the security headers on everything.

    Args:
        app: What it guards.
        gate: Who is in.
        health: Answers ``/healthz``: the status code and what it says; no secrets, everybody may ask.
        base_path: Path under which a reverse proxy serves the app, without a slash at its end; empty for none.
    """

    def __init__(
        self, app: ASGIApp, *, gate: Gate, health: Callable[[], tuple[int, dict[str, str]]], base_path: str = ""
    ) -> None:
        self._app = app
        self._health = health
        self._gate = gate
        self._base = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if self._base:
            scope = self._rooted(scope)
        headers = Headers(scope=scope)
        session = self._session(headers)
        admitted = self._gate.admits(session)
        if scope["type"] == "websocket":
            if not admitted or not self._same_site(headers, required=True):
                await send({"type": "websocket.close", "code": 1008, "reason": "No session, or a foreign origin."})
                return
            await self._app(scope, self._while_admitted(receive, session), send)
            return
        response = await self._answer(scope, receive, headers, session, admitted=admitted)
        sender = SecurityHeaders(send, scope, headers)
        if response is not None:
            await response(scope, receive, sender.plain)
        else:
            await self._app(scope, receive, sender.page)

    async def _answer(
        self, scope: Scope, receive: Receive, headers: Headers, session: str | None, *, admitted: bool
    ) -> Response | None:
        path = self._path(scope)
        method = scope["method"]
        if method not in ("GET", "HEAD") and not self._same_site(headers, required=path != "/login"):
            return PlainTextResponse("This request comes from another site.", 403)
        if path == "/healthz" and method in ("GET", "HEAD"):
            status, content = self._health()
            return JSONResponse(content, status)
        if path == "/enter" and method == "GET":
            return self._enter(scope, admitted=admitted)
        if path == "/login":
            if method == "POST":
                return await self._log_in(scope, receive)
            return self._redirect(self._next(scope)) if admitted else self._door(self._next(scope))
        if path == "/logout" and method == "POST":
            if session:
                self._gate.end_session(session)
            return self._with_cookie(self._redirect("/login"), "", scope)
        if admitted:
            return None
        if method in ("GET", "HEAD") and "text/html" in headers.get("accept", ""):
            if self._gate.password is None:
                return self._door("/")
            query = scope["query_string"].decode("latin-1")
            target = path + (f"?{query}" if query else "")
            return self._redirect("/login?next=" + quote(target, safe=""))
        return PlainTextResponse("Not signed in.", 401)

    def _enter(self, scope: Scope, *, admitted: bool) -> Response:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        session = self._gate.use_link(query.get("token", [""])[0])
        if session is not None:
            return self._with_cookie(self._redirect("/"), session, scope)
        if admitted:
            return self._redirect("/")
        return HTMLResponse(login_page.link_used(password=self._gate.password is not None, base=self._base), 403)

    async def _log_in(self, scope: Scope, receive: Receive) -> Response:
        form = parse_qs((await _body(receive, limit=16_384)).decode("utf-8", "replace"), max_num_fields=10)
        target = safe_target(form.get("next", ["/"])[0])
        password = self._gate.password
        if password is None:
            return self._door("/")
        address = scope["client"][0] if scope.get("client") else ""
        wait = self._gate.seconds_to_wait(address)
        if wait:
            page = login_page.form(target, base=self._base, message=f"Too many tries. Try again in {wait} s.")
            return HTMLResponse(page, 429, {"Retry-After": str(wait)})
        attempt = form.get("password", [""])[0]
        # Counted before the slow check, or many at once would pass the limit together.
        self._gate.wrong_password(address)
        if await off_loop(lambda: password.matches(attempt)):
            self._gate.forgive(address)
            return self._with_cookie(self._redirect(target), self._gate.new_session(), scope)
        return HTMLResponse(login_page.form(target, base=self._base, message="That is not the password."), 403)

    def _door(self, target: str) -> Response:
        if self._gate.password is None:
            return HTMLResponse(login_page.how_to_open(), 403)
        return HTMLResponse(login_page.form(target, base=self._base), 200)

    def _next(self, scope: Scope) -> str:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        return safe_target(query.get("next", ["/"])[0])

    def _redirect(self, target: str) -> Response:
        return RedirectResponse(self._base + target, 303)

    def _with_cookie(self, response: Response, session: str, scope: Scope) -> Response:
        secure = scope.get("scheme") == "https" or Headers(scope=scope).get("x-forwarded-proto") == "https"
        response.set_cookie(
            self._gate.cookie,
            session,
            max_age=None if session else 0,
            path="/",
            secure=secure,
            httponly=True,
            samesite="lax",
        )
        return response

    def _session(self, headers: Headers) -> str | None:
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(self._gate.cookie)
        except CookieError:
            return None
        return morsel.value if morsel else None

    def _same_site(self, headers: Headers, *, required: bool) -> bool:
        """Tell whether the Origin is this site; a browser always sends one with what can change something."""
        origin = headers.get("origin")
        if origin is None:
            return not required
        own = {headers.get("host", "").lower(), headers.get("x-forwarded-host", "").lower()} - {""}
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and parts.netloc.lower() in own

    def _while_admitted(self, receive: Receive, session: str | None) -> Receive:
        async def guarded() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and not self._gate.admits(session):
                return {"type": "websocket.disconnect", "code": 1008}
            return message

        return guarded

    def _path(self, scope: Scope) -> str:
        path: str = scope["path"]
        return path[len(self._base) :] or "/" if self._base and path.startswith(self._base) else path

    def _rooted(self, scope: Scope) -> Scope:
        """Put the base path where ASGI wants it, whether the proxy passes it on or cuts it off."""
        path = scope["path"]
        if not (path == self._base or path.startswith(self._base + "/")):
            path = self._base + path
        raw = quote(path, safe="/%:@!$&'()*+,;=~").encode("ascii")
        return {**scope, "root_path": self._base, "path": path, "raw_path": raw}


async def _body(receive: Receive, *, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > limit:
            return bytes(body[:limit])
