"""Durations as people write them: 30s, 5m, 1h, 2d. Pure."""

from __future__ import annotations

import re

_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_WRITTEN = re.compile(r"(?:0|[1-9][0-9]{0,11})[smhd](?: ?[1-9][0-9]{0,11}[smhd])*")
_PART = re.compile(r"([0-9]+)([smhd])")

PATTERN = "^(0|[1-9][0-9]*)[smhd]( ?[1-9][0-9]*[smhd])*$"
"""What a JSON schema says of one."""


def read(text: str) -> int | None:
    """Return the seconds of a duration; None if it is none. Of several parts, as in ``1h 30m``, larger come first."""
    if _WRITTEN.fullmatch(text) is None:
        return None
    parts = [(int(number), unit) for number, unit in _PART.findall(text)]
    units = ["dhms".index(unit) for _, unit in parts]
    if units != sorted(set(units)):
        return None
    return sum(number * _SECONDS[unit] for number, unit in parts)


def written(seconds: int) -> str:
    """Return a duration in the one way in which it is exported: in the largest unit that leaves no rest."""
    unit = next((unit for unit, size in _SECONDS.items() if seconds and seconds % size == 0), "s")
    return f"{seconds // _SECONDS[unit]}{unit}"
