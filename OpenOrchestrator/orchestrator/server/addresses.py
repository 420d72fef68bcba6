"""Where the app is served: a port that is free, the path under a reverse proxy, and the address people open."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable

from OpenOrchestrator.common.errors import ConfigurationError

PREFERRED_PORT = 34538
PORTS_TO_TRY = 20

_NOT_HERE = frozenset({99, 49, 10049, -2, -3, 11001})
"""Error numbers for an address that is not this machine's (Linux, macOS, Windows, name resolution)."""


def clean_base_path(path: str) -> str:
    """Return a base path as the server uses it: ``/tools/oo``, or nothing.

    Raises:
        ConfigurationError: If it is no path.
    """
    cleaned = "/" + path.strip("/") if path.strip("/") else ""
    if any(character in cleaned for character in "?#\\ \"'<>") or "//" in cleaned:
        raise ConfigurationError(f"{path!r} is no path to serve the app under. Example: --base-path /orchestrator")
    return cleaned


def free_port(host: str, preferred: int, *, say: Callable[[str], None]) -> int:
    """Return the preferred port, or the next one that nobody listens on.

    Raises:
        ConfigurationError: If the address is none of this machine's, or all ports near it are taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(preferred, min(preferred + PORTS_TO_TRY, 65536)):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if sys.platform != "win32":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno in _NOT_HERE:
                    raise ConfigurationError(f"{host} is no address of this machine: {error}") from error
                continue
        if port != preferred:
            say(f"Port {preferred} is taken; using {port}.")
        return port
    raise ConfigurationError(f"All ports from {preferred} on are taken: choose another one with --port.")


def web_address(host: str, port: int, base_path: str) -> str:
    """Return the address that a browser on this machine opens, without a slash at its end."""
    return f"http://{_address_host(host)}:{port}{base_path}"


def machine_names() -> list[str]:
    """Return the names that others may know this machine by. May wait for name resolution for some seconds."""
    return [socket.gethostname(), socket.getfqdn()]


def _address_host(host: str) -> str:
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  (compared, not bound)
        return "localhost"
    return f"[{host}]" if ":" in host else host
