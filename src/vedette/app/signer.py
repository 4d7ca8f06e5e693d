"""The signer process: the issuing keys, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

from vedette.app.roles import SignerRole
from vedette.kernel import Clock, IdSource
from vedette.pki import AuthoritySettings, SignerSettings, run_signer
from vedette.trust import read_trust_anchor


def signer_settings(role: SignerRole) -> SignerSettings:
    """Return what the signer is told; reads the trust anchor."""
    anchor = read_trust_anchor(role.trust_anchor)
    return SignerSettings(
        authorities=AuthoritySettings(
            organization_id=anchor.organization_id,
            organization_name=role.organization_name,
            pki_directory=role.pki_directory,
            offline_directory=role.offline_directory,
            passphrase_file=role.passphrase_file,
        ),
        socket_path=role.socket_path,
        # Names of the past stay on the certificate, for the devices that know them.
        server_names=tuple(dict.fromkeys((*role.server_names, *anchor.hostnames))),
        device_certificates_per_hour=role.device_certificates_per_hour,
    )


async def serve_signer(role: SignerRole, *, clock: Clock, ids: IdSource, ready: Callable[[], None]) -> None:
    """Run the signer until cancelled.

    Raises:
        Problem: Keys or journal cannot be used.
    """
    await run_signer(signer_settings(role), clock=clock, ids=ids, ready=ready)
