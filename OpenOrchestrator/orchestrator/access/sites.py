"""Addresses as browsers and proxies write them, compared by what they mean. Pure.

Owns which names the app may be called by: a foreign name that leads here (DNS rebinding) is none of them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from OpenOrchestrator.common.errors import ConfigurationError

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


class Site(NamedTuple):
    """Where a page comes from.

    Attributes:
        scheme: ``http`` or ``https``.
        host: In lower case, an IP address in its shortest form.
        port: The usual one of the scheme if none is named.
    """

    scheme: str
    host: str
    port: int


def is_loopback(host: str) -> bool:
    """Tell whether an address or name to listen on can only be reached from this machine."""
    if host == "localhost":
        return True
    address = ip_address(host)
    return address is not None and address.is_loopback


def ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return an IP address, in brackets or not, or None if it is none. IPv4 within IPv6 is the IPv4 address."""
    try:
        address = ipaddress.ip_address(text.strip().removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def site_of(scheme: str, host: str) -> Site | None:
    """Return the site of a scheme and a ``Host`` header, or None if they name none."""
    scheme = scheme.lower()
    if scheme not in _PORTS or not host or any(each in host for each in "/\\?#@ \t,"):
        return None
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.netloc != host or host.endswith(":"):
        return None
    name = name.removesuffix(".")
    address = ip_address(name) if "[" in host or "." in name else None
    if address is not None:
        name = str(address)
    elif not _NAME.fullmatch(name):
        return None
    return Site(scheme, name, _PORTS[scheme] if port is None else port)


def site_of_origin(origin: str) -> Site | None:
    """Return the site that an ``Origin`` header names, or None: ``null``, other schemes, anything with a path."""
    scheme, separator, host = origin.partition("://")
    return site_of(scheme, host) if separator else None


class KnownHosts:
    """The names that this app may be called by.

    Every IP address is one of them, because only a name can be made to lead elsewhere.

    Args:
        names: Names without ports.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset({"localhost", *(name.lower().removesuffix(".") for name in names)})

    def knows(self, site: Site | None) -> bool:
        """Tell whether a site is this app."""
        return site is not None and (site.host in self._names or ip_address(site.host) is not None)


def host_names(text: str) -> tuple[str, ...]:
    """Return the host names in a setting, which commas or blanks separate.

    Raises:
        ConfigurationError: If one of them is no name.
    """
    names = tuple(name.lower() for name in re.split(r"[,\s]+", text) if name)
    for name in names:
        site = site_of("http", name)
        if site is None or ":" in name.rpartition("]")[2]:
            raise ConfigurationError(
                f"{name!r} is no host name. Give names without scheme and port: --allowed-host robots.example.org"
            )
    return names
