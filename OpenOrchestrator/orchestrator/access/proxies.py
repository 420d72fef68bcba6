"""What reverse proxies tell about a request, believed only if they are named. Pure.

Owns who the client is, and by which scheme and host it called. Nobody else may read forwarded headers.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.orchestrator.access.sites import ip_address

FORWARDED_HEADERS = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"})
PREFIX_HEADER = "x-forwarded-prefix"

_PAIR = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(\"(?:\\.|[^\"\\])*\"|[^;,\s\"]*)\s*|([;,])")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")


class Seen(NamedTuple):
    """A request as the browser sent it.

    Attributes:
        address: Where it came from.
        scheme: ``http`` or ``https``.
        host: What the browser called this app.
        prefix: Path that a proxy put before ours, without a slash at its end.
    """

    address: str
    scheme: str
    host: str
    prefix: str = ""


class Proxies:
    """The reverse proxies that are believed.

    Args:
        networks: Their addresses or networks; none believes nobody.
    """

    def __init__(self, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network] = ()) -> None:
        self._networks = tuple(networks)

    def trusts(self, address: str) -> bool:
        """Tell whether an address is one of theirs."""
        parsed = ip_address(address)
        return parsed is not None and any(parsed in network for network in self._networks)

    def seen(self, peer: str, scheme: str, headers: Iterable[tuple[str, str]]) -> Seen:
        """Return a request as the browser sent it.

        Args:
            peer: The address that connected to us.
            scheme: Of that connection.
            headers: All of the request, names in lower case.
        """
        values: dict[str, str] = {}
        for name, value in headers:
            values[name] = f"{values[name]},{value}" if name in values else value
        host = values.get("host", "")
        if not self.trusts(peer):
            return Seen(peer, scheme, host)
        old, new = _listed(values), _forwarded(values.get("forwarded", ""))
        addresses = {self._client(peer, chain["for"]) for chain in (old, new) if chain["for"]}
        # A proxy writes one kind of header and passes on the other as a client sent it: two that differ say nothing.
        address = addresses.pop() if len(addresses) == 1 else peer
        proto = next(iter(old["proto"] or new["proto"]), scheme).lower()
        prefix = values.get(PREFIX_HEADER, "").rstrip("/")
        return Seen(
            address,
            proto if proto in ("http", "https") else scheme,
            next(iter(old["host"] or new["host"]), host),
            prefix if _PREFIX.fullmatch(prefix) else "",
        )

    def _client(self, peer: str, chain: Sequence[str]) -> str:
        """Return the address nearest to us that is none of the named proxies."""
        client = peer
        for each in reversed(chain):
            address = _node(each)
            if address is None:
                return client
            client = address
            if not self.trusts(address):
                return client
        return client


def proxy_networks(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Return the addresses and networks in a setting, which commas or blanks separate.

    Raises:
        ConfigurationError: If one of them is neither.
    """
    networks = []
    for part in re.split(r"[,\s]+", text):
        if not part:
            continue
        try:
            networks.append(ipaddress.ip_network(part.removeprefix("[").removesuffix("]")))
        except ValueError as error:
            raise ConfigurationError(
                f"{part!r} is no address or network of a proxy: {error}. Examples: --proxy 127.0.0.1, "
                "--proxy 10.1.0.0/24"
            ) from None
    return tuple(networks)


def _listed(values: Mapping[str, str]) -> dict[str, list[str]]:
    def parts(name: str) -> list[str]:
        return [part for part in (each.strip() for each in values.get(name, "").split(",")) if part]

    return {
        "for": parts("x-forwarded-for"),
        "proto": parts("x-forwarded-proto"),
        "host": parts("x-forwarded-host"),
    }


def _forwarded(value: str) -> dict[str, list[str]]:
    """Return what the header of RFC 7239 says, in its order; nothing of one that is malformed."""
    found: dict[str, list[str]] = {"for": [], "proto": [], "host": []}
    at = 0
    while at < len(value):
        match = _PAIR.match(value, at)
        if match is None or match.end() == at:
            return {"for": [], "proto": [], "host": []}
        at = match.end()
        if match[1] and match[1].lower() in found:
            text = match[2]
            plain = re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
            found[match[1].lower()].append(plain)
    return found


def _node(text: str) -> str | None:
    """Return the address in one part of a chain, with its port taken away; None for ``unknown`` and made-up names."""
    plain = text.strip().strip('"')
    bracketed = re.fullmatch(r"\[([^\]]+)\](:\d+)?", plain)
    if bracketed:
        plain = bracketed[1]
    elif plain.count(":") == 1:
        plain = plain.partition(":")[0]
    address = ip_address(plain)
    return str(address) if address is not None else None
