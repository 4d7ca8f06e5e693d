"""The gateway's own certificate: a key that never leaves this directory, renewed at two thirds of its life."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from vedette.bus import BusConnection
from vedette.bus.contract import ISSUE_SERVER_CERTIFICATE, IssueServerCertificate, RenewedCertificate
from vedette.kernel import Clock, Problem
from vedette.trust import TrustAnchor

log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 15.0
_RETRY_S: Final = 30.0
_CHECK_S: Final = 3600.0
_FIRST_RETRY_S: Final = 0.5
_RENEW_AT: Final = 2 / 3


@dataclass(frozen=True, slots=True)
class ServerCredential:
    """A key and its certificate chain, PEM, leaf first."""

    chain_pem: bytes
    key_pem: bytes
    not_before: datetime
    not_after: datetime

    def renew_at(self) -> datetime:
        """When to ask for the next one."""
        return self.not_before + (self.not_after - self.not_before) * _RENEW_AT


class ServerCertificate:
    """Keeps a current server certificate in a directory.

    Args:
        bus: Reaches the PKI.
        anchor: Organization, and the names the certificate must carry.
        gateway: This gateway's name.
        directory: ``server.key`` and ``server.pem`` live here, mode 0600.
        clock: Wall clock.
    """

    def __init__(self, bus: BusConnection, anchor: TrustAnchor, gateway: str, directory: Path, clock: Clock) -> None:
        self._bus = bus
        self._anchor = anchor
        self._gateway = gateway
        self._directory = directory
        self._clock = clock

    async def current(self) -> ServerCredential:
        """Return the stored certificate, or a fresh one; waits for the PKI as long as it takes."""
        stored = await asyncio.to_thread(self._read)
        if stored is not None and self._clock.now() < stored.renew_at():
            return stored
        while True:
            try:
                return await self._issue()
            except (Problem, ValueError) as problem:
                if stored is not None and self._clock.now() < stored.not_after:
                    return stored
                log.warning("no server certificate yet", extra={"reason": str(problem)})
                await asyncio.sleep(_FIRST_RETRY_S)

    async def keep_current(self, credential: ServerCredential, reload: Callable[[bytes, bytes], None]) -> None:
        """Renew in time and hand each new certificate to ``reload``; never ends."""
        while True:
            left_s = (credential.renew_at() - self._clock.now()) / timedelta(seconds=1)
            if left_s > 0:
                await asyncio.sleep(min(left_s, _CHECK_S))
                continue
            try:
                credential = await self._issue()
                reload(credential.chain_pem, credential.key_pem)
                log.info("server certificate renewed", extra={"not_after": credential.not_after.isoformat()})
            except (Problem, ValueError) as problem:
                log.warning("server certificate not renewed yet", extra={"reason": str(problem)})
                await asyncio.sleep(_RETRY_S)

    async def _issue(self) -> ServerCredential:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, self._anchor.hostnames[0][:64])])
        csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        request = IssueServerCertificate(
            organization_id=self._anchor.organization_id,
            gateway=self._gateway,
            csr=csr.public_bytes(Encoding.DER),
        )
        issued = await self._bus.call(ISSUE_SERVER_CERTIFICATE, request, RenewedCertificate, timeout_s=_TIMEOUT_S)
        certificates = [x509.load_der_x509_certificate(der) for der in issued.chain]
        if not certificates or certificates[0].public_key() != key.public_key():
            raise ValueError("the issued certificate is not for our key")
        credential = ServerCredential(
            chain_pem=b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates),
            key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            not_before=certificates[0].not_valid_before_utc,
            not_after=certificates[0].not_valid_after_utc,
        )
        await asyncio.to_thread(self._write, credential)
        return credential

    def _read(self) -> ServerCredential | None:
        """Return what is stored if key and certificate fit together and carry every name; blocks."""
        try:
            chain_pem = (self._directory / "server.pem").read_bytes()
            key_pem = (self._directory / "server.key").read_bytes()
            leaf = x509.load_pem_x509_certificates(chain_pem)[0]
            key = load_pem_private_key(key_pem, password=None)
        except (OSError, ValueError, TypeError, IndexError):
            return None
        if key.public_key() != leaf.public_key() or not self._carries_all_names(leaf):
            return None
        return ServerCredential(chain_pem, key_pem, leaf.not_valid_before_utc, leaf.not_valid_after_utc)

    def _carries_all_names(self, leaf: x509.Certificate) -> bool:
        try:
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return False
        present = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
        present |= {str(address) for address in names.get_values_for_type(x509.IPAddress)}
        return all(name.lower() in present for name in self._anchor.hostnames)

    def _write(self, credential: ServerCredential) -> None:
        """Write the key first: a crash in between leaves a pair that does not fit, which is made anew."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in (("server.key", credential.key_pem), ("server.pem", credential.chain_pem)):
            partial = self._directory / f"{name}.new"
            partial.unlink(missing_ok=True)
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._directory / name)
