"""Who may talk to the app: a one-time link for the person at the machine, a password for everybody else.

Owns the way in, and the check of where a request comes from. It is an ASGI middleware around everything, NiceGUI's own
routes and its websocket included. Must not know any page.

Rules:
- Without a session, only ``/healthz``, the login and the one-time link answer.
- A session is a cookie and a key. The cookie is HttpOnly and SameSite=Lax (Strict would lock out everybody who follows
  a link to a job from a chat or a mail), and browsers send it to every port of the machine: it opens pages that hold no
  data yet. The key is kept by the pages of this origin, and the websocket, over which all data comes, asks for it.
- Everything that can change something (websocket, anything but GET and HEAD) must come from this site.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qs, quote

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from OpenOrchestrator.orchestrator.access import login_form, login_page
from OpenOrchestrator.orchestrator.access.bodies import TOO_LARGE, Limited, declared_too_large
from OpenOrchestrator.orchestrator.access.cookies import cookie_values
from OpenOrchestrator.orchestrator.access.gate import Gate, SignIn
from OpenOrchestrator.orchestrator.access.proxies import FORWARDED_HEADERS, PREFIX_HEADER, Proxies, Seen
from OpenOrchestrator.orchestrator.access.security_headers import NONCE, SecurityHeaders
from OpenOrchestrator.orchestrator.access.sites import KnownHosts, site_of, site_of_origin
from OpenOrchestrator.orchestrator.access.targets import safe_target
from OpenOrchestrator.orchestrator.backend.base import off_loop

KEY_HEADER = "x-openorchestrator-key"
PROTOCOL = "openorchestrator"
KEY_PROTOCOL = "key."
"""A websocket cannot have headers of its own; its subprotocols are ours to name, and stand in no log."""
SOCKET = "/_nicegui_ws"
_KEPT = ("/_nicegui/", "/_assets/")


class _Visit(NamedTuple):
    """One request: what the guard knows of it."""

    scope: Scope
    headers: Headers
    seen: Seen
    path: str
    cookie: str | None
    nonce: str


class Guard:
    """The middleware: lets in who has a session, and puts the security headers on everything.

    Args:
        app: What it guards.
        gate: Who is in.
        health: Answers ``/healthz``: the status code and what it says; no secrets, everybody may ask.
        base_path: Path under which a reverse proxy serves the app, without a slash at its end; empty for none.
        proxies: Whose forwarded headers are believed.
        hosts: What the app may be called.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        gate: Gate,
        health: Callable[[], tuple[int, dict[str, str]]],
        base_path: str = "",
        proxies: Proxies,
        hosts: KnownHosts,
    ) -> None:
        self._app = app
        self._health = health
        self._gate = gate
        self._base = base_path
        self._proxies = proxies
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        peer = scope["client"][0] if scope.get("client") else ""
        scheme = "https" if scope.get("scheme") in ("https", "wss") else "http"
        seen = self._proxies.seen(peer, scheme, Headers(scope=scope).items())
        scope = self._as_seen(scope, seen)
        headers = Headers(scope=scope)
        cookie = self._gate.known(cookie_values(headers.getlist("cookie"), self._gate.cookie))
        path = self._path(scope)
        if scope["type"] == "websocket":
            await self._socket(_Visit(scope, headers, seen, path, cookie, ""), receive, send)
            return
        sender = SecurityHeaders(
            send,
            site=site_of(seen.scheme, seen.host),
            secure=seen.scheme == "https",
            cookie_path=seen.prefix + self._base or "/",
            keep=path.startswith(_KEPT),
        )
        scope[NONCE] = sender.nonce
        response = await self._answer(_Visit(scope, headers, seen, path, cookie, sender.nonce), receive)
        if response is not None:
            await response(scope, receive, sender.plain)
        else:
            await self._pass_on(scope, Limited(receive), sender)

    async def _pass_on(self, scope: Scope, body: Limited, sender: SecurityHeaders) -> None:
        try:
            await self._app(scope, body.receive, sender.page)
        except ClientDisconnect:
            if not body.exceeded:
                raise
        if body.exceeded and not sender.started:
            await PlainTextResponse(TOO_LARGE, 413)(scope, body.receive, sender.plain)

    async def _answer(self, visit: _Visit, receive: Receive) -> Response | None:
        path, method = visit.path, visit.scope["method"]
        if path == "/healthz" and method in ("GET", "HEAD", "OPTIONS"):
            return self._healthz(method)
        refusal = self._refusal(visit, required=method not in ("GET", "HEAD") and path != "/login")
        if refusal is not None:
            return refusal
        if path == "/enter" and method == "GET":
            return self._enter(visit)
        if path == "/login":
            return await self._log_in(visit, receive) if method == "POST" else self._door(visit, self._next(visit))
        if path == "/logout" and method == "POST":
            return self._log_out(visit)
        if path == "/session" and method in ("GET", "POST"):
            tell = self._gate.prolong if method == "POST" else self._gate.admits
            return Response(status_code=204) if tell(visit.cookie, visit.headers.get(KEY_HEADER)) else _not_signed_in()
        if path.startswith(SOCKET):
            return PlainTextResponse("Only websockets come in here.", 400)
        if declared_too_large(visit.headers.get("content-length", "")):
            return PlainTextResponse(TOO_LARGE, 413)
        if visit.cookie is not None:
            return None
        if method in ("GET", "HEAD") and "text/html" in visit.headers.get("accept", ""):
            if self._gate.password is None:
                return self._door(visit, "/")
            query = visit.scope["query_string"].decode("latin-1")
            target = path + (f"?{query}" if query else "")
            return self._redirect("/login?next=" + quote(target, safe=""))
        return _not_signed_in()

    def _healthz(self, method: str) -> Response:
        if method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": "GET, HEAD, OPTIONS"})
        status, content = self._health()
        return JSONResponse(content, status)

    def _refusal(self, visit: _Visit, *, required: bool) -> Response | None:
        """Return why a request is none for this app: a foreign name for it, or sent by a page of another site."""
        own = site_of(visit.seen.scheme, visit.seen.host)
        if not self._hosts.knows(own):
            name = own.host if own is not None else ""
            hint = f" If that is right, start it with: --allowed-host {name}" if name else ""
            return PlainTextResponse(f"This app is not known by the name {visit.seen.host[:200]!r}.{hint}", 421)
        origin = visit.headers.get("origin")
        if visit.scope.get("method") in ("GET", "HEAD") or (origin is None and not required):
            return None
        if origin is not None and site_of_origin(origin) == own:
            return None
        return PlainTextResponse(
            f"This request comes from another site: {(origin or 'one without a name')[:200]!r}, and this app is "
            f"{visit.seen.scheme}://{visit.seen.host[:200]}. Behind a reverse proxy, name the proxy with --proxy, and "
            "let it pass on the host and the scheme.",
            403,
        )

    async def _socket(self, visit: _Visit, receive: Receive, send: Send) -> None:
        offered = visit.scope.get("subprotocols", [])
        key = next((each.removeprefix(KEY_PROTOCOL) for each in offered if each.startswith(KEY_PROTOCOL)), None)
        if not self._gate.admits(visit.cookie, key) or self._refusal(visit, required=True) is not None:
            await send({"type": "websocket.close", "code": 1008, "reason": "No session, or a foreign origin."})
            return
        closed = False

        async def heard() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and not self._gate.admits(visit.cookie, key):
                return {"type": "websocket.disconnect", "code": 1008}
            return message

        async def told(message: Message) -> None:
            nonlocal closed
            if closed:
                return
            if message["type"] == "websocket.accept":
                message = {**message, "subprotocol": PROTOCOL if PROTOCOL in offered else None}
            elif message["type"] == "websocket.send" and not self._gate.admits(visit.cookie, key):
                message = {"type": "websocket.close", "code": 1008}
            closed = message["type"] == "websocket.close"
            await send(message)

        await self._app(visit.scope, heard, told)

    def _enter(self, visit: _Visit) -> Response:
        session = self._gate.use_link(_query(visit).get("token", [""])[0])
        if session is not None:
            return self._entered(visit, session, "/")
        if self._gate.admits(visit.cookie, visit.headers.get(KEY_HEADER)):
            return self._redirect("/")
        self._gate.ask_for_link()
        base = visit.seen.prefix + self._base
        return HTMLResponse(login_page.link_used(password=self._gate.password is not None, base=base), 403)

    async def _log_in(self, visit: _Visit, receive: Receive) -> Response:
        try:
            form = await login_form.read(visit.headers.get("content-type", ""), receive)
        except login_form.FormError as problem:
            return PlainTextResponse(str(problem), problem.status)
        password = self._gate.password
        if password is None:
            return self._door(visit, "/")
        base, throttle, address = visit.seen.prefix + self._base, self._gate.throttle, visit.seen.address
        wait = throttle.seconds_to_wait(address)
        if wait:
            page = login_page.form(form.target, base=base, message=f"Too many tries. Try again in {wait} s.")
            return HTMLResponse(page, 429, {"Retry-After": str(wait)})
        # Counted before the slow check, or many at once would pass the limit together.
        throttle.wrong_password(address)
        if await off_loop(lambda: password.matches(form.password)):
            throttle.forgive(address)
            return self._entered(visit, self._gate.new_session(), form.target)
        return HTMLResponse(login_page.form(form.target, base=base, message="That is not the password."), 403)

    def _log_out(self, visit: _Visit) -> Response:
        if visit.cookie is not None and self._gate.admits(visit.cookie, visit.headers.get(KEY_HEADER)):
            if "everywhere" in _query(visit):
                self._gate.end_all_sessions()
            self._gate.end_session(visit.cookie)
        response = Response(status_code=204)
        response.set_cookie(self._gate.cookie, "", max_age=0, httponly=True, samesite="lax")
        return response

    def _entered(self, visit: _Visit, session: SignIn, target: str) -> Response:
        base = visit.seen.prefix + self._base
        response = HTMLResponse(login_page.entered(session.key, target, base=base, nonce=visit.nonce))
        response.set_cookie(self._gate.cookie, session.cookie, httponly=True, samesite="lax")
        return response

    def _door(self, visit: _Visit, target: str) -> Response:
        if self._gate.password is None:
            self._gate.ask_for_link()
            return HTMLResponse(login_page.how_to_open(target, base=visit.seen.prefix + self._base), 403)
        return HTMLResponse(login_page.form(target, base=visit.seen.prefix + self._base), 200)

    def _next(self, visit: _Visit) -> str:
        return safe_target(_query(visit).get("next", ["/"])[0])

    def _redirect(self, target: str) -> Response:
        return RedirectResponse(self._base + target, 303)

    def _path(self, scope: Scope) -> str:
        path: str = scope["path"]
        return path[len(self._base) :] or "/" if self._base and path.startswith(self._base) else path

    def _as_seen(self, scope: Scope, seen: Seen) -> Scope:
        """Return a request as the browser sent it, so that nothing behind the guard has to ask who is believed."""
        dropped = {*FORWARDED_HEADERS, "host", *(() if seen.prefix else (PREFIX_HEADER,))}
        headers = [(name, value) for name, value in scope["headers"] if name.decode("latin-1") not in dropped]
        headers.append((b"host", seen.host.encode("latin-1", "replace")))
        socket = scope["type"] == "websocket"
        secure = seen.scheme == "https"
        scheme = ("wss" if secure else "ws") if socket else seen.scheme
        rooted = {**scope, "headers": headers, "scheme": scheme, "client": (seen.address, 0)}
        if not self._base:
            return rooted
        # The base path goes where ASGI wants it, whether the proxy passes it on or cuts it off.
        path = scope["path"]
        if not (path == self._base or path.startswith(self._base + "/")):
            path = self._base + path
        raw = quote(path, safe="/%:@!$&'()*+,;=~").encode("ascii")
        return {**rooted, "root_path": self._base, "path": path, "raw_path": raw}


def _query(visit: _Visit) -> dict[str, list[str]]:
    return parse_qs(visit.scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _not_signed_in() -> Response:
    return PlainTextResponse("Not signed in.", 401)
