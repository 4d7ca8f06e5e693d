"""The box for secrets: what it sealed opens under its key, at its place, unaltered, and never otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.kernel import RandomIds
from vedette.pki import SECRET_KEY_BYTES, SecretBox, SecretsUnreadable, encode_secret_key, read_secret_key
from vedette.simulation import ManualClock

IDS = RandomIds(ManualClock())
BOX = SecretBox(b"k" * SECRET_KEY_BYTES, ids=IDS)


@given(secret=st.binary(max_size=128), place=st.text(max_size=80))
def test_a_secret_comes_back_from_its_place_only(secret: bytes, place: str) -> None:
    sealed = BOX.seal(secret, place=place)
    assert BOX.open(sealed, place=place) == secret
    assert sealed != BOX.seal(secret, place=place)
    for box, where in ((BOX, place + "x"), (SecretBox(b"x" * SECRET_KEY_BYTES, ids=IDS), place)):
        with pytest.raises(SecretsUnreadable):
            box.open(sealed, place=where)


@given(st.data())
def test_no_flipped_bit_opens(data: st.DataObject) -> None:
    sealed = bytearray(BOX.seal(b"secret", place="here"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SecretsUnreadable):
        BOX.open(bytes(sealed), place="here")


@given(st.binary(max_size=64))
def test_noise_does_not_open(noise: bytes) -> None:
    with pytest.raises(SecretsUnreadable):
        BOX.open(noise, place="here")


def test_a_key_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "column.key"
    path.write_bytes(encode_secret_key(b"k" * SECRET_KEY_BYTES))
    path.chmod(0o600)
    assert read_secret_key(path) == b"k" * SECRET_KEY_BYTES


@pytest.mark.parametrize(
    ("case", "content", "mode"),
    [
        ("missing", None, 0o600),
        ("open to the group", encode_secret_key(b"k" * 32), 0o640),
        ("open to all", encode_secret_key(b"k" * 32), 0o644),
        ("too short", encode_secret_key(b"k" * 31), 0o600),
        ("too long", encode_secret_key(b"k" * 33), 0o600),
        ("not base64", b"not a key\n", 0o600),
        ("empty", b"", 0o600),
    ],
)
def test_a_file_that_is_no_key_is_refused_and_says_what_to_do(
    tmp_path: Path, case: str, content: bytes | None, mode: int
) -> None:
    path = tmp_path / "column.key"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(SecretsUnreadable) as caught:
        read_secret_key(path)
    assert caught.value.hint
