"""The app behind a real nginx, set up as the documentation says: under a path, with HTTPS."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from OpenOrchestrator.orchestrator.access.throttle import LOGIN_TRIES
from tests.browser import server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs nginx, and addresses 127.0.0.x: Linux")

HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "open-the-admin-app.md"
PASSWORD = "correct horse battery"
NAME = "robots.example.org"
HTML = {"accept": "text/html"}

_SETUP = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/site.pem;
        ssl_certificate_key {folder}/site.key;
{location}
    }}
}}
"""


@dataclass
class Front:
    """The app and the nginx before it.

    Attributes:
        port: Of nginx.
        folder: Of its files.
    """

    app: server.App
    port: int
    folder: Path

    @property
    def origin(self) -> str:
        return f"https://{NAME}:{self.port}"

    def client(self, *, address: str = "127.0.0.1") -> httpx.Client:
        """Return a browser at an address, which calls the app by its name."""
        transport = httpx.HTTPTransport(local_address=address, verify=False)
        host = {"host": f"{NAME}:{self.port}"}
        return httpx.Client(base_url=f"https://127.0.0.1:{self.port}", transport=transport, headers=host, timeout=30)

    def sign_in(self, client: httpx.Client, password: str = PASSWORD) -> httpx.Response:
        return client.post("/orchestrator/login", data={"password": password}, headers={"origin": self.origin})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(timezone.utc)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
    signed = made.not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "site.pem").write_bytes(signed.public_bytes(encoding))
    (folder / "site.key").write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.TraditionalOpenSSL, plain)
    )


def documented(language: str) -> str:
    (block,) = re.findall(rf"```{language}\n(.*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)
    return str(block)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("nginx is not installed (Debian: apt-get install nginx)")
    text = HOW_TO.read_text("utf-8")
    command = re.search(r"python -m OpenOrchestrator orchestrator (--no-browser .*--proxy.*)", text)
    assert command is not None
    folder = tmp_path_factory.mktemp("nginx")
    inner, port = free_port(), free_port()
    arguments = command[1].replace("34538", str(inner)).split()
    location = documented("nginx").replace("34538", str(inner))
    make_certificate(folder)
    user = "user root;" if os.geteuid() == 0 else ""  # its workers write below this folder
    (folder / "nginx.conf").write_text(_SETUP.format(user=user, folder=folder, port=port, location=location), "utf-8")
    app = server.start(None, folder, *arguments, environment={"OpenOrchestratorPassword": PASSWORD})
    nginx = subprocess.Popen(
        [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until = time.monotonic() + 30
        while True:
            assert nginx.poll() is None, nginx.stderr and nginx.stderr.read()
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            assert time.monotonic() < until
            time.sleep(0.05)
        yield Front(app, port, folder)
    finally:
        nginx.terminate()
        nginx.wait(10)
        app.stop()
    assert "Traceback" not in app.output


def upgrade(front: Front, cookie: str, key: str, origin: str) -> str:
    """Ask for a websocket and return the status line of the answer."""
    lines = [
        "GET /orchestrator/_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1",
        f"Host: {NAME}:{front.port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Cookie: {cookie}",
        f"Origin: {origin}",
        f"Sec-WebSocket-Protocol: openorchestrator, key.{key}",
    ]
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    plain = socket.create_connection(("127.0.0.1", front.port), timeout=30)
    with context.wrap_socket(plain, server_hostname=NAME) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return connection.recv(4096).decode("latin-1").split("\r\n")[0]


def test_a_browser_signs_in_and_gets_pages_files_and_a_websocket(front: Front) -> None:
    with front.client() as client:
        first = client.get("/orchestrator/triggers", headers=HTML)
        assert first.status_code == 303
        assert first.headers["location"] == "/orchestrator/login?next=%2Ftriggers"
        assert 'action="/orchestrator/login"' in client.get(first.headers["location"], headers=HTML).text
        entered = front.sign_in(client)
        assert entered.status_code == 200
        cookie = entered.headers["set-cookie"]
        assert "Secure" in cookie
        assert "Path=/orchestrator" in cookie
        page = client.get("/orchestrator/triggers", headers=HTML)
        assert page.status_code == 200
        assert all("Secure" in each for each in page.headers.get_list("set-cookie"))
        assert f"wss://{NAME}:{front.port}" in page.headers["content-security-policy"]
        files = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
        assert files
        assert all(file.startswith("/orchestrator/") for file in files)
        assert {client.get(file).status_code for file in files} == {200}
        key, sent = server.key_in(entered.text), cookie.split(";")[0]
        assert " 101 " in upgrade(front, sent, key, front.origin)
        assert " 403 " in upgrade(front, sent, key, "https://evil.example")
        assert " 403 " in upgrade(front, sent, key, front.origin.replace("https", "http"))
        assert " 403 " in upgrade(front, sent, "invented", front.origin)


def test_the_path_without_its_slash_leads_to_it(front: Front) -> None:
    with front.client() as client:
        answer = client.get("/orchestrator", headers=HTML)
        assert (answer.status_code, answer.headers["location"]) == (301, f"{front.origin}/orchestrator/")


def test_names_and_sites_that_are_not_ours_are_refused(front: Front) -> None:
    with front.client() as client:
        for forged in (
            {"host": "rebound.example"},
            {"host": "rebound.example", "x-forwarded-host": NAME},
            {"host": "rebound.example", "forwarded": f"host={NAME}"},
        ):
            assert client.get("/orchestrator/login", headers=forged).status_code == 421
        foreign = client.post(
            "/orchestrator/session", headers={"origin": "https://evil.example", "x-forwarded-host": "evil.example"}
        )
        assert foreign.status_code == 403
        page = client.get("/orchestrator/login", headers={"x-forwarded-prefix": "/evil", **HTML})
        assert "/evil" not in page.text


def test_monitors_are_answered(front: Front) -> None:
    with front.client() as client:
        assert client.get("/orchestrator/healthz").json() == {"status": "degraded", "database": "not connected"}
        answer = client.options("/orchestrator/healthz")
        assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


def test_wrong_passwords_count_for_who_sent_them(front: Front) -> None:
    with front.client(address="127.0.0.2") as client:
        for number in range(LOGIN_TRIES):
            client.headers["x-forwarded-for"] = f"192.0.2.{number}"
            client.headers["forwarded"] = f"for=192.0.2.{number}"
            assert front.sign_in(client, "wrong password").status_code == 403
        client.headers["x-forwarded-for"] = "192.0.2.99"
        assert front.sign_in(client).status_code == 429
    with front.client(address="127.0.0.3") as client:
        assert front.sign_in(client).status_code == 200
