"""Signatures: only what the administrator signed as that kind is believed."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from posture import Administrator, make_record

from vedette.trust import EMPTY_ROOT, BadSignature, RecordVerifier, WrongSchema, extend_root
from vedette.trust.signing import SIGNED_MAX_BYTES, Signed, signed_payload

PA = Administrator()
VERIFIER = RecordVerifier(PA.signer.public_key)
STATEMENTS = {
    "record": PA.signer.sign_record(make_record()),
    "head": PA.signed_head(),
    "opening": PA.opening(make_record()),
}


@pytest.mark.parametrize("kind", STATEMENTS)
@pytest.mark.parametrize("read_as", STATEMENTS)
def test_a_statement_is_believed_as_its_own_kind_only(kind: str, read_as: str) -> None:
    verify = getattr(VERIFIER, read_as)
    if kind == read_as:
        assert verify(STATEMENTS[kind])
    else:
        with pytest.raises(BadSignature):
            verify(STATEMENTS[kind])


@pytest.mark.parametrize("kind", STATEMENTS)
def test_what_another_key_signed_is_not_believed(kind: str) -> None:
    with pytest.raises(BadSignature):
        getattr(RecordVerifier(Administrator().signer.public_key), kind)(STATEMENTS[kind])


@given(st.sampled_from(sorted(STATEMENTS)), st.data())
def test_no_flipped_bit_survives(kind: str, data: st.DataObject) -> None:
    signed = bytearray(STATEMENTS[kind])
    position = data.draw(st.integers(0, len(signed) - 1))
    signed[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BadSignature):
        getattr(VERIFIER, kind)(bytes(signed))


@given(st.binary(max_size=200))
def test_noise_is_no_statement(noise: bytes) -> None:
    for kind in STATEMENTS:
        with pytest.raises(BadSignature):
            getattr(VERIFIER, kind)(noise)


def test_the_limit_on_size_is_checked_before_anything_is_read() -> None:
    for size in (SIGNED_MAX_BYTES, SIGNED_MAX_BYTES + 1):
        with pytest.raises(BadSignature) as caught:
            VERIFIER.record(b"\x92" + b"\0" * (size - 1))
        assert ("over the limit" in caught.value.detail) is (size > SIGNED_MAX_BYTES)


def test_a_signed_statement_of_another_schema_is_told_apart_from_a_forgery() -> None:
    newer = PA.signer.sign_record(make_record(schema=2))
    with pytest.raises(WrongSchema):
        VERIFIER.record(newer)
    key = Ed25519PrivateKey.generate()
    payload = msgspec.msgpack.encode({"schema": 1})
    signature = key.sign(b"vedette posture record v1\0" + payload)
    signed = msgspec.msgpack.encode(Signed(payload, signature))
    with pytest.raises(WrongSchema):
        RecordVerifier(key.public_key().public_bytes_raw()).record(signed)


def test_the_root_runs_over_the_payloads_in_their_order() -> None:
    first, second = PA.signer.sign_record(make_record()), PA.signer.sign_record(make_record(sequence=2))
    expected = EMPTY_ROOT
    for signed in (first, second):
        digest = hashlib.sha256(signed_payload(signed)).digest()
        expected = hashlib.sha256(expected + digest).digest()
    assert extend_root(extend_root(EMPTY_ROOT, first), second) == expected
    assert extend_root(extend_root(EMPTY_ROOT, second), first) != expected


def test_the_root_of_noise_is_refused() -> None:
    with pytest.raises(BadSignature):
        extend_root(EMPTY_ROOT, b"noise")


def test_a_record_of_the_former_release_is_believed_as_before() -> None:
    former = msgspec.to_builtins(make_record(), builtin_types=(datetime,))
    del former["device_generation_id"]
    for name in ("keys", "authorities"):
        del former["credentials"]["value"][name]
    key = Ed25519PrivateKey.generate()
    payload = msgspec.msgpack.encode(former)
    signed = msgspec.msgpack.encode(Signed(payload, key.sign(b"vedette posture record v1\0" + payload)))
    assert RecordVerifier(key.public_key().public_bytes_raw()).record(signed) == make_record()


def test_an_opening_of_the_former_release_proves_no_token() -> None:
    former = msgspec.to_builtins(VERIFIER.opening(STATEMENTS["opening"]), builtin_types=(datetime, bytes))
    del former["token"], former["token_refusal"]
    key = Ed25519PrivateKey.generate()
    payload = msgspec.msgpack.encode(former)
    signed = msgspec.msgpack.encode(Signed(payload, key.sign(b"vedette session opening v1\0" + payload)))
    opening = RecordVerifier(key.public_key().public_bytes_raw()).opening(signed)
    assert (opening.token, opening.token_refusal) == (None, "")
