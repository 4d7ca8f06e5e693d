"""Keys for openings: only whom the administrator agreed with can be spoken to, and only in its words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from posture import NOW, ORGANIZATION, Administrator, make_record

from vedette.trust import (
    BadSignature,
    KeyAgreement,
    OpeningKey,
    OpeningKeyOffer,
    RecordVerifier,
    Replayed,
    Untrusted,
    WrongSchema,
    offer_opening_key,
)
from vedette.trust.signing import SIGNED_MAX_BYTES, Signed

PA = Administrator()
VERIFIER = RecordVerifier(PA.signer.public_key)
OPENING = VERIFIER.opening(PA.opening(make_record(), NOW))


def agreement(nonce: bytes = b"n" * 16, gateway: str = "gateway-1") -> KeyAgreement:
    return KeyAgreement(ORGANIZATION, gateway, nonce)


def asked_by(half: KeyAgreement, gateway: str = "gateway-1") -> OpeningKeyOffer:
    return OpeningKeyOffer(
        nonce=half.nonce,
        organization_id=ORGANIZATION,
        gateway=gateway,
        gateway_key=half.public_key,
        key_id="one",
        lifetime_s=60.0,
    )


def agreed() -> tuple[OpeningKey, OpeningKey]:
    half = agreement()
    control, offer = offer_opening_key(PA.signer, asked_by(half))
    return control, half.accept(VERIFIER, offer)


CONTROL, GATEWAY = agreed()


def test_what_one_side_seals_the_other_believes() -> None:
    assert GATEWAY.unseal(CONTROL.seal(OPENING)) == OPENING
    assert (GATEWAY.key_id, GATEWAY.lifetime_s) == ("one", 60.0)


def test_each_agreement_has_a_key_of_its_own() -> None:
    other, _ = agreed()
    with pytest.raises(BadSignature):
        GATEWAY.unseal(other.seal(OPENING))


def test_an_offer_of_another_administrator_is_not_believed() -> None:
    half = agreement()
    _, offer = offer_opening_key(Administrator().signer, asked_by(half))
    with pytest.raises(BadSignature):
        half.accept(VERIFIER, offer)


@pytest.mark.parametrize("wrong", ["nonce", "gateway", "key", "organization"])
def test_an_offer_to_another_question_is_not_taken(wrong: str) -> None:
    half = agreement()
    changes: dict[str, dict[str, Any]] = {
        "nonce": {"nonce": b"m" * 16},
        "gateway": {"gateway": "gateway-2"},
        "key": {"gateway_key": agreement().public_key},
        "organization": {"organization_id": "org_" + "1" * 26},
    }
    _, offer = offer_opening_key(PA.signer, msgspec.structs.replace(asked_by(half), **changes[wrong]))
    with pytest.raises(Replayed):
        half.accept(VERIFIER, offer)


@pytest.mark.parametrize("half", [b"", b"x" * 31, b"\0" * 32], ids=["none", "short", "of low order"])
def test_a_half_that_is_none_makes_no_key(half: bytes) -> None:
    asked = msgspec.structs.replace(asked_by(agreement()), gateway_key=half)
    with pytest.raises(BadSignature):
        offer_opening_key(PA.signer, asked)


def test_a_signed_opening_is_not_a_sealed_one_and_the_reverse() -> None:
    with pytest.raises(BadSignature):
        GATEWAY.unseal(PA.opening(make_record(), NOW))
    with pytest.raises(BadSignature):
        VERIFIER.opening(CONTROL.seal(OPENING))
    with pytest.raises(BadSignature):
        VERIFIER.record(CONTROL.seal(OPENING))


@given(st.data())
def test_no_flipped_bit_survives(data: st.DataObject) -> None:
    sealed = bytearray(CONTROL.seal(OPENING))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Untrusted):
        GATEWAY.unseal(bytes(sealed))


@given(st.binary(max_size=200))
def test_noise_is_no_opening(noise: bytes) -> None:
    with pytest.raises(BadSignature):
        GATEWAY.unseal(noise)


def test_the_limit_on_size_is_checked_before_anything_is_read() -> None:
    with pytest.raises(BadSignature, match="limit"):
        GATEWAY.unseal(b"x" * (SIGNED_MAX_BYTES + 1))


def test_what_is_sealed_must_still_be_an_opening() -> None:
    payload = msgspec.msgpack.encode({"nonce": b""})
    sealed = msgspec.msgpack.encode(Signed(payload, CONTROL._mac(payload)))
    with pytest.raises(WrongSchema):
        GATEWAY.unseal(sealed)


def test_a_key_shows_its_secret_nowhere() -> None:
    assert repr(CONTROL._secret) not in repr(CONTROL)
