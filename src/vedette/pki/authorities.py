"""The root and the issuing authorities: made on first start, then only read.

The root signs two issuing authorities, ``operational`` (device certificates) and ``services`` (server certificates),
and goes offline. Creation can be cut off anywhere: each file is written whole, in an order that lets the next start go
on where the last one stopped, and ``authorities.json`` is written last. Once it is there nothing is ever re-created.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vedette.kernel import Clock, IdSource, OrganizationId, to_rfc3339
from vedette.pki.errors import AuthorityDamaged, InvalidSubjectName
from vedette.pki.keyfiles import make_private_directory, read_key, read_passphrase, write_atomically, write_key
from vedette.pki.model import BACKDATE, NAME_MAX_CHARS, SERIAL_BYTES, Purpose
from vedette.pki.settings import AuthoritySettings

log = logging.getLogger(__name__)

ROOT_LIFETIME: Final = timedelta(days=3653)
ISSUING_LIFETIME: Final = timedelta(days=1096)
ISSUING_PURPOSES: Final = (Purpose.OPERATIONAL, Purpose.SERVICES)

_USAGE_OF_ISSUED: Final = {
    Purpose.OPERATIONAL: ExtendedKeyUsageOID.CLIENT_AUTH,
    Purpose.SERVICES: ExtendedKeyUsageOID.SERVER_AUTH,
}
_COMPLETE: Final = "authorities.json"
_NOTE: Final = """\
root-key.pem is the private key of Vedette's root authority. Whoever holds it can become this whole installation.

Vedette does not need it to run. Move it away now, to a medium that is kept offline, and keep a second copy:

    mv root-key.pem /media/your-offline-medium/ && shred -u root-key.pem

