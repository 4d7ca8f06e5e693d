"""Signatures of the policy administrator over records, heads and openings.

Each kind is signed under its own prefix, so that none can be passed off as another. Payloads are verified as the bytes
that were transmitted and only then decoded and schema-checked.

Source:
    RFC 8032 (Ed25519).
"""

from __future__ import annotations

import hashlib
from typing import Final, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from vedette.trust.errors import BadSignature, WrongSchema
from vedette.trust.model import SCHEMA_VERSION, Head, Opening, OpeningKeyOffer, PostureRecord

SIGNED_MAX_BYTES: Final = 65_536
_RECORD: Final = b"vedette posture record v1\0"
_HEAD: Final = b"vedette posture head v1\0"
OPENING_PREFIX: Final = b"vedette session opening v1\0"
_KEY_OFFER: Final = b"vedette opening key offer v1\0"
_BUNDLE: Final = b"vedette policy bundle v1\0"

T = TypeVar("T", PostureRecord, Head, Opening, OpeningKeyOffer)


class Signed(msgspec.Struct, frozen=True, array_like=True):
    """A payload (MessagePack) and its Ed25519 signature."""

    payload: bytes
    signature: bytes


_encoder = msgspec.msgpack.Encoder()
_signed_decoder = msgspec.msgpack.Decoder(Signed)
_record_decoder = msgspec.msgpack.Decoder(PostureRecord)
_head_decoder = msgspec.msgpack.Decoder(Head)
_opening_decoder = msgspec.msgpack.Decoder(Opening)
_key_offer_decoder = msgspec.msgpack.Decoder(OpeningKeyOffer)


class RecordSigner:
    """The policy administrator's key at work."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> bytes:
        """The 32 bytes that enforcement points pin."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign_record(self, record: PostureRecord) -> bytes:
        """Encode and sign a posture record."""
        return self._sign(_RECORD, record)

    def sign_head(self, head: Head) -> bytes:
        """Encode and sign a head."""
        return self._sign(_HEAD, head)

    def sign_opening(self, opening: Opening) -> bytes:
        """Encode and sign the answer to one gateway's nonce."""
        return self._sign(OPENING_PREFIX, opening)

    def sign_key_offer(self, offer: OpeningKeyOffer) -> bytes:
        """Encode and sign our half of a key for openings."""
        return self._sign(_KEY_OFFER, offer)

    def sign_bundle(self, organization_id: str, sha256: str) -> bytes:
        """Sign that an organization has stored a policy bundle; returns the bare signature."""
        return self._key.sign(_BUNDLE + f"{organization_id}\0{sha256}".encode())

    def _sign(self, prefix: bytes, value: PostureRecord | Head | Opening | OpeningKeyOffer) -> bytes:
        payload = _encoder.encode(value)
        return _encoder.encode(Signed(payload, self._key.sign(prefix + payload)))


class RecordVerifier:
    """The pinned public key of the policy administrator."""

    def __init__(self, public_key: bytes) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(public_key)

    def record(self, signed: bytes) -> PostureRecord:
        """Verify and decode a posture record.

        Raises:
            BadSignature: Not signed by the pinned key as a record.
            WrongSchema: Signed, but not a record of a schema known here.
        """
        return self._verify(_RECORD, signed, _record_decoder)

    def head(self, signed: bytes) -> Head:
        """Verify and decode a head.

        Raises:
            BadSignature: Not signed by the pinned key as a head.
            WrongSchema: Signed, but not a head of a schema known here.
        """
        return self._verify(_HEAD, signed, _head_decoder)

    def opening(self, signed: bytes) -> Opening:
        """Verify and decode an opening; the caller compares the nonce.

        Raises:
            BadSignature: Not signed by the pinned key as an opening.
            WrongSchema: Signed, but not an opening of a schema known here.
        """
        return self._verify(OPENING_PREFIX, signed, _opening_decoder)

    def key_offer(self, signed: bytes) -> OpeningKeyOffer:
        """Verify and decode the administrator's half of a key for openings; the caller compares what was asked.

        Raises:
            BadSignature: Not signed by the pinned key as such.
            WrongSchema: Signed, but of a schema unknown here.
        """
        return self._verify(_KEY_OFFER, signed, _key_offer_decoder)

    def check_bundle_signature(self, organization_id: str, sha256: str, signature: bytes) -> None:
        """Verify that an organization has stored the policy bundle of a hash.

        Raises:
            BadSignature: The pinned key has not signed it.
        """
        try:
            self._key.verify(signature, _BUNDLE + f"{organization_id}\0{sha256}".encode())
        except InvalidSignature as error:
            raise BadSignature("the policy bundle is not signed by this organization's policy administrator") from error

    def _verify(self, prefix: bytes, signed: bytes, decoder: msgspec.msgpack.Decoder[T]) -> T:
        if len(signed) > SIGNED_MAX_BYTES:
            raise BadSignature(f"a signed statement of {len(signed)} bytes is over the limit of {SIGNED_MAX_BYTES}")
        try:
            envelope = _signed_decoder.decode(signed)
            self._key.verify(envelope.signature, prefix + envelope.payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidSignature) as error:
            raise BadSignature("the statement is not signed by this organization's policy administrator") from error
        try:
            value = decoder.decode(envelope.payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise WrongSchema("the statement is signed, but of a schema unknown here") from error
        if isinstance(value, (PostureRecord, Head)) and value.schema != SCHEMA_VERSION:
            raise WrongSchema(f"schema {value.schema} is not {SCHEMA_VERSION}", hint="upgrade this process")
        return value


def signed_payload(signed: bytes) -> bytes:
    """Return the payload of signed bytes without believing it, for hashing.

    Raises:
        BadSignature: The bytes are not a signed statement at all.
    """
    try:
        return _signed_decoder.decode(signed).payload
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadSignature("the bytes are not a signed statement") from error


def extend_root(root_hash: bytes, signed_record: bytes) -> bytes:
    """Extend the running root by one change: ``SHA-256(root || SHA-256(record payload))``."""
    return hashlib.sha256(root_hash + hashlib.sha256(signed_payload(signed_record)).digest()).digest()


EMPTY_ROOT: Final = b"\0" * 32
