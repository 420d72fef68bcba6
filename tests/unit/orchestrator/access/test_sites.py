"""Addresses, compared by what they mean."""

from __future__ import annotations

import pytest

from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.orchestrator.access.sites import (
    KnownHosts,
    Site,
    host_names,
    is_loopback,
    site_of,
    site_of_origin,
)


@pytest.mark.parametrize(
    ("origin", "scheme", "host"),
    [
        ("https://oo.example", "https", "oo.example:443"),
        ("https://oo.example", "https", "OO.example"),
        ("http://oo.example", "http", "oo.example:80"),
        ("http://oo.example:8080", "http", "oo.example:8080"),
        ("https://oo.example", "https", "oo.example."),
        ("http://[::1]:34538", "http", "[0:0:0:0:0:0:0:1]:34538"),
        ("http://[2001:db8::1]", "http", "[2001:DB8:0::1]:80"),
        ("http://127.0.0.1:34538", "http", "127.0.0.1:34538"),
    ],
)
def test_the_same_site(origin: str, scheme: str, host: str) -> None:
    assert site_of_origin(origin) is not None
    assert site_of_origin(origin) == site_of(scheme, host)


@pytest.mark.parametrize(
    ("origin", "scheme", "host"),
    [
        ("http://oo.example", "https", "oo.example"),
        ("https://oo.example:8443", "https", "oo.example"),
        ("https://evil.example", "https", "oo.example"),
        ("https://oo.example.evil.example", "https", "oo.example"),
        ("http://127.0.0.1:34539", "http", "127.0.0.1:34538"),
        ("http://localhost:34538", "http", "127.0.0.1:34538"),
    ],
)
def test_another_site(origin: str, scheme: str, host: str) -> None:
    assert site_of_origin(origin) is not None
    assert site_of_origin(origin) != site_of(scheme, host)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "oo.example",
        "file://",
        "chrome-extension://abc",
        "https://oo.example/path",
        "https://user@oo.example",
        "https://oo.example:",
        "https://oo.example:port",
        "https://oo.example:99999",
        "https://[::1",
        "https://a b",
        "https://a;script-src *",
    ],
)
def test_no_site(origin: str) -> None:
    assert site_of_origin(origin) is None


def test_the_parts_of_a_site() -> None:
    assert site_of("https", "OO.example") == Site("https", "oo.example", 443)
    assert site_of("ftp", "oo.example") is None


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost:34538", True),
        ("127.0.0.1:34538", True),
        ("[::1]:34538", True),
        ("192.168.1.4", True),
        ("robots.example.org", True),
        ("ROBOTS.example.org:443", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.nip.io", False),
        ("robots.example.org.evil.example", False),
        ("", False),
    ],
)
def test_names_that_lead_here_by_somebody_elses_doing_are_unknown(host: str, known: bool) -> None:
    assert KnownHosts(["Robots.example.org"]).knows(site_of("http", host)) is known


def test_host_names_of_a_setting() -> None:
    assert host_names("") == ()
    assert host_names(" A.example, b.example c ") == ("a.example", "b.example", "c")


@pytest.mark.parametrize("text", ["https://a.example", "a.example:443", "a.example/x", "*", "a b*"])
def test_what_is_no_host_name_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--allowed-host"):
        host_names(text)


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
