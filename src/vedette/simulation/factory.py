"""A device maker: a factory authority that gives each device its onboarding identity, as a real one would."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from vedette.kernel import Clock

# IEEE 802.1AR asks that an initial identity never expires: RFC 5280 §4.1.2.5 writes that as this moment.
NEVER: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Identity:
    """A key and its certificate chain, leaf first.

    Attributes:
        key: EC P-256 private key.
        chain: The certificate and its issuers below the root.
    """

    key: ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...]

    def key_pem(self) -> bytes:
        """Return the private key as unencrypted PKCS #8 PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def chain_pem(self) -> bytes:
        """Return the chain as concatenated PEM, leaf first."""
        return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in self.chain)

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write ``name.pem`` and ``name.key`` (0600) and return their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        certificate_path, key_path = folder / f"{name}.pem", folder / f"{name}.key"
        certificate_path.write_bytes(self.chain_pem())
        key_path.touch(mode=0o600)
        key_path.write_bytes(self.key_pem())
        return certificate_path, key_path


class Factory:
    """A maker's root and one production-line authority under it.

    Args:
        name: Put into the authorities' subjects.
        clock: For the start of validity.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self._clock = clock
        self._root_key = ec.generate_private_key(ec.SECP256R1())
        self._line_key = ec.generate_private_key(ec.SECP256R1())
        self.root = self._authority(f"{name} Root", self._root_key, f"{name} Root", self._root_key, path_length=1)
        self.line = self._authority(f"{name} Line 1", self._line_key, f"{name} Root", self._root_key, path_length=0)

    @classmethod
    def open(cls, name: str, clock: Clock, folder: Path) -> Factory:
        """Return the maker whose keys are kept in a folder; the first time it is made and put there."""
        factory = cls(name, clock)
        if (folder / "line.key").exists():
            factory._root_key, factory.root = _read(folder, "root")
            factory._line_key, factory.line = _read(folder, "line")
        else:
            Identity(factory._root_key, (factory.root,)).write(folder, "root")
            Identity(factory._line_key, (factory.line,)).write(folder, "line")
        return factory

    def root_pem(self) -> bytes:
        """Return the root certificate as PEM, for the operator to register."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    def make_device(self, common_name: str, *, days: int | None = None) -> Identity:
        """Give one device its onboarding identity.

        Args:
            common_name: The registration id.
            days: Validity from now, negative for one that has already ended; ``None`` for ever.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        now = self._clock.now()
        not_before, not_after = now - timedelta(days=1), NEVER
        if days is not None:
            not_before, not_after = now + timedelta(days=min(days, 0) - 1), now + timedelta(days=days)
        leaf = (
            _builder(common_name, self.line.subject, key.public_key(), not_before, not_after)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(self._line_key, hashes.SHA256())
        )
        return Identity(key, (leaf, self.line))

    def prove_possession(self, code: str) -> bytes:
        """Sign a certificate whose common name is the platform's verification code; PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = self._clock.now()
        proof = _builder(
            code, self.root.subject, key.public_key(), now - timedelta(hours=1), now + timedelta(days=1)
        ).sign(self._root_key, hashes.SHA256())
        return proof.public_bytes(serialization.Encoding.PEM)

    def _authority(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        issuer: str,
        issuer_key: ec.EllipticCurvePrivateKey,
        *,
        path_length: int,
    ) -> x509.Certificate:
        now = self._clock.now()
        return (
            _builder(name, _name(issuer), key.public_key(), now - timedelta(days=1), now + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=False,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=True,
                    crl_sign=True,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
            .sign(issuer_key, hashes.SHA256())
        )


def make_request(common_name: str) -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    """Make a fresh operational key and its PKCS #10 request, DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(_name(common_name)).sign(key, hashes.SHA256())
    return key, request.public_bytes(serialization.Encoding.DER)


def _read(folder: Path, name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{folder / name}.key is not an EC key")
    return key, x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    common_name: str,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
