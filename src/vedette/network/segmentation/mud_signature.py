"""Signatures of MUD files: CMS, detached, as RFC 8520 §13 asks for."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

MEDIA_TYPE = "application/pkcs7-signature"


def sign_mud(
    document: bytes,
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    *,
    intermediates: Sequence[x509.Certificate] = (),
) -> bytes:
    """Return the detached signature of a file, DER.

    Args:
        document: The bytes of the file, as they will be served.
        certificate: Of the signer.
        key: Of the certificate.
        intermediates: Certificates between the signer's and a root that readers know.

    Source:
        RFC 8520 §13.1: ``openssl cms -sign … -binary -outform DER -certfile …``.
    """
    builder = pkcs7.PKCS7SignatureBuilder().set_data(document).add_signer(certificate, key, hashes.SHA256())
    for each in intermediates:
        builder = builder.add_certificate(each)
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary])
