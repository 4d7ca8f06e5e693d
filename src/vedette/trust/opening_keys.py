"""Keys for openings: agreed under the administrator's signature, so that an opening costs a MAC and no signature.

An opening speaks to one gateway, and nobody else has to be convinced by it. The gateway sends an ephemeral key; the
administrator signs an offer that names both parties' keys and the gateway's nonce; from then on openings to that
gateway are sealed with what both can compute. Whoever carries the offer learns nothing, and can put no key of its own
in its place. Records and heads, which travel to many and are kept, stay signed.

Source:
    RFC 7748 (X25519), RFC 5869 (HKDF), RFC 2104 (HMAC).
"""

from __future__ import annotations

import hmac
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vedette.trust.errors import BadSignature, Replayed, WrongSchema
from vedette.trust.model import Opening, OpeningKeyOffer
from vedette.trust.signing import OPENING_PREFIX, SIGNED_MAX_BYTES, RecordSigner, RecordVerifier, Signed

KEY_BYTES: Final = 32
_INFO: Final = b"vedette opening key v1\0"

_encoder: Final = msgspec.msgpack.Encoder()
_signed_decoder: Final = msgspec.msgpack.Decoder(Signed)
_opening_decoder: Final = msgspec.msgpack.Decoder(Opening)


class OpeningKey:
    """A key that one gateway and the administrator share.

    Args:
        key_id: How both call it.
        lifetime_s: From the agreement on.
        secret: 32 bytes; in no representation.
    """

    __slots__ = ("_secret", "key_id", "lifetime_s")

    def __init__(self, key_id: str, lifetime_s: float, secret: bytes) -> None:
        self.key_id: Final = key_id
        self.lifetime_s: Final = lifetime_s
        self._secret: Final = secret

    def seal(self, opening: Opening) -> bytes:
        """Encode an opening and its MAC."""
        payload = _encoder.encode(opening)
        return _encoder.encode(Signed(payload, self._mac(payload)))

    def unseal(self, sealed: bytes) -> Opening:
        """Verify and decode an opening; the caller compares the nonce.

        Raises:
            BadSignature: Not sealed with this key.
            WrongSchema: Sealed, but not an opening of a schema known here.
        """
        if len(sealed) > SIGNED_MAX_BYTES:
            raise BadSignature(f"a sealed opening of {len(sealed)} bytes is over the limit of {SIGNED_MAX_BYTES}")
        try:
            envelope = _signed_decoder.decode(sealed)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadSignature("the bytes are not a sealed opening") from error
        if not hmac.compare_digest(envelope.signature, self._mac(envelope.payload)):
            raise BadSignature("the opening is not sealed with the key agreed with this organization's administrator")
        try:
            return _opening_decoder.decode(envelope.payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise WrongSchema("the opening is sealed, but of a schema unknown here") from error

    def _mac(self, payload: bytes) -> bytes:
        return hmac.digest(self._secret, OPENING_PREFIX + payload, "sha256")


class KeyAgreement:
    """A gateway's half of one agreement.

    Args:
        organization_id: Whose administrator is asked.
        gateway: This gateway's name.
        nonce: Fresh random bytes.
    """

    def __init__(self, organization_id: str, gateway: str, nonce: bytes) -> None:
        self._organization_id = organization_id
        self._gateway = gateway
        self.nonce: Final = nonce
        self._key = X25519PrivateKey.generate()
        self.public_key: Final = self._key.public_key().public_bytes_raw()

    def accept(self, verifier: RecordVerifier, signed: bytes) -> OpeningKey:
        """Compute the key that an offer leads to.

        Raises:
            Untrusted: The offer is not the administrator's.
            Replayed: It answers another question.
        """
        offer = verifier.key_offer(signed)
        asked = (self._organization_id, self._gateway, self.public_key)
        if (offer.organization_id, offer.gateway, offer.gateway_key) != asked or not hmac.compare_digest(
            offer.nonce, self.nonce
        ):
            raise Replayed("an opening key for another question")
        return _derive(offer, self._key, offer.control_key)


def offer_opening_key(signer: RecordSigner, asked: OpeningKeyOffer) -> tuple[OpeningKey, bytes]:
    """Make the administrator's half, and sign it.

    Args:
        signer: The administrator's key.
        asked: What the gateway sent and how the key shall be called; ``control_key`` is filled in.

    Returns:
        The key, and the signed offer that leads the gateway to it.

    Raises:
        BadSignature: The gateway's key is none.
    """
    own = X25519PrivateKey.generate()
    offer = msgspec.structs.replace(asked, control_key=own.public_key().public_bytes_raw())
    return _derive(offer, own, offer.gateway_key), signer.sign_key_offer(offer)


def _derive(offer: OpeningKeyOffer, own: X25519PrivateKey, others: bytes) -> OpeningKey:
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(others))
    except ValueError as error:
        raise BadSignature("the other half of an opening key is none") from error
    # All that was agreed on goes in: two agreements that differ in anything share no key.
    context = _INFO + _encoder.encode(offer)
    secret = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=offer.nonce, info=context).derive(shared)
    return OpeningKey(offer.key_id, offer.lifetime_s, secret)