It is needed again to create the next issuing authorities, about every three years, or after one was lost.
{state}
"""
_NOTE_ENCRYPTED: Final = "The file is encrypted with the passphrase that was configured when it was made."
_NOTE_CLEAR: Final = "The file is NOT encrypted: file permissions alone protect it, and every backup that copies it."


class _Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    organization_id: str
    created_at: str


@dataclass(frozen=True, slots=True)
class IssuingAuthority:
    """An issuing authority with its private key, as the signer holds it."""

    purpose: Purpose
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Authorities:
    """All authorities of an installation; the root without its key.

    Attributes:
        organization_id: The organization they were created for.
    """

    organization_id: OrganizationId
    root: x509.Certificate
    issuing: dict[Purpose, IssuingAuthority]

    def root_pem(self) -> bytes:
        """Return what devices and people trust."""
        return self.root.public_bytes(Encoding.PEM)

    def chain(self, purpose: Purpose) -> tuple[bytes, bytes]:
        """Return the DER of the issuing authority and of the root."""
        return self.issuing[purpose].certificate.public_bytes(Encoding.DER), self.root.public_bytes(Encoding.DER)


def open_authorities(settings: AuthoritySettings, *, clock: Clock, ids: IdSource) -> Authorities:
    """Create what is missing of the authorities on a first start, or read and check them on a later one.

    Blocks on files; call it from a thread.

    Raises:
        AuthorityDamaged: Files are missing or do not fit together, or belong to another organization.
        BadPassphrase: A key file cannot be opened.
        InvalidSubjectName: The organization's name does not fit into a certificate.
    """
    make_private_directory(settings.pki_directory)
    if not (settings.pki_directory / _COMPLETE).exists():
        _create(settings, clock.now(), ids)
    return _load(settings)


def _create(settings: AuthoritySettings, now: datetime, ids: IdSource) -> None:
    """Go through the steps of creation; each is skipped when its file is there already."""
    directory = settings.pki_directory
    make_private_directory(settings.offline_directory)
    if not 1 <= len(settings.organization_name) <= NAME_MAX_CHARS:
        raise InvalidSubjectName(
            f"the organization's name has {len(settings.organization_name)} characters",
            hint=f"use 1 to {NAME_MAX_CHARS} characters: pki.organization_name in the configuration",
        )
    maker = _Maker(settings, now, ids)
    passphrase = read_passphrase(settings.passphrase_file) if settings.passphrase_file else None
    root_passphrase = read_passphrase(settings.root_passphrase_file) if settings.root_passphrase_file else passphrase
    if not (directory / "root.pem").exists():
        _create_root(settings, maker, root_passphrase)
    root = _read_certificate(directory / "root.pem")
    for purpose in ISSUING_PURPOSES:
        certificate_path, key_path = directory / f"{purpose}.pem", directory / f"{purpose}.key"
        if certificate_path.exists():
            continue
        if not key_path.exists():
            write_key(key_path, ec.generate_private_key(ec.SECP256R1()), passphrase)
        key, root_key = read_key(key_path, passphrase), read_key(_root_key_path(settings), root_passphrase)
        certificate = maker.issuing(purpose, key.public_key(), root, root_key)
        write_atomically(certificate_path, certificate.public_bytes(Encoding.PEM), mode=0o644)
    manifest = _Manifest(1, settings.organization_id, to_rfc3339(now))
    write_atomically(directory / _COMPLETE, msgspec.json.encode(manifest), mode=0o644)
    log.info("authorities created", extra={"organization_id": settings.organization_id, "directory": str(directory)})


def _create_root(settings: AuthoritySettings, maker: _Maker, passphrase: bytes | None) -> None:
    key_path = _root_key_path(settings)
    if not key_path.exists():
        write_key(key_path, ec.generate_private_key(ec.SECP384R1()), passphrase)
    note = _NOTE.format(state=_NOTE_CLEAR if passphrase is None else _NOTE_ENCRYPTED)
    write_atomically(settings.offline_directory / "README.txt", note.encode(), mode=0o600)
    certificate = maker.root(read_key(key_path, passphrase))
    write_atomically(settings.pki_directory / "root.pem", certificate.public_bytes(Encoding.PEM), mode=0o644)


def _root_key_path(settings: AuthoritySettings) -> Path:
    return settings.offline_directory / "root-key.pem"


def _load(settings: AuthoritySettings) -> Authorities:
    directory = settings.pki_directory
    manifest = _read_manifest(directory / _COMPLETE)
    if manifest.organization_id != settings.organization_id:
        raise AuthorityDamaged(
            f"the authorities in {directory} belong to {manifest.organization_id}, not to {settings.organization_id}",
            hint="point the data directory at this organization's own, or restore it from a backup",
        )
    passphrase = read_passphrase(settings.passphrase_file) if settings.passphrase_file else None
    root = _read_certificate(directory / "root.pem")
    issuing: dict[Purpose, IssuingAuthority] = {}
    for purpose in ISSUING_PURPOSES:
        certificate = _read_certificate(directory / f"{purpose}.pem")
        key_path = directory / f"{purpose}.key"
        if not key_path.exists():
            raise AuthorityDamaged(f"{key_path} is missing", hint="restore it from a backup")
        key = read_key(key_path, passphrase)
        _check_fit(purpose, certificate, key, root)
        issuing[purpose] = IssuingAuthority(purpose, certificate, key)
    return Authorities(settings.organization_id, root, issuing)


def _check_fit(
    purpose: Purpose, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, root: x509.Certificate
) -> None:
    if _spki(key.public_key()) != certificate.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    ):
        raise AuthorityDamaged(
            f"the key of the {purpose} authority does not belong to its certificate", hint="restore both from a backup"
        )
    try:
        certificate.verify_directly_issued_by(root)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise AuthorityDamaged(
            f"the certificate of the {purpose} authority was not issued by this root", hint="restore both from a backup"
        ) from error


def _read_manifest(path: Path) -> _Manifest:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Manifest)
    except msgspec.DecodeError as error:
        raise AuthorityDamaged(f"{path} cannot be read", hint="restore it from a backup") from error


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise AuthorityDamaged(f"{path} is missing or cannot be read", hint="restore it from a backup") from error


@dataclass(frozen=True, slots=True)
class _Maker:
    """Builds the certificates of authorities, all at one moment and for one organization."""

    settings: AuthoritySettings
    now: datetime
    ids: IdSource

    def root(self, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        subject = self._name("Vedette root")
        builder = self._builder(subject, subject, key.public_key(), ROOT_LIFETIME, path_length=1)
        return builder.sign(key, hashes.SHA384())

    def issuing(
        self,
        purpose: Purpose,
        public_key: ec.EllipticCurvePublicKey,
        root: x509.Certificate,
        root_key: ec.EllipticCurvePrivateKey,
    ) -> x509.Certificate:
        """Build an issuing authority that may sign end entities only (path length 0) of one extended key usage.

        No name constraints: those on DNS names would be applied to device ids with dots in the common name, and URIs
        without a host cannot be constrained (RFC 5280 §4.2.1.10); the extended key usage keeps the two apart instead.
        """
        subject = self._name(f"Vedette {purpose} authority")
        builder = self._builder(subject, root.subject, public_key, ISSUING_LIFETIME, path_length=0)
        root_key_id = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return (
            builder.add_extension(x509.ExtendedKeyUsage([_USAGE_OF_ISSUED[purpose]]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_key_id), critical=False)
            .sign(root_key, hashes.SHA384())
        )

    def _builder(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        public_key: ec.EllipticCurvePublicKey,
        lifetime: timedelta,
        *,
        path_length: int,
    ) -> x509.CertificateBuilder:
        now = self.now.replace(microsecond=0)
        return (
            x509.CertificateBuilder(issuer, subject, public_key, random_serial(self.ids))
            .not_valid_before(now - BACKDATE)
            .not_valid_after(now + lifetime)
            .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
            .add_extension(key_usage(certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        )

    def _name(self, common_name: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.settings.organization_name),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, self.settings.organization_id),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )


def random_serial(ids: IdSource) -> int:
    """Return a positive serial of 128 random bits (RFC 5280 §4.1.2.2 allows 20 octets)."""
    return int.from_bytes(ids.random_bytes(SERIAL_BYTES), "big") or 1


def key_usage(*, certificates: bool) -> x509.KeyUsage:
    """Return the key usage of an authority (sign certificates and CRLs) or of an end entity (digital signature)."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _spki(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
