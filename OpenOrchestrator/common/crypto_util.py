"""Encryption of credentials: Fernet (AES-128 in CBC mode with an HMAC), the format of all earlier versions.

Owns the process-wide default key, there because published functions take none. Everything of ours that has a key of
its own uses ``encrypt`` and ``decrypt``, which touch no global. The package ``cryptography`` is loaded at first use,
because most robots never read a credential.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from OpenOrchestrator.common.errors import EncryptionError, NoEncryptionKeyError
from OpenOrchestrator.common.short_errors import short_errors

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

Key = str | bytes | None
"""A key as callers have it: the text that ``generate_key`` made, or its bytes; None or empty where there is none."""

_key: Key = None


def generate_key() -> bytes:
    """Return a new random key: 44 bytes of ASCII."""
    from cryptography.fernet import Fernet  # noqa: PLC0415  (see the module docstring)

    return Fernet.generate_key()


def validate_key(key: str | bytes | None) -> bool:
    """Tell whether a key has the form of one."""
    from cryptography.fernet import Fernet  # noqa: PLC0415  (see the module docstring)

    if not isinstance(key, (str, bytes)):
        return False
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


def set_key(key: Key) -> None:
    """Make a key the one that ``encrypt_string`` and ``decrypt_string`` use; None takes it away.

    A malformed key is refused when it is used, not here: robots without credentials are started with any text.
    """
    global _key  # noqa: PLW0603  (the documented exception)
    _key = key


def get_key() -> Key:
    """Return the key as it was set, or None."""
    return _key


def key_text(key: Key) -> str | None:
    """Return a key as text, or None where there is none."""
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else key or None


@short_errors
def encrypt_string(data: str) -> str:
    """Encrypt a text with the key that was set.

    Raises:
        NoEncryptionKeyError: If no key was set.
        EncryptionError: If the key is malformed.
    """
    return encrypt(data, _key)


@short_errors
def decrypt_string(data: str) -> str:
    """Decrypt with the key that was set what ``encrypt_string`` returned.

    Raises:
        NoEncryptionKeyError: If no key was set.
        EncryptionError: If the key is malformed, or another one than the text was encrypted with.
    """
    return decrypt(data, _key)


def encrypt(data: str, key: Key) -> str:
    """Encrypt a text with a key.

    Returns:
        A Fernet token: ASCII, for n bytes of UTF-8 about 4/3 n + 100 characters long, different at every call.

    Raises:
        NoEncryptionKeyError: If the key is None or empty.
        EncryptionError: If the key is malformed.
        UnicodeEncodeError: If the text holds a lone surrogate.
    """
    return _fernet(key, "encrypt").encrypt(data.encode("utf-8")).decode("ascii")


def decrypt(token: str, key: Key) -> str:
    """Decrypt a Fernet token with a key.

    Raises:
        NoEncryptionKeyError: If the key is None or empty.
        EncryptionError: If the key is malformed, or another one than the text was encrypted with.
    """
    from cryptography.fernet import InvalidToken  # noqa: PLC0415  (see the module docstring)

    fernet = _fernet(key, "decrypt")
    try:
        return fernet.decrypt(token.encode("utf-8")).decode("utf-8")
    except (InvalidToken, UnicodeError) as error:
        raise EncryptionError(
            "The text cannot be decrypted with this key: it was encrypted with another key, or is damaged. "
            "Use the key that the credential was saved with, or save the credential anew with this key."
        ) from error


def _fernet(key: Key, verb: str) -> Fernet:
    from cryptography.fernet import Fernet  # noqa: PLC0415  (see the module docstring)

    if not key:
        raise NoEncryptionKeyError(
            f"Can't {verb} without an encryption key: pass it when starting the robot, or call crypto_util.set_key."
        )
    try:
        return Fernet(key)
    except ValueError as error:
        # Without the cause's text: it may repeat the key.
        raise EncryptionError(
            "The encryption key is malformed: it has to be 32 bytes as url-safe base64, 44 characters. Use the key "
            "that the credentials were saved with; a new one is made by: python -m OpenOrchestrator key"
        ) from error
