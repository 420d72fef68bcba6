"""Cookies as browsers send them. Pure."""

from __future__ import annotations


def cookie_values(headers: list[str], name: str) -> list[str]:
    """Return all values of a cookie.

    Other programs of this machine set cookies, too, and browsers send them to every port as they are: nothing in one
    can keep another from being read. There are several of one name if they were set for several paths.

    Args:
        headers: The ``Cookie`` headers of a request.
        name: Of the cookie.
    """
    values = []
    for header in headers:
        for part in header.split(";"):
            found, separator, value = part.partition("=")
            if separator and found.strip() == name:
                values.append(value.strip())
    return values
