"""The address of a queue, whatever its name is."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

# The path of the first request arrives decoded, that of a click in the page as it stands in the address bar. What
# would mean something else once decoded is therefore written in a way of its own, which decoding leaves alone.
_SPECIAL = re.compile(r"[/?#%\\~]|^\.{1,2}$")
_ESCAPED = re.compile(r"~(2F|3F|23|25|5C|7E|2E)")


def path_of(queue: str) -> str:
    """Return the path of a queue's page."""
    escaped = _SPECIAL.sub(lambda found: "".join(f"~{ord(letter):02X}" for letter in found[0]), queue)
    return f"/queues/{quote(escaped, safe='~')}"


def queue_of(parameter: str) -> str:
    """Return the name of the queue from the part of an address, be it decoded already or not."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), unquote(parameter))
