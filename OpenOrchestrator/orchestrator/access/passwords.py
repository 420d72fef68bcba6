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

    def kept_form(self) -> str:
        """Return what tells later whether the password is still the same: salt and hash as hexadecimal digits."""
        return f"{self._salt.hex()}:{self._hash.hex()}"

    def _hashed(self, password: str) -> bytes:
        return _hash_of(password, self._salt)


def is_kept_form_of(kept: str, password: str) -> bool:
    """Tell whether a kept form is of this password. Blocks for some 50 ms."""
    salt, _, hashed = kept.partition(":")
    try:
        return hmac.compare_digest(_hash_of(password, bytes.fromhex(salt)), bytes.fromhex(hashed))
    except ValueError:
        return False


def _hash_of(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "replace"), salt=salt, n=2**14, r=8, p=1, dklen=32)
