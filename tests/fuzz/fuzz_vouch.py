"""Fuzz what a gateway asks to have vouched for: only a genuine leaf of the very name is ever permitted."""

from __future__ import annotations

import warnings
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from vedette.kernel import AuthorityId, GenerationId, OrganizationId, SystemClock
from vedette.pki import Authority, AuthorityScope, AuthorityState, Purpose
from vedette.pki.records import NamedIdentity, Voucher
from vedette.pki.records.verifiers import Verifiers
from vedette.pki.records.vouching import judge_leaf
from vedette.simulation import Factory
from vedette.trust import certificate_sha256

_factory: Final = Factory("Fuzz", SystemClock())
_now: Final = SystemClock().now()
_organization: Final = OrganizationId("org_" + "0" * 26)
_root: Final = _factory.root.public_bytes(Encoding.DER)
_line: Final = _factory.line.public_bytes(Encoding.DER)
_genuine: Final = _factory.make_device("pump-7", days=30).chain[0].public_bytes(Encoding.DER)
_others: Final = _factory.make_device("pump-8", days=30).chain[0].public_bytes(Encoding.DER)
_authority: Final = Authority(
    organization_id=_organization,
    authority_id=AuthorityId("ath_" + "0" * 26),
    purpose=Purpose.ONBOARDING,
    name="plant",
    scope=AuthorityScope(),
    state=AuthorityState.VERIFIED,
    sha256=certificate_sha256(_root),
    subject="",
    public_key_sha256="",
    der=_root,
    not_before=_factory.root.not_valid_before_utc,
    not_after=_factory.root.not_valid_after_utc,
    registered_at=_now,
    is_hub_trusted=True,
)
_identity: Final = NamedIdentity(
    organization_id=_organization,
    generation_id=GenerationId("dev_" + "0" * 26),
    device_id="pump-7",
    subject_name="pump-7",
)
_verifiers: Final = Verifiers()

# Odd certificates make the parser warn, and the warning is the only thing that happens.
warnings.filterwarnings("ignore", module="vedette|cryptography")

SEEDS: Final = (_genuine, _others, _line, _root)


def fuzz_one(data: bytes) -> None:
    """Present the bytes as a leaf, and as an intermediate below a genuine leaf."""
    for chain, is_genuine in (([data, _line], data == _genuine), ([_genuine, data], data == _line), ([data], False)):
        found = judge_leaf(_identity, chain, lambda: [_authority], _verifiers, _now)
        assert isinstance(found, Voucher) is is_genuine, found
        assert isinstance(found, Voucher) or found
