"""nkeys, against the reference implementation."""

from __future__ import annotations

import base64
from pathlib import Path

import nkeys
import pytest
from cryptography.exceptions import InvalidSignature

from vedette.bus.errors import InvalidNkey
from vedette.bus.nkeys import UserKey, decode_public, ensure_seed, read_seed

SEED = "SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU"


def test_seed_public_key_and_signature_are_those_of_the_reference_implementation() -> None:
    ours, theirs = UserKey.from_seed(SEED), nkeys.from_seed(bytearray(SEED.encode()))
    assert ours.public == theirs.public_key.decode()
    assert ours.seed == SEED
    assert base64.urlsafe_b64decode(ours.sign(b"nonce") + "==") == theirs.sign(b"nonce")


def test_generated_key_is_read_by_the_reference_implementation() -> None:
    key = UserKey.generate()
    assert nkeys.from_seed(bytearray(key.seed.encode())).public_key.decode() == key.public
    assert UserKey.from_seed(key.seed).public == key.public


def test_signature_verifies_with_the_public_key_only() -> None:
    key = UserKey.generate()
    signature = base64.urlsafe_b64decode(key.sign(b"nonce") + "==")
    decode_public(key.public).verify(signature, b"nonce")
    with pytest.raises(InvalidSignature):
        decode_public(UserKey.generate().public).verify(signature, b"nonce")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SU",
        SEED[:-1],
        SEED + "A",
        SEED.lower(),
        SEED[:-1] + "V",
        SEED[:20] + "A" + SEED[21:],
        SEED[:10] + "1" + SEED[11:],
        "SAA" + SEED[3:],
        UserKey.from_seed(SEED).public,
    ],
)
def test_text_that_is_no_seed_is_refused(text: str) -> None:
    with pytest.raises(InvalidNkey) as refused:
        UserKey.from_seed(text)
    assert SEED[5:20] not in str(refused.value)


def test_seed_of_an_account_is_refused_for_a_user() -> None:
    # Prefix byte of an account (0) and 32 zero bytes, with a proper checksum.
    account = "SAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    with pytest.raises(InvalidNkey):
        UserKey.from_seed(account)


def test_seed_file_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "bus-control.nk"
    key = ensure_seed(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert ensure_seed(path).public == key.public
    assert UserKey.from_seed(read_seed(path)).public == key.public
    assert list(tmp_path.iterdir()) == [path]


def test_seed_file_open_to_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bus-control.nk"
    ensure_seed(path)
    path.chmod(0o640)
    with pytest.raises(InvalidNkey):
        read_seed(path)


def test_missing_or_linked_seed_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidNkey):
        read_seed(tmp_path / "absent.nk")
    ensure_seed(tmp_path / "real.nk")
    (tmp_path / "link.nk").symlink_to(tmp_path / "real.nk")
    with pytest.raises(InvalidNkey):
        read_seed(tmp_path / "link.nk")
