"""The password of the app, kept as its hash only. Must not know who tries it, nor how often."""

from __future__ import annotations

import hashlib
import hmac
import os

from OpenOrchestrator.common.errors import ConfigurationError

PASSWORD_VARIABLE = "OpenOrchestratorPassword"  # noqa: S105  (the name, not a password)


class Password:
    """A password that is only kept as its hash.

    Raises:
        ConfigurationError: If it is shorter than eight characters.
    """

    def __init__(self, password: str) -> None:
        if len(password) < 8:
            raise ConfigurationError(
                f"The password is shorter than 8 characters: choose a longer one and set {PASSWORD_VARIABLE}."
            )
        self._salt = os.urandom(16)
        self._hash = self._hashed(password)

    def matches(self, attempt: str) -> bool:
        """Tell whether this is the password; takes the same time for any attempt. Blocks for some 50 ms."""
        return hmac.compare_digest(self._hash, self._hashed(attempt[:1000]))

    def _hashed(self, password: str) -> bytes:
        return hashlib.scrypt(password.encode("utf-8", "replace"), salt=self._salt, n=2**14, r=8, p=1, dklen=32)
