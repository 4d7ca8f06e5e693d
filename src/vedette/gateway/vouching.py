"""Certificates of other authorities: control says whether a registered one vouches for what an identity presents."""

from __future__ import annotations

import logging

from vedette.bus.contract import VOUCH_CERTIFICATE, CertificateVouched, VouchCertificate
from vedette.gateway.peer import Peer
from vedette.gateway.reception import Reception
from vedette.kernel import Problem
from vedette.trust import PostureRecord

log = logging.getLogger(__name__)


def may_be_vouched(record: PostureRecord | None, chain: tuple[bytes, ...]) -> bool:
    """Tell whether there is an authority that may vouch for this identity, and a chain to put to it."""
    credentials = record.credentials.value if record is not None else None
    return bool(chain) and credentials is not None and bool(credentials.authorities)


async def ask_for_voucher(
    reception: Reception, peer: Peer, name: tuple[str, str | None], chain: tuple[bytes, ...]
) -> CertificateVouched | None:
    """Ask control; it then permits the certificate to the identity, if an authority vouches for it.

    Args:
        reception: Where to ask.
        peer: Who presented it.
        name: The identity it was presented as.
        chain: DER, leaf first.

    Returns:
        The answer; ``None`` if there is none, or too many are asked for already.
    """
    if not reception.vouching.try_enter():
        return None
    device_id, module_id = name
    request = VouchCertificate(
        organization_id=reception.anchor.organization_id,
        gateway=reception.gateway,
        device_id=device_id,
        module_id=module_id,
        certificate_chain=list(chain),
        remote_address=peer.remote_address,
    )
    try:
        return await reception.bus.call(
            VOUCH_CERTIFICATE, request, CertificateVouched, timeout_s=reception.settings.session.vouch_timeout_s
        )
    except Problem as problem:
        log.warning("no answer whether an authority vouches for a certificate", extra={"reason": problem.detail})
        return None
    finally:
        reception.vouching.leave()
