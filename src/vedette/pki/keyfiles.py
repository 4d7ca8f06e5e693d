"""Keys and certificates in files: written whole or not at all, private keys for their owner's eyes only."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from vedette.pki.errors import AuthorityDamaged, BadPassphrase

PASSPHRASE_MIN_CHARS: Final = 16
_PASSPHRASE_MAX_BYTES: Final = 1024
_FILE_MAX_BYTES: Final = 65_536


def write_atomically(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file so that after a crash it is there whole or not at all.

    Args:
        path: Its directory exists.
        content: All of the file.
        mode: Set before the first byte is written.
    """
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make new and renamed entries of a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private_directory(path: Path) -> None:
    """Create a directory that only its owner may enter; an existing one is narrowed."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)


def read_passphrase(path: Path) -> bytes:
    """Read a passphrase file, such as a systemd credential; a line break at its end is not part of it.

    Raises:
        BadPassphrase: Unreadable, readable by others, or shorter than 16 characters.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_PASSPHRASE_MAX_BYTES + 1).rstrip(b"\r\n")
    except OSError as error:
        raise BadPassphrase(
            f"the passphrase file {path} cannot be read: {error.strerror}",
            hint="check pki.passphrase_file and the file's owner",
        ) from error
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise BadPassphrase(f"the passphrase file {path} is open to others", hint=f"chmod 600 {path}")
    if not PASSPHRASE_MIN_CHARS <= len(content) <= _PASSPHRASE_MAX_BYTES:
        raise BadPassphrase(
            f"the passphrase in {path} has {len(content)} characters; at least {PASSPHRASE_MIN_CHARS} are needed",
            hint=f"make one: openssl rand -hex 32 > {path}",
        )
    return content


def write_key(path: Path, key: ec.EllipticCurvePrivateKey, passphrase: bytes | None) -> None:
    """Write a private key as PKCS #8 in PEM, mode 0600, encrypted when a passphrase is given."""
    encryption: KeySerializationEncryption = (
        NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    )
    write_atomically(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption), mode=0o600)


def read_key(path: Path, passphrase: bytes | None) -> ec.EllipticCurvePrivateKey:
    """Read a private key, encrypted or not.

    Raises:
        BadPassphrase: The file is encrypted and the passphrase is missing or wrong.
        AuthorityDamaged: The file is missing or open to others, or holds no EC key.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_FILE_MAX_BYTES)
    except OSError as error:
        raise AuthorityDamaged(
            f"the key file {path} cannot be read: {error.strerror}", hint="put it back, or restore it from a backup"
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise AuthorityDamaged(f"the key file {path} is open to others", hint=f"chmod 600 {path}")
    is_encrypted = b"BEGIN ENCRYPTED PRIVATE KEY" in content
    if is_encrypted and passphrase is None:
        raise BadPassphrase(f"the key file {path} is encrypted", hint="set pki.passphrase_file")
    try:
        key = load_pem_private_key(content, passphrase if is_encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if is_encrypted:
            raise BadPassphrase(
                f"the key file {path} cannot be opened with this passphrase", hint="check pki.passphrase_file"
            ) from error
        raise AuthorityDamaged(f"the key file {path} cannot be read", hint="restore it from a backup") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise AuthorityDamaged(f"the key file {path} holds no EC key", hint="restore it from a backup")
    return key
