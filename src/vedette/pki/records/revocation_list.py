"""The list of revoked certificates, for third parties: our own doors go by posture records."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from vedette.kernel import OrganizationId
from vedette.pki.errors import RevocationListTooLong
from vedette.pki.model import Purpose
from vedette.pki.records import repository
from vedette.pki.records.issuance import Signer
from vedette.pki.signer import Revocation
from vedette.store import Store
from vedette.trust import certificate_sha256

REVOCATIONS_MAX: Final = 100_000


async def sign_revocation_list(
    store: Store, signer: Signer, organization_id: OrganizationId, *, now: datetime, lifetime: timedelta
) -> bytes:
    """Have the list of revoked operational certificates signed, in DER.

    Raises:
        SignerUnavailable: The signer does not answer.
        SignerRefused: Its cap is used up.
        RevocationListTooLong: Over 100,000 entries; an incomplete list would be a wrong one.
    """
    chains = await signer.get_chains()
    authority_sha256 = certificate_sha256(chains[Purpose.OPERATIONAL][0])
    rows = await store.read(
        lambda c: repository.list_revoked(c, organization_id, authority_sha256, now, limit=REVOCATIONS_MAX + 1)
    )
    if len(rows) > REVOCATIONS_MAX:
        raise RevocationListTooLong(
            f"more than {REVOCATIONS_MAX} certificates are revoked", hint="let them expire: shorten lifetimes"
        )
    return await signer.sign_revocation_list(
        organization_id=organization_id,
        purpose=Purpose.OPERATIONAL,
        revocations=[Revocation(bytes.fromhex(serial), at, reason) for serial, at, reason in rows],
        lifetime=lifetime,
    )
