"""How often a password may be tried. Counts only; must not know the password, nor HTTP."""

from __future__ import annotations

import ipaddress
import time
from collections import deque
from collections.abc import Callable

LOGIN_TRIES = 5
LOGIN_WINDOW = 60.0
"""So many wrong passwords in so many seconds an address may send."""

TRIES_OF_ALL = 50
"""So many wrong passwords all addresses together may send in that time before each has one try only."""

MOST_ADDRESSES = 10_000


class Throttle:
    """The count of wrong passwords.

    Whatever others do, an address that sent no wrong password lately may try one: nobody is locked out by others.

    Args:
        monotonic: Seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._wrong: dict[str, deque[float]] = {}
        self._all: deque[float] = deque(maxlen=TRIES_OF_ALL)

    def seconds_to_wait(self, address: str) -> int:
        """Return how long an address has to wait before it may try another password; 0 if it may now."""
        now = self._monotonic()
        wrong = self._wrong.get(_bucket(address))
        while wrong and now - wrong[0] > LOGIN_WINDOW:
            wrong.popleft()
        if not wrong:
            self._wrong.pop(_bucket(address), None)
            return 0
        left = 0.0
        if len(wrong) >= LOGIN_TRIES:
            left = LOGIN_WINDOW - (now - wrong[-LOGIN_TRIES])
        elif len(self._all) == TRIES_OF_ALL and now - self._all[0] <= LOGIN_WINDOW:
            left = LOGIN_WINDOW - (now - wrong[-1])
        return int(left) + 1 if left > 0 else 0

    def wrong_password(self, address: str) -> None:
        """Count a wrong password."""
        now = self._monotonic()
        key = _bucket(address)
        tries = self._wrong.pop(key, None) or deque(maxlen=LOGIN_TRIES)
        tries.append(now)
        self._wrong[key] = tries  # at the end: the first of the dictionary is the one that was quiet for longest
        self._all.append(now)
        if len(self._wrong) > MOST_ADDRESSES:
            del self._wrong[next(iter(self._wrong))]

    def forgive(self, address: str) -> None:
        """Forget the wrong passwords of an address: it knows the right one."""
        self._wrong.pop(_bucket(address), None)
        if self._all:
            self._all.pop()


def _bucket(address: str) -> str:
    """Return what is counted together: an IPv4 address, or the network of 64 bits that one IPv6 customer has."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
