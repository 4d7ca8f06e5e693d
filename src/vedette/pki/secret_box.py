"""Secrets that must be read again, such as symmetric keys, encrypted before they reach the database.

The key lies in a file of its own, so that a copy of the database alone opens nothing. Each secret is bound to the place
it was sealed for: moved to another row, it does not open.

Source:
    NIST SP 800-38D (AES-GCM).
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vedette.kernel import IdSource
from vedette.pki.errors import SecretsUnreadable

SECRET_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_FILE_MAX_BYTES: Final = 256


class SecretBox:
    """AES-256-GCM under one key.

    Args:
        key: 32 bytes.
        ids: Source of nonces; a random one of 96 bits may be used four billion times under one key.
    """

    def __init__(self, key: bytes, *, ids: IdSource) -> None:
        self._cipher = AESGCM(key)
        self._ids = ids

    def seal(self, secret: bytes, *, place: str) -> bytes:
        """Encrypt a secret for one place, such as a row's primary key."""
        nonce = self._ids.random_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, place.encode())

    def open(self, sealed: bytes, *, place: str) -> bytes:
        """Decrypt what was sealed for a place.

        Raises:
            SecretsUnreadable: It was sealed under another key or for another place, or was altered.
        """
        if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
            raise _unreadable()
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode())
        except InvalidTag:
            raise _unreadable() from None


def encode_secret_key(key: bytes) -> bytes:
    """Return the content of a key's file."""
    return base64.b64encode(key) + b"\n"


def read_secret_key(path: Path) -> bytes:
    """Read the key of a box.

    Raises:
        SecretsUnreadable: The file is missing, open to others, or holds no such key.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_FILE_MAX_BYTES)
    except OSError as error:
        raise SecretsUnreadable(f"{path} cannot be read: {error.strerror}", hint="restore it from a backup") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SecretsUnreadable(f"{path} is open to others", hint=f"chmod 600 {path}")
    try:
        key = base64.b64decode(content.strip(), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != SECRET_KEY_BYTES:
        raise SecretsUnreadable(f"{path} holds no key of {SECRET_KEY_BYTES} bytes", hint="restore it from a backup")
    return key


def _unreadable() -> SecretsUnreadable:
    return SecretsUnreadable(
        "a secret on record does not open: secrets/column.key is another one than it was sealed with",
        hint="restore secrets/column.key from the backup that the database came from",
    )
