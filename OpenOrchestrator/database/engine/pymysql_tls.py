"""Connections of PyMySQL that read no certificates which they would not check.

Where the connection string says nothing about TLS, PyMySQL from 1.2 encrypts if the server can, and checks nobody's
certificate. It reads all certificates of the machine nevertheless, for each connection anew: some 20 ms, and about a
megabyte that stays as long as the connection, which adds up where connections break all the time.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pymysql import connections

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

    _Connection = connections.Connection[Cursor]
else:
    _Connection = connections.Connection


class LeanConnection(_Connection):
    """A connection as PyMySQL makes it, for the same arguments and with the same encryption."""

    def _create_ssl_ctx(self, sslp: Mapping[str, Any]) -> ssl.SSLContext:
        # The driver's own, and not public: where another version has none of that name, it does as it always did.
        if sslp:
            made: ssl.SSLContext = super()._create_ssl_ctx(sslp)  # type: ignore[misc]
            return made
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
