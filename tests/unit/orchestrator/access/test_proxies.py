"""What reverse proxies tell, and who is believed."""

from __future__ import annotations

import pytest

from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.orchestrator.access.proxies import Proxies, Seen, proxy_networks

NEAR = "10.0.0.1"
PROXIES = Proxies(proxy_networks("10.0.0.0/24, ::1"))


def seen(headers: dict[str, str], peer: str = NEAR) -> Seen:
    return PROXIES.seen(peer, "http", [("host", "inner:34538"), *headers.items()])


def test_nobody_else_is_believed() -> None:
    headers = {
        "x-forwarded-for": "192.0.2.1",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "oo.example",
        "x-forwarded-prefix": "/oo",
        "forwarded": "for=192.0.2.1;proto=https;host=oo.example",
    }
    assert seen(headers, peer="10.0.1.1") == Seen("10.0.1.1", "http", "inner:34538", "")
    assert seen(headers) == Seen("192.0.2.1", "https", "oo.example", "/oo")
    assert Proxies().seen("127.0.0.1", "http", [("host", "h"), *headers.items()]) == Seen("127.0.0.1", "http", "h")


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:51234", "192.0.2.1"),
        ("[2001:db8::1]:51234", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("unknown", NEAR),
        ("192.0.2.1, nonsense", NEAR),
        ("", NEAR),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
    ],
)
def test_the_client_is_the_nearest_that_is_no_named_proxy(chain: str, client: str) -> None:
    assert seen({"x-forwarded-for": chain}).address == client


def test_headers_that_come_twice_are_one_list() -> None:
    headers = [("host", "h"), ("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "192.0.2.1")]
    assert PROXIES.seen(NEAR, "http", headers).address == "192.0.2.1"


@pytest.mark.parametrize(
    ("proto", "scheme"),
    [
        ("https", "https"),
        ("https,http", "https"),
        ("HTTPS", "https"),
        ("http", "http"),
        ("gopher", "http"),
        ("", "http"),
    ],
)
def test_the_scheme_is_that_of_the_first_proxy(proto: str, scheme: str) -> None:
    assert seen({"x-forwarded-proto": proto}).scheme == scheme


def test_the_host_is_that_of_the_first_proxy() -> None:
    assert seen({"x-forwarded-host": "oo.example:443, inner"}).host == "oo.example:443"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("for=192.0.2.1;proto=https;host=oo.example", Seen("192.0.2.1", "https", "oo.example")),
        ('For="[2001:db8::1]:4711";Proto=https', Seen("2001:db8::1", "https", "inner:34538")),
        (
            "for=192.0.2.1;proto=https;host=oo.example, for=10.0.0.2;proto=http",
            Seen("192.0.2.1", "https", "oo.example"),
        ),
        ('for=6.6.6.6, for="192.0.2.1:80"', Seen("192.0.2.1", "http", "inner:34538")),
        ("for=_hidden", Seen(NEAR, "http", "inner:34538")),
        ('for=192.0.2.1;host="oo.example:443"', Seen("192.0.2.1", "http", "oo.example:443")),
        ('for="192.0.2.1', Seen(NEAR, "http", "inner:34538")),
    ],
)
def test_the_header_of_the_rfc(header: str, expected: Seen) -> None:
    assert seen({"forwarded": header}) == expected


def test_two_kinds_of_headers_that_differ_say_nothing_of_the_client() -> None:
    both = {"x-forwarded-for": "192.0.2.1", "forwarded": "for=6.6.6.6"}
    assert seen(both).address == NEAR
    assert seen({**both, "forwarded": "for=192.0.2.1"}).address == "192.0.2.1"


@pytest.mark.parametrize("prefix", ["//evil.example", '/"><script>', "oo", "/a b", "/../x?y"])
def test_a_prefix_is_a_path(prefix: str) -> None:
    assert seen({"x-forwarded-prefix": prefix}).prefix == ""


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.1/24", "10.0.0.0/33", "*"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--proxy"):
        proxy_networks(text)
