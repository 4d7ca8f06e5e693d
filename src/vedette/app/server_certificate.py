"""The API's own server certificate: a key of control's, a certificate of the services authority, renewed in time."""

from __future__ import annotations

import asyncio
import logging
import ssl
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from vedette.app.data_directory import write_private
from vedette.kernel import Clock, OrganizationId, Problem
from vedette.ledger import Actor
from vedette.pki.records import CertificateService

log = logging.getLogger(__name__)

# Renewed when less than this part of its life is left.
_RENEW_BELOW: Final = 1 / 3
_CHECK_EVERY_S: Final = 3600.0
_RETRY_S: Final = 30.0
_NAME_MAX_CHARS: Final = 64


class ServerCertificate:
    """Keeps one certificate valid in a TLS context.

    Args:
        directory: Holds ``key.pem`` and ``certificate.pem``, mode 0600.
        names: Host names and addresses that it must carry.
        context: New handshakes use what is loaded here.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        certificates: CertificateService,
        *,
        directory: Path,
        names: tuple[str, ...],
        context: ssl.SSLContext,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._certificates = certificates
        self._directory = directory
        self._names = names
        self._context = context
        self._clock = clock

    async def ensure(self) -> None:
        """Load a certificate that is good for a while, issued now if need be.

        Raises:
            Problem: The signer does not issue it.
        """
        if await asyncio.to_thread(self._is_good):
            await asyncio.to_thread(self._load)
            return
        key = ec.generate_private_key(ec.SECP256R1())
        chain = await self._certificates.issue_server_certificate(
            organization_id=self._organization_id,
            names=self._names,
            csr=_request(key, self._names[0]),
            actor=Actor("service", "control"),
        )
        await asyncio.to_thread(self._write, key, chain)
        await asyncio.to_thread(self._load)
        log.info("server certificate issued for the API", extra={"names": ", ".join(self._names)})

    async def keep(self) -> None:
        """Renew it in time, until cancelled."""
        while True:
            await asyncio.sleep(_CHECK_EVERY_S)
            try:
                await self.ensure()
            except Problem as problem:
                log.warning("the API's certificate could not be renewed", extra={"cause": problem.code})
                await asyncio.sleep(_RETRY_S)

    @property
    def _key_path(self) -> Path:
        return self._directory / "key.pem"

    @property
    def _certificate_path(self) -> Path:
        return self._directory / "certificate.pem"

    def _load(self) -> None:
        self._context.load_cert_chain(self._certificate_path, self._key_path)

    def _is_good(self) -> bool:
        try:
            leaf = x509.load_pem_x509_certificates(self._certificate_path.read_bytes())[0]
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (OSError, ValueError, x509.ExtensionNotFound):
            return False
        carried = {str(name.value) for name in names}
        return self._key_path.exists() and set(self._names) <= carried and not _is_due(leaf, self._clock.now())

    def _write(self, key: ec.EllipticCurvePrivateKey, chain: list[bytes]) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A certificate beside a key it does not belong to is issued anew: without the old one nothing is mixed up.
        self._certificate_path.unlink(missing_ok=True)
        write_private(self._key_path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        pem = b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in chain[:-1])
        write_private(self._certificate_path, pem)


def _is_due(leaf: x509.Certificate, now: datetime) -> bool:
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    return leaf.not_valid_after_utc - now < life * _RENEW_BELOW


def _request(key: ec.EllipticCurvePrivateKey, name: str) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if len(name) <= _NAME_MAX_CHARS else [])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return csr.public_bytes(Encoding.DER)
