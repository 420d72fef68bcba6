"""Who may talk to the app, and what it tells to whom: the list of the issue, one by one."""

from __future__ import annotations

import html
import json
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import nicegui
import pytest
import sqlalchemy as sa
from nicegui import ui
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import QueueTrigger, Trigger
from OpenOrchestrator.orchestrator.access.security import KEY_HEADER
from OpenOrchestrator.orchestrator.access.throttle import LOGIN_TRIES
from OpenOrchestrator.orchestrator.shell.page_list import all_pages
from tests.browser import server
from tests.ui.conftest import ZONE, App, running
from tests.ui.pages import rows_of
from tests.ui.sample import add_trigger

PASSWORD = "correct horse battery"
HTML = {"accept": "text/html"}
HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>{{7*7}}${7*7}`"


class TestWithoutSession:
    async def test_nothing_of_the_app_answers(self, app: App) -> None:
        paths = [
            "/",
            "/triggers",
            "/no-such-page",
            f"/_nicegui/{nicegui.__version__}/static/nicegui.js",
            "/favicon.ico",
            "//evil.example/",
            "/healthz/",
            "/login/",
        ]
        async with app.client(signed_in=False) as client:
            for path in paths:
                response = await client.get(f"http://test{path}")
                assert response.status_code == 401, path
                assert "nicegui" not in response.text.lower()
                assert "set-cookie" not in response.headers

    async def test_a_browser_is_told_how_to_open_it(self, app: App) -> None:
        async with app.client(signed_in=False) as client:
            response = await client.get("/triggers", headers=HTML)
            assert response.status_code == 403
            assert "works once" in response.text
            assert "<script" not in response.text

    async def test_static_files_of_ours_need_it_too(self, app: App) -> None:
        from OpenOrchestrator.orchestrator.shell import assets

        async with app.client(signed_in=False) as client:
            assert (await client.get(f"{assets.folder_url()}/app.css")).status_code == 401
        async with app.client() as client:
            response = await client.get(f"{assets.folder_url()}/app.css")
            assert response.status_code == 200
            assert "max-age=31536000" in response.headers["cache-control"]

    async def test_an_invented_session_is_none(self, app: App) -> None:
        async with app.client(signed_in=False) as client:
            client.cookies.set(app.gate.cookie, "invented")
            assert (await client.get("/triggers")).status_code == 401

    async def test_healthz_answers_and_tells_nothing(self, app: App, site: Database) -> None:
        app.live.stop()  # its next look would find the database well
        async with app.client(signed_in=False) as client:
            app.live.answered()
            response = await client.get("/healthz")
            assert (response.status_code, response.json()) == (200, {"status": "ok", "database": "connected"})
            assert "set-cookie" not in response.headers
            app.live.failed(ConfigurationError("x"))  # type: ignore[arg-type]
            response = await client.get("/healthz")
            assert (response.status_code, response.json()) == (503, {"status": "degraded", "database": "lost"})


class TestOneTimeLink:
    async def test_opens_once_and_becomes_a_cookie(self, app: App) -> None:
        token = app.gate.new_link_token()
        async with app.client(signed_in=False) as client:
            response = await client.get(f"/enter?token={token}")
            assert response.status_code == 200
            assert 'location.replace("/")' in response.text
            cookie = response.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=lax" in cookie
            assert "path=/" in cookie
            assert "secure" not in cookie
            assert token not in cookie + response.text
            assert server.key_in(response.text) not in cookie
            assert (await client.get("/triggers")).status_code == 200
        async with app.client(signed_in=False) as other:
            response = await other.get(f"/enter?token={token}")
            assert response.status_code == 403
            assert "set-cookie" not in response.headers

    async def test_a_wrong_token_does_not_use_it_up(self, app: App) -> None:
        token = app.gate.new_link_token()
        async with app.client(signed_in=False) as client:
            for wrong in ("", "x", token[:-1], token + "x"):
                assert (await client.get("/enter", params={"token": wrong})).status_code == 403
            assert (await client.get(f"/enter?token={token}")).status_code == 200


class TestSessions:
    async def test_sign_out_ends_it(self, app: App) -> None:
        async with app.client() as client:
            assert (await client.post("/logout", headers={"origin": "http://evil.example"})).status_code == 403
            assert (await client.get("/triggers")).status_code == 200
            assert (await client.post("/logout", headers={"origin": "http://test"})).status_code == 204
            assert (await client.get("/triggers")).status_code == 401

    async def test_sign_out_everywhere_ends_all(self, app: App) -> None:
        async with app.client() as one, app.client() as other:
            await one.post("/logout", headers={"origin": "http://test"})
            assert (await other.get("/triggers")).status_code == 200
        async with app.client() as one, app.client() as other:
            await one.post("/logout?everywhere", headers={"origin": "http://test"})
            assert (await other.get("/triggers")).status_code == 401

    async def test_the_cookie_alone_signs_nobody_out(self, app: App) -> None:
        async with app.client() as client:
            stolen = str(client.cookies[app.gate.cookie])
            async with app.client(signed_in=False) as thief:
                thief.cookies.set(app.gate.cookie, stolen)
                await thief.post("/logout?everywhere", headers={"origin": "http://test"})
            assert (await client.get("/triggers")).status_code == 200

    async def test_a_page_asks_whether_it_lives_with_cookie_and_key(self, app: App) -> None:
        async with app.client() as client:
            assert (await client.get("/session")).status_code == 204
            assert (await client.post("/session", headers={"origin": "http://test"})).status_code == 204
            for key in ("", "x"):
                assert (await client.get("/session", headers={KEY_HEADER: key})).status_code == 401


class TestCookieAlone:
    """What a cookie opens for whoever collected it on another port: nothing of the site."""

    async def test_a_page_holds_nothing_of_the_site(self, app: App, sample: Database) -> None:
        trigger = sample.read(lambda session: session.scalars(sa.select(Trigger)).first())
        paths = [page.path for page in all_pages() if "{" not in page.path]
        async with app.client() as client:
            del client.headers[KEY_HEADER]
            for path in [*paths, f"/triggers/{trigger.id}", "/queues/fakturaer-indg%C3%A5ende"]:
                text = (await client.get(path)).text
                (elements,) = re.findall(r"parseElements\(String\.raw`(.*?)`\)", text, re.DOTALL)
                built = list(json.loads(html.unescape(elements)).values())
                kinds = {each["tag"] for each in built}
                assert kinds == {"q-layout", "q-page-container", "q-page", "div", "nicegui-dark_mode"}, path
                assert not [each for each in built if each.get("text")]
                assert trigger.trigger_name not in text
                assert ZONE.key not in text

    async def test_polling_is_no_way_in(self, app: App) -> None:
        async with app.client() as client:
            url = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"
            assert (await client.get(url)).status_code == 400
            assert (await client.post(url, content="40", headers={"origin": "http://test"})).status_code == 400
            assert (await client.post(url, content="40", headers={"origin": "http://evil.example"})).status_code == 403


class TestPassword:
    @pytest.fixture
    async def locked(self, site: Database, clock: SettableClock) -> Iterator[App]:  # type: ignore[misc]
        async with running(site, clock, password=PASSWORD) as app:
            yield app

    async def test_lets_in_and_goes_where_it_was_asked(self, locked: App) -> None:
        async with locked.client(signed_in=False) as client:
            response = await client.get("/triggers?status=failed", headers=HTML)
            assert response.headers["location"] == "/login?next=%2Ftriggers%3Fstatus%3Dfailed"
            page = await client.get(response.headers["location"])
            assert 'value="/triggers?status=failed"' in page.text
            response = await client.post("/login", data={"password": PASSWORD, "next": "/triggers?status=failed"})
            assert response.status_code == 200
            assert 'location.replace("/triggers?status=failed")' in response.text
            assert (await client.get("/triggers")).status_code == 200

    async def test_cannot_redirect_elsewhere(self, locked: App) -> None:
        targets = [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\tx",
            "javascript:alert(1)",
            "",
        ]
        async with locked.client(signed_in=False) as client:
            for target in targets:
                response = await client.post("/login", data={"password": PASSWORD, "next": target})
                assert 'location.replace("/")' in response.text, target
                response = await client.get("/login", params={"next": target})
                assert 'name="next" value="/"' in response.text, target

    async def test_wrong_ones_are_slowed_down(self, locked: App) -> None:
        async with locked.client(signed_in=False) as client:
            for _ in range(LOGIN_TRIES):
                assert (await client.post("/login", data={"password": "wrong"})).status_code == 403
            response = await client.post("/login", data={"password": PASSWORD})
            assert response.status_code == 429
            assert 0 < int(response.headers["retry-after"]) <= 61
            assert "set-cookie" not in response.headers

    async def test_a_foreign_site_cannot_sign_in(self, locked: App) -> None:
        async with locked.client(signed_in=False) as client:
            response = await client.post(
                "/login", data={"password": PASSWORD}, headers={"origin": "http://evil.example"}
            )
            assert response.status_code == 403
            assert "set-cookie" not in response.headers

    async def test_what_was_typed_is_not_shown_as_html(self, locked: App) -> None:
        async with locked.client(signed_in=False) as client:
            response = await client.get("/login", params={"next": '/"><script>alert(1)</script>'})
            assert "<script" not in response.text

    async def test_others_are_not_locked_out_by_who_sends_wrong_ones(
        self, site: Database, clock: SettableClock
    ) -> None:
        async with (
            running(site, clock, password=PASSWORD, proxies="127.0.0.1") as app,
            app.client(signed_in=False) as client,
        ):
            for number in range(60):
                address = {"x-forwarded-for": f"192.0.2.{number % 4}"}
                await client.post("/login", data={"password": "wrong"}, headers=address)
            attacker = {"x-forwarded-for": "192.0.2.1"}
            assert (await client.post("/login", data={"password": PASSWORD}, headers=attacker)).status_code == 429
            forged = {"x-forwarded-for": "198.51.100.9, 192.0.2.1"}
            assert (await client.post("/login", data={"password": PASSWORD}, headers=forged)).status_code == 429
            other = {"x-forwarded-for": "198.51.100.7"}
            assert (await client.post("/login", data={"password": PASSWORD}, headers=other)).status_code == 200

    async def test_a_forwarded_address_of_nobody_known_counts_for_nothing(self, locked: App) -> None:
        async with locked.client(signed_in=False) as client:
            statuses = [
                (
                    await client.post(
                        "/login", data={"password": "wrong"}, headers={"x-forwarded-for": f"192.0.2.{number}"}
                    )
                ).status_code
                for number in range(LOGIN_TRIES + 1)
            ]
        assert statuses == [403] * LOGIN_TRIES + [429]

    @pytest.mark.parametrize(
        ("kind", "body", "status"),
        [
            ("application/x-www-form-urlencoded", b"", 400),
            ("application/x-www-form-urlencoded", b"next=/", 400),
            ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % number for number in range(50)), 400),
            ("application/x-www-form-urlencoded", b"\xff\xfe\x00password", 400),
            ("application/x-www-form-urlencoded", b"password=%FF%FE", 400),
            ("application/x-www-form-urlencoded", b"password=a&password=b", 400),
            ("application/x-www-form-urlencoded", b"password=" + b"x" * 20_000, 413),
            ("multipart/form-data; boundary=x", b"--x", 400),
            ("application/json", b"{}", 400),
            ("", b"password=wrong", 400),
            ("application/x-www-form-urlencoded; charset=utf-8", b"password=wrong", 403),
            ("application/x-www-form-urlencoded", b"password=wrong&next=%2F%2F%5B", 403),
        ],
    )
    async def test_rubbish_is_refused(self, locked: App, kind: str, body: bytes, status: int) -> None:
        async with locked.client(signed_in=False) as client:
            response = await client.post("/login", content=body, headers={"content-type": kind})
        assert response.status_code == status


class TestAddresses:
    """What the app is called, by whom, and through whom."""

    @pytest.fixture
    async def behind(self, site: Database, clock: SettableClock) -> Iterator[App]:  # type: ignore[misc]
        async with running(site, clock, password=PASSWORD, proxies="127.0.0.1, 10.0.0.0/8") as app:
            yield app

    @pytest.mark.parametrize(
        ("forwarded", "origin", "status"),
        [
            ({}, "http://test", 204),
            ({}, "http://test:80", 204),
            ({}, "https://test", 403),
            ({"host": "oo.example:443", "x-forwarded-proto": "https"}, "https://oo.example", 204),
            ({"x-forwarded-host": "oo.example, inner", "x-forwarded-proto": "https,http"}, "https://oo.example", 204),
            ({"forwarded": 'for=192.0.2.1;proto=https;host="oo.example:443"'}, "https://oo.example", 204),
            ({"host": "[::1]:8080"}, "http://[0:0::1]:8080", 204),
            ({"x-forwarded-host": "oo.example", "x-forwarded-proto": "https"}, "https://evil.example", 403),
            ({"x-forwarded-host": "oo.example", "x-forwarded-proto": "https"}, "null", 403),
        ],
    )
    async def test_origin_and_host_are_compared_as_addresses(
        self, behind: App, forwarded: dict[str, str], origin: str, status: int
    ) -> None:
        async with behind.client() as client:
            response = await client.post("/session", headers={**forwarded, "origin": origin})
        assert response.status_code == status, response.text
        if status == 403:
            assert "--proxy" in response.text

    async def test_forwarded_headers_of_others_change_nothing(self, app: App) -> None:
        async with app.client() as client:
            forged = {"x-forwarded-host": "oo.example", "x-forwarded-proto": "https", "origin": "https://oo.example"}
            assert (await client.post("/session", headers=forged)).status_code == 403
            page = await client.get("/triggers", headers={"x-forwarded-prefix": "/evil"})
            assert "/evil" not in page.text

    async def test_a_name_that_is_not_ours_is_refused(self, app: App) -> None:
        async with app.client() as client:
            for path in ("/", "/login", "/enter", "/triggers", "/session"):
                response = await client.get(path, headers={"host": "rebound.example"})
                assert response.status_code == 421
                assert "--allowed-host rebound.example" in response.text
            assert (await client.get("/healthz", headers={"host": "rebound.example"})).status_code in (200, 503)

    async def test_monitors_may_ask_what_health_takes(self, app: App) -> None:
        async with app.client(signed_in=False) as client:
            response = await client.options("/healthz")
            assert (response.status_code, response.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
            assert (await client.head("/healthz")).status_code in (200, 503)

    async def test_every_cookie_is_secure_behind_https(self, behind: App) -> None:
        https = {"x-forwarded-proto": "https", "x-forwarded-host": "oo.example"}
        async with behind.client(signed_in=False) as client:
            entered_ = await client.post("/login", data={"password": PASSWORD}, headers=https)
            assert (entered_.status_code, "Secure" in entered_.headers["set-cookie"]) == (200, True)
            plain = await client.post("/login", data={"password": PASSWORD})
            assert "Secure" not in plain.headers["set-cookie"]
        async with behind.client() as client:
            page = await client.get("/triggers", headers=https)
            cookies = page.headers.get_list("set-cookie")
            assert cookies
            assert all("Secure" in cookie and "httponly" in cookie.lower() for cookie in cookies)

    async def test_cookies_go_below_the_path_of_the_proxy_only(self, behind: App) -> None:
        async with behind.client(signed_in=False) as client:
            response = await client.post(
                "/login", data={"password": PASSWORD}, headers={"x-forwarded-prefix": "/tools/oo"}
            )
        assert "; Path=/tools/oo" in response.headers["set-cookie"]
        assert 'localStorage.setItem("openorchestrator-key/tools/oo"' in response.text
        assert 'location.replace("/tools/oo/")' in response.text


class TestHeaders:
    async def test_pages_carry_them(self, app: App) -> None:
        async with app.client() as client:
            response = await client.get("/triggers")
        headers = response.headers
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        script = re.search(r"script-src ([^;]*)", policy)
        assert script is not None
        assert "'unsafe-inline'" not in script[1]
        nonce = re.search(r"'nonce-([^']+)'", script[1])
        assert nonce is not None
        inline = [tag for tag in re.findall(r"<script\b[^>]*>", response.text) if " src=" not in tag]
        assert inline
        assert all(f'nonce="{nonce[1]}"' in tag for tag in inline)

    async def test_pages_with_an_odd_path_carry_them_too(self, app: App) -> None:
        async with app.client() as client:
            for path in ("/triggers/_nicegui/x", "/x/_assets/y", "/_nicegui/none", "/_assets/none", "/_nicegui/../x"):
                response = await client.get(path)
                assert "default-src 'none'" in response.headers["content-security-policy"], path

    async def test_no_script_gets_the_nonce_but_those_of_the_template(
        self, app: App, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ui, "dark_mode", lambda _: ui.add_head_html("<script>window.foreign=1</script>"))
        async with app.client() as client:
            response = await client.get("/triggers")
        assert "<script>window.foreign=1</script>" in response.text
        assert re.search(r'<script nonce="[\w-]+" type="importmap">', response.text)

    async def test_the_nonce_is_another_one_each_time(self, app: App) -> None:
        async with app.client() as client:
            policies = {(await client.get("/triggers")).headers["content-security-policy"] for _ in range(3)}
        assert len(policies) == 3

    async def test_a_strange_host_does_not_reach_the_policy(self, app: App) -> None:
        async with app.client() as client:
            for host in ("test; script-src *", "test:80; script-src *", "[::1;script-src *]"):
                response = await client.get("/triggers", headers={"host": host})
                assert response.status_code == 421
                assert "script-src *" not in response.headers["content-security-policy"]


class TestSecrets:
    async def test_connection_string_and_key_are_in_no_response(
        self, app: App, sample: Database, caplog: pytest.LogCaptureFixture
    ) -> None:
        app.installation.key = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk="
        async with app.client() as client:
            texts = [(await client.get(path)).text for path in ("/", "/triggers", "/healthz", "/settings")]
        for text in texts:
            assert "sqlite" not in text
            assert app.installation.key not in text

    async def test_script_text_is_shown_as_words(self, user: User, app: App, site: Database) -> None:
        add_trigger(
            site,
            QueueTrigger,
            trigger_name=HOSTILE[:100],
            process_name=HOSTILE[:100],
            queue_name=HOSTILE,
            min_batch_size=1,
            scheduler_whitelist=[HOSTILE[:60]],
        )
        async with app.client() as client:
            text = (await client.get("/triggers")).text
        assert "<script>window" not in text
        assert "<img src=x" not in text
        await user.open("/triggers?status=" + "%3Cscript%3Ewindow.hacked%3D1%3C/script%3E")
        assert HOSTILE[:100] in await rows_of(user, "triggers")


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.App]:
    """The app as a process of its own, behind a base path, without a database."""
    folder = tmp_path_factory.mktemp("process")
    app = server.start(None, folder, "--port", "35100", "--base-path", "/tools/oo")
    yield app
    status = app.stop()
    assert status == 0, app.output
    assert "Traceback" not in app.output


class Entered(NamedTuple):
    """Somebody who used a one-time link."""

    cookie: str
    key: str


def entered(client: httpx.Client, app: server.App) -> Entered:
    """Use the newest one-time link."""
    key = server.key_in(client.get(app.link).text)
    return Entered("; ".join(f"{name}={value}" for name, value in client.cookies.items()), key)


def upgrade(
    app: server.App,
    cookie: str,
    origin: str | None,
    *,
    key: str | None,
    path: str = "/_nicegui_ws/socket.io/",
) -> str:
    """Ask for a websocket and return the status line of the answer."""
    parts = urlsplit(app.address)
    lines = [
        f"GET {parts.path}{path}?EIO=4&transport=websocket HTTP/1.1",
        f"Host: {parts.netloc}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Cookie: {cookie}",
        *([f"Origin: {origin}"] if origin else []),
        *([f"Sec-WebSocket-Protocol: openorchestrator, key.{key}"] if key is not None else []),
    ]
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return connection.recv(4096).decode("latin-1").split("\r\n")[0]


@pytest.fixture(scope="module")
def insider(process: server.App) -> Entered:
    """Somebody who is in."""
    with httpx.Client() as client:
        return entered(client, process)


def test_a_websocket_needs_cookie_key_and_origin(process: server.App, insider: Entered) -> None:
    own = process.address.removesuffix("/tools/oo")
    cookie, key = insider
    assert " 101 " in upgrade(process, cookie, own, key=key)
    assert " 403 " in upgrade(process, cookie, own, key=None)
    assert " 403 " in upgrade(process, cookie, own, key="invented")
    assert " 403 " in upgrade(process, cookie, own, key="")
    assert " 403 " in upgrade(process, "", own, key=key)
    assert " 403 " in upgrade(process, cookie, "http://evil.example", key=key)
    assert " 403 " in upgrade(process, cookie, own.replace("127.0.0.1", "localhost"), key=key)
    assert " 403 " in upgrade(process, cookie, own.replace("35100", "35999"), key=key)
    assert " 403 " in upgrade(process, cookie, "null", key=key)
    assert " 403 " in upgrade(process, cookie, None, key=key)
    assert " 403 " in upgrade(process, cookie.split("=")[0] + "=invented", own, key=key)


def test_works_under_a_base_path_whether_the_proxy_cuts_it_or_not(process: server.App, insider: Entered) -> None:
    root = process.address.removesuffix("/tools/oo")
    with httpx.Client() as client:
        client.cookies.set(*insider.cookie.split("=", 1))
        whole = client.get(f"{process.address}/triggers")
        cut = client.get(f"{root}/triggers")
        for response in (whole, cut):
            assert response.status_code == 200
            assert 'src="/tools/oo/_nicegui/' in response.text
            assert 'href="/tools/oo/_assets/' in response.text
        script = re.search(r'src="(/tools/oo/_assets/[^"]+)"', whole.text)
        assert script is not None
        assert client.get(root + script[1]).status_code == 200


def test_without_a_database_health_says_so(process: server.App) -> None:
    assert httpx.get(f"{process.address}/healthz").json() == {"status": "degraded", "database": "not connected"}


BROWSER = """#!/bin/sh
printf '%s\\n' "$@" > "$NOTED"
file="${1#file://}"
ls -ld "$file" >> "$NOTED"
ls -ld "$(dirname "$file")" >> "$NOTED"
cp "$file" "$NOTED.page"
mv "$NOTED" "$NOTED.done"
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell script as the browser, and modes of files")
@pytest.mark.parametrize("password", [None, PASSWORD])
def test_the_browser_gets_the_link_by_a_file_that_only_its_user_can_read(tmp_path: Path, password: str | None) -> None:
    browser = tmp_path / "browser"
    browser.write_text(BROWSER, "utf-8")
    browser.chmod(0o700)
    noted = tmp_path / "noted"
    (tmp_path / "tmp").mkdir()
    environment = {"BROWSER": str(browser), "NOTED": str(noted), "TMPDIR": str(tmp_path / "tmp")}
    if password:
        environment["OpenOrchestratorPassword"] = password
    app = server.start(None, tmp_path, "--port", "35120", environment=environment, browser=True)
    try:
        done = noted.with_suffix(".done")
        wait_until(done.exists)
        address, file, folder = done.read_text("utf-8").splitlines()
        page = noted.with_suffix(".page").read_text("utf-8")
        assert address.startswith("file://")
        assert "token" not in address
        assert file.startswith("-rw-------")
        assert folder.startswith("drwx------")
        (link,) = set(re.findall(r'http://[^"]+/enter\?token=[\w-]+', page))
        assert Path(address.removeprefix("file://")).exists()
        with httpx.Client() as client:
            assert "localStorage.setItem" in client.get(link).text
        assert not Path(address.removeprefix("file://")).parent.exists()
        if password:
            assert "token" not in app.output
            assert httpx.get(app.address, headers=HTML, follow_redirects=True).status_code == 200
            assert "token" not in app.output, "nor when somebody comes without a session"
        else:
            assert f"which works once, for 10 minutes: {link}" in app.output
            assert httpx.get(app.address, headers=HTML).status_code == 403
            wait_until(lambda: app.output.count("token=") == 2)
    finally:
        app.stop()
    assert "Traceback" not in app.output


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="needs to limit the files of another process: Linux")
def test_half_sent_requests_keep_nobody_out(tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2000:
        pytest.skip(f"needs 2000 open files, and may have {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    app = server.start(None, tmp_path, "--port", "35140", environment={"OpenOrchestratorPassword": PASSWORD})
    held: list[socket.socket] = []
    try:
        resource.prlimit(app.process.pid, resource.RLIMIT_NOFILE, (1024, 1024))
        address = urlsplit(app.address)
        form = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        half = ("GET / HTTP/1.1\r\nHost: localhost\r\nX-Half: ", form + "Content-Length: 999\r\n\r\npassword=")
        for number in range(1100):
            held.append(socket.create_connection((address.hostname, address.port), timeout=30))
            held[-1].sendall(half[number % 2].encode())
        with httpx.Client(timeout=30) as client:
            assert client.get(f"{app.address}/healthz").status_code == 503, "no database"
            assert "degraded" in client.get(f"{app.address}/healthz").text
            assert client.post(f"{app.address}/login", data={"password": PASSWORD}).status_code == 200
    finally:
        for each in held:
            each.close()
        app.stop()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "Traceback" not in app.output
