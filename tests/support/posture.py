"""A policy administrator in a few lines, for tests of what an enforcement point believes and decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vedette.kernel import DeviceId, GenerationId, ModuleId, OrganizationId
from vedette.trust import (
    EMPTY_ROOT,
    SCHEMA_VERSION,
    Credentials,
    Head,
    Health,
    Lifecycle,
    Opening,
    OpeningRequest,
    PermittedCertificate,
    PermittedKey,
    Placement,
    PostureRecord,
    PresentedCredential,
    Quarantine,
    RecordSigner,
    Registration,
    Section,
    SessionContext,
    TokenProof,
    TrustAnchor,
    extend_root,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ORGANIZATION = OrganizationId("org_" + "0" * 26)
GENERATION = GenerationId("dev_" + "0" * 26)
MODULE_GENERATION = GenerationId("mod_" + "0" * 26)
POLICY_HASH = "a" * 64
SHA256 = "b" * 64
SHA1 = "c" * 40
NONCE = b"n" * 16
KEY_ID = "key_" + "0" * 26


def section(owner: str, value: Any, *, expires_at: datetime | None = None) -> Section[Any]:
    return Section(owner=owner, revision=1, observed_at=NOW, expires_at=expires_at, value=value)


def make_record(**changes: Any) -> PostureRecord:
    """Make a record that is let in; changes name fields of the record."""
    fields: dict[str, Any] = {
        "schema": SCHEMA_VERSION,
        "organization_id": ORGANIZATION,
        "generation_id": GENERATION,
        "kind": "device",
        "device_id": DeviceId("pump-7"),
        "module_id": None,
        "epoch": 1,
        "sequence": 1,
        "issued_at": NOW,
        "expires_at": None,
        "registration": section(
            "registry", Registration(lifecycle=Lifecycle.ACTIVE, is_enabled=True, is_blocked=False)
        ),
        "credentials": section("pki", Credentials(certificates=(permitted(),))),
        "placement": section("registry", Placement(site="north", zone="cell-1", purdue_level="2")),
        "health": section("health", Health()),
        "quarantine": section("access", Quarantine()),
        "exceptions": section("access", ()),
        **changes,
    }
    return PostureRecord(**fields)


def permitted(digest: str = SHA256, **changes: Any) -> PermittedCertificate:
    return PermittedCertificate(**{"digest": digest, "origin": "issued", **changes})


def make_module_record(**changes: Any) -> PostureRecord:
    """Make the record of a module that is let in."""
    return make_record(
        **{
            "generation_id": MODULE_GENERATION,
            "kind": "module",
            "module_id": ModuleId("filter"),
            "device_generation_id": GENERATION,
            **changes,
        }
    )


def with_registration(**changes: Any) -> PostureRecord:
    record = make_record()
    assert record.registration.value is not None
    return msgspec.structs.replace(
        record, registration=section("registry", msgspec.structs.replace(record.registration.value, **changes))
    )


def with_certificates(*certificates: PermittedCertificate) -> PostureRecord:
    return make_record(credentials=section("pki", Credentials(certificates=certificates)))


def permitted_key(key_id: str = KEY_ID, **changes: Any) -> PermittedKey:
    return PermittedKey(**{"key_id": key_id, "permitted_until": NOW + timedelta(days=90), **changes})


def with_keys(*keys: PermittedKey) -> PostureRecord:
    return make_record(credentials=section("pki", Credentials(keys=keys)))


def presented_token(key_id: str = KEY_ID, **changes: Any) -> PresentedCredential:
    """Make what a client without a certificate proves by a token that control has verified."""
    token = TokenProof(**{"key_id": key_id, "expires_at": NOW + timedelta(hours=1), **changes})
    return PresentedCredential(sha256="", sha1="", not_before=None, not_after=None, token=token)


def refused_token(refusal: str) -> PresentedCredential:
    return PresentedCredential(sha256="", sha1="", not_before=None, not_after=None, token_refusal=refusal)


def presented(**changes: Any) -> PresentedCredential:
    fields = {
        "sha256": SHA256,
        "sha1": SHA1,
        "not_before": NOW - timedelta(days=1),
        "not_after": NOW + timedelta(days=30),
        "key_algorithm": "EC",
        "key_bits": 256,
        **changes,
    }
    return PresentedCredential(**fields)


SESSION = SessionContext(tls_version="TLSv1.3", remote_address="192.0.2.7")


class Administrator:
    """Signs records in sequence and heads that cover them."""

    def __init__(self, *, epoch: int = 1, key: Ed25519PrivateKey | None = None) -> None:
        self.key = key or Ed25519PrivateKey.generate()
        self.signer = RecordSigner(self.key)
        self.epoch = epoch
        self.sequence = 0
        self.root = EMPTY_ROOT

    def anchor(self) -> TrustAnchor:
        return TrustAnchor(
            schema=1,
            organization_id=ORGANIZATION,
            hostnames=("localhost",),
            id_scope="0ne00000000",
            administrator_key=self.signer.public_key,
            root_certificate="",
        )

    def change(self, **changes: Any) -> bytes:
        """Write the next record."""
        self.sequence += 1
        record = make_record(**{"epoch": self.epoch, "sequence": self.sequence, **changes})
        signed = self.signer.sign_record(record)
        self.root = extend_root(self.root, signed)
        return signed

    def head(self, at: datetime = NOW, **changes: Any) -> Head:
        fields: dict[str, Any] = {
            "schema": SCHEMA_VERSION,
            "organization_id": ORGANIZATION,
            "epoch": self.epoch,
            "sequence": self.sequence,
            "root_hash": self.root,
            "policy_hash": POLICY_HASH,
            "issued_at": at,
            **changes,
        }
        return Head(**fields)

    def signed_head(self, at: datetime = NOW, **changes: Any) -> bytes:
        return self.signer.sign_head(self.head(at, **changes))

    def opening(self, record: PostureRecord | None, at: datetime = NOW, **changes: Any) -> bytes:
        fields: dict[str, Any] = {
            "nonce": NONCE,
            "organization_id": ORGANIZATION,
            "device_id": DeviceId("pump-7"),
            "module_id": None,
            "head": self.head(at),
            "record": record,
            **changes,
        }
        return self.signer.sign_opening(Opening(**fields))


def asked(**changes: Any) -> OpeningRequest:
    return OpeningRequest(**{"nonce": NONCE, "device_id": "pump-7", "module_id": None, **changes})
