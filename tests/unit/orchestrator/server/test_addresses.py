"""Where the app is served."""

from __future__ import annotations

import socket

import pytest

from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.orchestrator.server.addresses import clean_base_path, free_port, web_address


def test_the_next_free_port_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        preferred = taken.getsockname()[1]
        lines: list[str] = []
        port = free_port("127.0.0.1", preferred, say=lines.append)
        assert port > preferred
        assert lines == [f"Port {preferred} is taken; using {port}."]


@pytest.mark.parametrize("path", ["/a?b", "/a b", "//x//y", '/"'])
def test_a_base_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ConfigurationError, match="--base-path"):
        clean_base_path(path)


@pytest.mark.parametrize(
    ("path", "cleaned"), [("", ""), ("/", ""), ("/tools/oo", "/tools/oo"), ("tools/oo/", "/tools/oo")]
)
def test_a_base_path_begins_with_a_slash_and_ends_without(path: str, cleaned: str) -> None:
    assert clean_base_path(path) == cleaned


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080/oo"),
        ("0.0.0.0", "http://localhost:8080/oo"),
        ("::", "http://localhost:8080/oo"),
        ("::1", "http://[::1]:8080/oo"),
    ],
)
def test_the_address_can_be_opened_on_this_machine(host: str, address: str) -> None:
    assert web_address(host, 8080, "/oo") == address
