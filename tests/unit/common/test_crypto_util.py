"""Encryption: the published functions on the default key, and the pure ones on any."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.errors import EncryptionError, NoEncryptionKeyError


@pytest.fixture(autouse=True)
def _no_default_key() -> Iterator[None]:
    crypto_util.set_key(None)
    yield
    crypto_util.set_key(None)


def test_a_new_key_is_valid_and_different_every_time() -> None:
    key = crypto_util.generate_key()
    assert isinstance(key, bytes)
    assert crypto_util.validate_key(key)
    assert crypto_util.validate_key(key.decode())
    assert key != crypto_util.generate_key()


@pytest.mark.parametrize("key", ["", "abc", "ø" * 44, b"abc", None, 5, "a" * 44 + "="])
def test_what_is_no_key_is_not_valid(key: object) -> None:
    assert not crypto_util.validate_key(key)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "secret", "pæssword 😀", "x" * 10_000])
def test_a_text_survives_with_the_key_as_text_or_bytes(text: str) -> None:
    key = crypto_util.generate_key()
    crypto_util.set_key(key.decode())
    token = crypto_util.encrypt_string(text)
    assert isinstance(token, str)
    assert text not in token or not text
    crypto_util.set_key(key)
    assert crypto_util.decrypt_string(token) == text
    assert crypto_util.encrypt_string(text) != token


def test_the_key_is_returned_as_it_was_set() -> None:
    assert crypto_util.get_key() is None
    crypto_util.set_key("anything")
    assert crypto_util.get_key() == "anything"


@pytest.mark.parametrize("key", [None, "", b""])
def test_without_a_key_nothing_is_encrypted(key: str | bytes | None) -> None:
    crypto_util.set_key(key)
    with pytest.raises(RuntimeError, match="Can't encrypt without an encryption key"):
        crypto_util.encrypt_string("text")
    with pytest.raises(NoEncryptionKeyError, match="Can't decrypt without an encryption key"):
        crypto_util.decrypt_string("text")


def test_another_key_is_told_and_is_a_value_error() -> None:
    token = crypto_util.encrypt("secret", crypto_util.generate_key())
    with pytest.raises(ValueError, match="encrypted with another key, or is damaged") as caught:
        crypto_util.decrypt(token, crypto_util.generate_key())
    assert isinstance(caught.value, EncryptionError)


@pytest.mark.parametrize("token", ["", "nonsense", "gAAAAAB", "ø", "\ud800"])
def test_what_was_never_encrypted_is_told(token: str) -> None:
    with pytest.raises(EncryptionError):
        crypto_util.decrypt(token, crypto_util.generate_key())


def test_a_malformed_key_is_told_without_showing_it() -> None:
    for use in (crypto_util.encrypt, crypto_util.decrypt):
        with pytest.raises(EncryptionError, match="key is malformed") as caught:
            use("text", "my-not-quite-key")
        assert "my-not-quite-key" not in str(caught.value)


def test_other_keys_leave_the_default_alone() -> None:
    first, second = crypto_util.generate_key(), crypto_util.generate_key()
    crypto_util.set_key(first)
    token = crypto_util.encrypt("text", second)
    assert crypto_util.decrypt(token, second) == "text"
    assert crypto_util.get_key() == first


def test_a_key_as_text() -> None:
    assert crypto_util.key_text(b"abc") == "abc"
    assert crypto_util.key_text("abc") == "abc"
    assert crypto_util.key_text(None) is None
    assert crypto_util.key_text("") is None


def test_setting_a_key_does_not_load_the_encryption_library() -> None:
    code = (
        "import sys; from OpenOrchestrator.common import crypto_util; crypto_util.set_key('a'); crypto_util.get_key();"
        "sys.exit('cryptography' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
