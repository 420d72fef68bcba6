"""Addresses of git repositories: what of them is secret, and how they are shown. Pure.

Owns the rule that credentials in an address, and whatever stands behind its question mark or its number sign, are
secrets. Knows neither git nor a database.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote, unquote

MASK = "***"

_SHORTEST_SECRET = 4
_SHORTEST_TOKEN = 12
_SCHEME = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://", re.ASCII)
_SCP_PASSWORD = re.compile(r"^(?P<user>[^/@:\s]+):(?P<password>[^@\s]+)@(?=[^/@:\s]+:)")
_IN_TEXT = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<user>[^/@\s'\"]*:[^@\s'\"]*|[^/@\s'\"]+)@", re.ASCII)
_QUERY_IN_TEXT = re.compile(
    r"(?P<name>[?&#][\w.-]*(?:token|key|secret|passw|pwd|auth|sig|pat)[\w.-]*)=[^&\s'\"#]+", re.I
)


@dataclass(frozen=True)
class RepositoryAddress:
    """Where a repository is.

    Attributes:
        url: As the trigger has it, with its secrets. Not part of the object's repr.
    """

    url: str = field(repr=False)

    @cached_property
    def is_http(self) -> bool:
        """Whether it is reached by http or https."""
        match = _SCHEME.match(self.url)
        return match is not None and match["scheme"].lower() in {"http", "https"}

    @cached_property
    def shown(self) -> str:
        """The address for messages and pages: no user, no password, no value of its query or its fragment.

        Where a password with a slash cannot be told from a path with an ``@``, more is hidden rather than less.
        """
        scheme, rest = self._split
        if not scheme:
            return _SCP_PASSWORD.sub(lambda match: f"{match['user']}:{MASK}@", self.url)
        place, mark, query = rest.partition("?")
        user_info, at, after = place.rpartition("@")
        if at and _is_user_info(user_info, port_is_host=False):
            place, before = after, f"{MASK}@"
        else:
            before = ""
        place, sign, fragment = _without_fragment(scheme, place)
        return f"{scheme}{before}{place}{sign}{_mask_query(fragment)}{mark}{_mask_query(query)}"

    @cached_property
    def plain(self) -> str:
        """The address as git may keep it on disk: without password; of http and https only the place."""
        if self.is_http:
            return f"{self._split[0]}{self._place}"
        user, colon, password = self._user_info.partition(":")
        if colon:
            return self.url.replace(f"{user}:{password}@", f"{user}@", 1)
        return _SCP_PASSWORD.sub(lambda match: f"{match['user']}@", self.url)

    @cached_property
    def with_query(self) -> str:
        """The address without user and password, but with its query, which the server may want."""
        _, mark, query = self._split[1].partition("?") if self.is_http and not self._fragment else ("", "", "")
        return f"{self.plain}{mark}{query}"

    @cached_property
    def origin(self) -> str | None:
        """Scheme, host and port, to which the credentials belong; None unless it is http or https."""
        return f"{self._split[0]}{self._place.partition('/')[0]}" if self.is_http else None

    @cached_property
    def credentials(self) -> tuple[str, str | None] | None:
        """User name and password of an http(s) address that has some; the password is None where only a user stands."""
        if not self.is_http:
            return None
        user_info = self._user_info
        if not user_info:
            return None
        user, colon, password = user_info.partition(":")
        return unquote(user), unquote(password) if colon else None

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """Every text that gives the address's secrets away, longest first: as written, decoded, and encoded anew."""
        scheme, rest = self._split
        if not scheme:
            match = _SCP_PASSWORD.match(self.url)
            written = [match["password"]] if match else []
        else:
            user, colon, password = self._user_info.partition(":")
            # A user alone is often a token, and as often the name of a team that stands in every line of output.
            written = [password] if colon else [user] if len(user) >= _SHORTEST_TOKEN else []
            query = rest.partition("?")[2]
            # A number sign may begin a fragment, or stand in a value.
            parts = {*query.split("&"), *(query.replace("#", "&").split("&") if "#" in query else ())}
            written += [part.partition("=")[2] or part for part in parts]
            pieces = (part.partition("=") for part in self._fragment.split("&"))
            # A word alone is often the name of a branch.
            written += [value or (name if len(name) >= _SHORTEST_TOKEN else "") for name, _, value in pieces]
        found = {form for text in written for form in (text, unquote(text), quote(unquote(text), safe=""))}
        return tuple(sorted((text for text in found if len(text) >= _SHORTEST_SECRET), key=lambda s: (-len(s), s)))

    def redact(self, text: str) -> str:
        """Return the text without this address's secrets, and without credentials of any other address in it."""
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return redact_addresses(text)

    @cached_property
    def _split(self) -> tuple[str, str]:
        match = _SCHEME.match(self.url)
        return (match[0], self.url[match.end() :]) if match else ("", self.url)

    @cached_property
    def _user_info(self) -> str:
        scheme, rest = self._split
        user_info, at, _ = rest.partition("?")[0].rpartition("@")
        return user_info if scheme and at and _is_user_info(user_info, port_is_host=True) else ""

    @cached_property
    def _place(self) -> str:
        return _without_fragment(self._split[0], self._place_and_fragment)[0]

    @cached_property
    def _fragment(self) -> str:
        return _without_fragment(self._split[0], self._place_and_fragment)[2]

    @cached_property
    def _place_and_fragment(self) -> str:
        place = self._split[1].partition("?")[0]
        return place[len(self._user_info) + 1 :] if self._user_info else place.removeprefix("@")


def redact_addresses(text: str) -> str:
    """Return the text with user, password and tokens of every address in it replaced."""
    text = _IN_TEXT.sub(lambda match: f"{match['scheme']}://{MASK}@", text)
    return _QUERY_IN_TEXT.sub(lambda match: f"{match['name']}={MASK}", text)


def _is_user_info(text: str, *, port_is_host: bool) -> bool:
    """Whether what stands before the last ``@`` is user and password, of which one may hold a slash.

    Args:
        text: From behind ``://`` up to that ``@``.
        port_is_host: What ``name:8443/...`` is taken for: a host with its port, or a user with the password's begin.
    """
    first, slash, _ = text.partition("/")
    if not slash:
        return True
    name, colon, after = first.partition(":")
    if colon:
        return not (port_is_host and after.isdigit())
    return "." not in name and name.lower() != "localhost" and not name.startswith("[")


def _without_fragment(scheme: str, place: str) -> tuple[str, str, str]:
    # The name of a folder may hold the sign.
    return (place, "", "") if scheme.lower() == "file://" else place.partition("#")


def _mask_query(query: str) -> str:
    parts = query.split("&") if query else []
    return "&".join(f"{name}={MASK}" if equals else MASK for name, equals, _ in (part.partition("=") for part in parts))
