"""What somebody who stole an issuing key can make: certificates that nobody had issued."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from stand_in_control import Credential

from vedette.kernel import GenerationId, OrganizationId
from vedette.trust import identity_uri

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def issue_unasked(
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    *,
    name: str,
    organization_id: OrganizationId,
    generation_id: GenerationId | None,
) -> Credential:
    """Sign a certificate as the signer would, behind everybody's back."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number() >> 32)
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            ),
            critical=False,
        )
    )
    if generation_id is not None:
        uri = x509.UniformResourceIdentifier(identity_uri(organization_id, generation_id))
        builder = builder.add_extension(x509.SubjectAlternativeName([uri]), critical=False)
    return Credential(builder.sign(authority_key, hashes.SHA256()), key)


def rewrite_signature(genuine: x509.Certificate) -> x509.Certificate:
    """Make the other valid signature of an ECDSA certificate, which anybody can: the same one, another digest."""
    r, s = decode_dss_signature(genuine.signature)
    signature = encode_dss_signature(r, P256_ORDER - s)
    body = genuine.tbs_certificate_bytes + bytes.fromhex("300a06082a8648ce3d040302")
    body += bytes([0x03, len(signature) + 1, 0x00]) + signature
    return x509.load_der_x509_certificate(b"\x30\x82" + len(body).to_bytes(2, "big") + body)


def der_of(credential: Credential) -> bytes:
    return credential.certificate.public_bytes(Encoding.DER)
