"""Who may talk to the app, and what it tells to whom: the list of the issue, one by one."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import nicegui
import pytest
from nicegui.testing import User

from OpenOrchestrator.common.clock import SettableClock
from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import QueueTrigger
from OpenOrchestrator.orchestrator.access.gate import LOGIN_TRIES, Gate, Password, is_loopback, safe_target
from tests.browser import server
from tests.ui.conftest import App, running
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
            "/_nicegui_ws/socket.io/?EIO=4&transport=polling",
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
            assert (response.status_code, response.headers["location"]) == (303, "/")
            cookie = response.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=lax" in cookie
            assert token not in cookie
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
            assert (await client.get(f"/enter?token={token}")).status_code == 303

    async def test_is_secure_behind_https(self, app: App) -> None:
        token = app.gate.new_link_token()
        async with app.client(signed_in=False) as client:
            response = await client.get(f"/enter?token={token}", headers={"x-forwarded-proto": "https"})
            assert "secure" in response.headers["set-cookie"].lower()

    def test_another_link_is_offered_once_one_was_used(self) -> None:
        told: list[int] = []
        gate = Gate(1, on_link_used=lambda: told.append(1))
        assert gate.use_link("nothing") is None
        token = gate.new_link_token()
        assert gate.use_link(token) is not None
        assert told == [1]


class TestSessions:
    def test_end_after_twelve_idle_hours(self) -> None:
        now = [0.0]
        gate = Gate(1, monotonic=lambda: now[0])
        session = gate.new_session()
        now[0] += 11 * 3600
        assert gate.admits(session)
        now[0] += 11 * 3600
        assert gate.admits(session)
        now[0] += 12 * 3600 + 1
        assert not gate.admits(session)

    async def test_sign_out_ends_it(self, app: App) -> None:
        async with app.client() as client:
            assert (await client.post("/logout", headers={"origin": "http://evil.example"})).status_code == 403
            assert (await client.get("/triggers")).status_code == 200
            assert (await client.post("/logout", headers={"origin": "http://test"})).status_code == 303
            assert (await client.get("/triggers")).status_code == 401

    def test_are_not_kept_for_ever(self) -> None:
        gate = Gate(1)
        first = gate.new_session()
        for _ in range(1000):
            gate.new_session()
        assert not gate.admits(first)


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
            assert (response.status_code, response.headers["location"]) == (303, "/triggers?status=failed")
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
                assert safe_target(target) == "/"
                response = await client.post("/login", data={"password": PASSWORD, "next": target})
                assert response.headers["location"] == "/"
                response = await client.get("/login", params={"next": target})
                assert response.headers["location"] == "/"

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

    def test_is_kept_as_its_hash_only(self) -> None:
        password = Password(PASSWORD)
        assert password.matches(PASSWORD)
        assert not password.matches(PASSWORD + "x")
        held = repr([getattr(password, name) for name in vars(password)])
        assert PASSWORD not in held

    def test_too_short_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="8 characters"):
            Password("short")

    def test_limit_over_all_addresses(self) -> None:
        gate = Gate(1)
        for number in range(LOGIN_TRIES * 10):
            assert gate.seconds_to_wait(f"10.0.0.{number}") == 0
            gate.wrong_password(f"10.0.0.{number}")
        assert gate.seconds_to_wait("10.0.1.1") > 0


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
        scripts = re.findall(r"<script\b[^>]*>", response.text)
        assert scripts
        assert all(f'nonce="{nonce[1]}"' in tag for tag in scripts)

    async def test_the_nonce_is_another_one_each_time(self, app: App) -> None:
        async with app.client() as client:
            policies = {(await client.get("/triggers")).headers["content-security-policy"] for _ in range(3)}
        assert len(policies) == 3

    async def test_a_strange_host_does_not_reach_the_policy(self, app: App) -> None:
        async with app.client() as client:
            response = await client.get("/triggers", headers={"host": "test; script-src *"})
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


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.4", False),
        ("localhost.evil.example", False),
        ("", False),
    ],
)
def test_which_addresses_are_this_machine_only(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.App]:
    """The app as a process of its own, behind a base path, without a database."""
    folder = tmp_path_factory.mktemp("process")
    app = server.start(None, folder, "--port", "35100", "--base-path", "/tools/oo")
    yield app
    status = app.stop()
    assert status == 0, app.output
    assert "Traceback" not in app.output


def upgrade(app: server.App, cookie: str, origin: str | None, *, path: str = "/_nicegui_ws/socket.io/") -> str:
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
    ]
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return connection.recv(4096).decode("latin-1").split("\r\n")[0]


def test_a_websocket_needs_session_and_origin(process: server.App) -> None:
    own = process.address.removesuffix("/tools/oo")
    with httpx.Client() as client:
        client.get(process.link)
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    assert " 101 " in upgrade(process, cookie, own)
    assert " 403 " in upgrade(process, cookie, "http://evil.example")
    assert " 403 " in upgrade(process, cookie, own.replace("127.0.0.1", "localhost"))
    assert " 403 " in upgrade(process, cookie, "null")
    assert " 403 " in upgrade(process, cookie, None)
    assert " 403 " in upgrade(process, "", own)
    assert " 403 " in upgrade(process, cookie.split("=")[0] + "=invented", own)


def test_polling_from_a_foreign_origin_is_refused(process: server.App) -> None:
    with httpx.Client() as client:
        client.get(process.link)
        url = f"{process.address}/_nicegui_ws/socket.io/?EIO=4&transport=polling"
        response = client.post(url, content="40", headers={"origin": "http://evil.example"})
        assert response.status_code == 403
        assert client.post(url, content="40").status_code == 403


def test_works_under_a_base_path_whether_the_proxy_cuts_it_or_not(process: server.App) -> None:
    root = process.address.removesuffix("/tools/oo")
    with httpx.Client() as client:
        entered = client.get(process.link)
        assert (entered.status_code, entered.headers["location"]) == (303, "/tools/oo/")
        whole = client.get(f"{process.address}/triggers")
        cut = client.get(f"{root}/triggers")
        for response in (whole, cut):
            assert response.status_code == 200
            assert 'src="/tools/oo/_nicegui/' in response.text
            assert 'href="/tools/oo/_assets/' in response.text
        script = re.search(r'src="(/tools/oo/_assets/[^"]+)"', whole.text)
        assert script is not None
        assert client.get(root + script[1]).status_code == 200


def test_without_a_database_it_says_where_to_connect(process: server.App) -> None:
    with httpx.Client() as client:
        client.get(process.link)
        assert client.get(f"{process.address}/healthz").json() == {
            "status": "degraded",
            "database": "not connected",
        }
        assert "Not connected to a database" in client.get(f"{process.address}/triggers").text
