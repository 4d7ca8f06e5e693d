"""nkeys: NATS' text form of Ed25519 keys, for users that prove themselves by signing the server's nonce.

Source:
    https://github.com/nats-io/nkeys (prefix bytes, base32 without padding, CRC-16/XMODEM).
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path
from typing import ClassVar, Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vedette.bus.errors import InvalidNkey

_SEED_PREFIX: Final = 18 << 3  # S
_USER_PREFIX: Final = 20 << 3  # U
_ACCOUNT_PREFIX: Final = 0  # A
_SERVER_PREFIX: Final = 13 << 3  # N
_KEY_BYTES: Final = 32
_SEED_CHARS: Final = 58
_USER_CHARS: Final = 56


class _Key:
    """The key pair of a user or an account."""

    _prefix: ClassVar[int]
    _owner: ClassVar[str]
    _seed_begins: ClassVar[str]

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key

    @classmethod
    def from_seed(cls, seed: str) -> Self:
        """Read a seed (58 characters).

        Raises:
            InvalidNkey: Wrong length, alphabet, checksum or kind of key.
        """
        raw = _decode(seed, _SEED_CHARS)
        if raw[:2] != _seed_head(cls._prefix):
            raise InvalidNkey(
                f"not the seed of {cls._owner}", hint=f"the seed of {cls._owner} begins with {cls._seed_begins}"
            )
        return cls(Ed25519PrivateKey.from_private_bytes(raw[2:]))

    @classmethod
    def generate(cls) -> Self:
        """Make a new key from the operating system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @property
    def public(self) -> str:
        """The public key as the server's configuration names it (56 characters)."""
        return _encode(bytes([self._prefix]) + self._private_key.public_key().public_bytes_raw())

    @property
    def seed(self) -> str:
        """The secret seed; for the key file only."""
        return _encode(_seed_head(self._prefix) + self._private_key.private_bytes_raw())


class UserKey(_Key):
    """The key pair of one user of the bus: public ``U…``, seed ``SU…``."""

    _prefix = _USER_PREFIX
    _owner = "a user"
    _seed_begins = "SU"

    def sign(self, nonce: bytes) -> str:
        """Sign the server's nonce, in the form CONNECT carries it (base64url without padding)."""
        return base64.urlsafe_b64encode(self._private_key.sign(nonce)).rstrip(b"=").decode("ascii")


class AccountKey(_Key):
    """The key pair of an account, public ``A…``, seed ``SA…``: it signs the users that an auth callout lets in."""

    _prefix = _ACCOUNT_PREFIX
    _owner = "an account"
    _seed_begins = "SA"

    def sign(self, message: bytes) -> bytes:
        """Sign a message."""
        return self._private_key.sign(message)


def decode_server(text: str) -> Ed25519PublicKey:
    """Read a server's public key (``N`` and 55 characters).

    Raises:
        InvalidNkey: Wrong length, alphabet, checksum or kind of key.
    """
    raw = _decode(text, _USER_CHARS)
    if raw[0] != _SERVER_PREFIX:
        raise InvalidNkey("not the public key of a server", hint="a server's public key begins with N")
    return Ed25519PublicKey.from_public_bytes(raw[1:])


def decode_public(text: str) -> Ed25519PublicKey:
    """Read a user's public key.

    Raises:
        InvalidNkey: Wrong length, alphabet, checksum or kind of key.
    """
    raw = _decode(text, _USER_CHARS)
    if raw[0] != _USER_PREFIX:
        raise InvalidNkey("not the public key of a user", hint="a user's public key begins with U")
    return Ed25519PublicKey.from_public_bytes(raw[1:])


def read_seed(path: Path) -> str:
    """Read a seed file that nobody but its owner may read.

    Raises:
        InvalidNkey: Absent, readable by others, or not a user's seed.
    """
    seed = _read_private(path)
    UserKey.from_seed(seed)
    return seed


def read_account_key(path: Path) -> AccountKey:
    """Read the key of an account from a seed file that nobody but its owner may read.

    Raises:
        InvalidNkey: Absent, readable by others, or not an account's seed.
    """
    return AccountKey.from_seed(_read_private(path))


def _read_private(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise InvalidNkey(f"{path} cannot be read: {error.strerror}", hint="vedette up makes it") from error
    with os.fdopen(descriptor, "rb") as file:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
            raise InvalidNkey(f"{path} is open to other users", hint=f"chmod 600 {path}")
        return file.read(256).decode("ascii", errors="replace").strip()


def ensure_seed(path: Path) -> UserKey:
    """Read the key in a seed file, or make one (mode 0600) when the file is absent.

    Raises:
        InvalidNkey: The file exists and is not a proper seed file.
    """
    if not path.exists():
        key = UserKey.generate()
        partial = path.with_name(path.name + ".new")
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key.seed + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    return UserKey.from_seed(read_seed(path))


def _seed_head(prefix: int) -> bytes:
    return bytes([_SEED_PREFIX | (prefix >> 5), (prefix & 0b1_1111) << 3])


def _encode(body: bytes) -> str:
    checksum = binascii.crc_hqx(body, 0)
    return base64.b32encode(body + checksum.to_bytes(2, "little")).rstrip(b"=").decode("ascii")


def _decode(text: str, chars: int) -> bytes:
    if len(text) != chars:
        raise InvalidNkey(f"an nkey of this kind has {chars} characters")
    try:
        raw = base64.b32decode(text + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        raise InvalidNkey("an nkey is base32") from None
    body, checksum = raw[:-2], raw[-2:]
    if binascii.crc_hqx(body, 0).to_bytes(2, "little") != checksum or _encode(body) != text:
        raise InvalidNkey("the checksum of an nkey does not fit")
    return body
