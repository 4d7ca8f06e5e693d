from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from vedette.pki import AuthorityDamaged, BadPassphrase
from vedette.pki.keyfiles import make_private_directory, read_key, read_passphrase, write_atomically, write_key

PASSPHRASE = b"correct horse battery staple"


def test_a_key_is_written_for_its_owner_alone_and_read_back(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    write_key(tmp_path / "one.key", key, None)
    assert (tmp_path / "one.key").stat().st_mode & 0o777 == 0o600
    assert read_key(tmp_path / "one.key", None).private_numbers() == key.private_numbers()


def test_an_encrypted_key_needs_its_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "one.key"
    write_key(path, ec.generate_private_key(ec.SECP256R1()), PASSPHRASE)
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in path.read_bytes()
    read_key(path, PASSPHRASE)
    for wrong in (None, b"another passphrase, also long"):
        with pytest.raises(BadPassphrase):
            read_key(path, wrong)


def test_a_key_open_to_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.key"
    write_key(path, ec.generate_private_key(ec.SECP256R1()), None)
    path.chmod(0o640)
    with pytest.raises(AuthorityDamaged, match="open to others"):
        read_key(path, None)


@pytest.mark.parametrize(
    "content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", b"\xff" * 99]
)
def test_a_damaged_key_is_named(tmp_path: Path, content: bytes) -> None:
    write_atomically(tmp_path / "one.key", content, mode=0o600)
    with pytest.raises(AuthorityDamaged, match=r"one\.key"):
        read_key(tmp_path / "one.key", None)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(AuthorityDamaged, match=r"one\.key"):
        read_key(tmp_path / "one.key", None)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    pem = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_atomically(tmp_path / "one.key", pem, mode=0o600)
    with pytest.raises(AuthorityDamaged, match="no EC key"):
        read_key(tmp_path / "one.key", None)


def test_what_a_cut_off_write_left_behind_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".one.key.partial").write_bytes(b"half a ke")
    write_atomically(tmp_path / "one.key", b"whole", mode=0o600)
    assert (tmp_path / "one.key").read_bytes() == b"whole"
    assert not (tmp_path / ".one.key.partial").exists()


def test_a_private_directory_is_narrowed(tmp_path: Path) -> None:
    (tmp_path / "pki").mkdir(mode=0o755)
    make_private_directory(tmp_path / "pki")
    assert (tmp_path / "pki").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
def test_the_line_break_is_no_part_of_a_passphrase(tmp_path: Path, ending: bytes) -> None:
    write_atomically(tmp_path / "passphrase", b"x" * 16 + ending, mode=0o400)
    assert read_passphrase(tmp_path / "passphrase") == b"x" * 16


@pytest.mark.parametrize(
    ("content", "mode"),
    [(b"x" * 15, 0o600), (b"x" * 1025, 0o600), (b"x" * 32, 0o604)],
    ids=["too short", "too long", "open to others"],
)
def test_a_poor_passphrase_file_is_refused(tmp_path: Path, content: bytes, mode: int) -> None:
    write_atomically(tmp_path / "passphrase", content, mode=mode)
    with pytest.raises(BadPassphrase) as refused:
        read_passphrase(tmp_path / "passphrase")
    assert content.decode() not in str(refused.value)


def test_a_missing_passphrase_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadPassphrase, match="passphrase"):
        read_passphrase(tmp_path / "passphrase")
