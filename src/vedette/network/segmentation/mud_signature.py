"""Signatures of MUD files: CMS, detached, as RFC 8520 §13 asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs7

from vedette.network.segmentation.errors import BadMudSigner

MEDIA_TYPE: Final = "application/pkcs7-signature"
_FILE_BYTES_MAX: Final = 65_536
_RSA_BITS_MIN: Final = 2_048
_HINT: Final = "see segmentation.mud_certificate_file and segmentation.mud_key_file: vedette config check"

SignerKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class MudSigner:
    """Signs MUD files with a key of the operator's.

    Args:
        certificate: Of the signer.
        key: Of the certificate.
        intermediates: Certificates between the signer's and a root that readers know.
    """

    def __init__(
        self, certificate: x509.Certificate, key: SignerKey, *, intermediates: Sequence[x509.Certificate] = ()
    ) -> None:
        self._certificate = certificate
        self._key = key
        self._intermediates = tuple(intermediates)

    def sign(self, document: bytes) -> bytes:
        """Return the detached signature of a file, DER."""
        return sign_mud(document, self._certificate, self._key, intermediates=self._intermediates)


def read_mud_signer(certificate_file: Path, key_file: Path) -> MudSigner:
    """Return what signs with the key in a file.

    Args:
        certificate_file: PEM, the signer's certificate first, then those between it and a root.
        key_file: PEM, not encrypted.

    Raises:
        BadMudSigner: One cannot be read, or they do not belong together.
    """
    try:
        chain = x509.load_pem_x509_certificates(certificate_file.read_bytes()[:_FILE_BYTES_MAX])
        key = load_pem_private_key(key_file.read_bytes()[:_FILE_BYTES_MAX], None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        # What a parser says of a key could hold a part of it.
        raise BadMudSigner("the certificate or key for MUD files cannot be read", hint=_HINT) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise BadMudSigner("MUD files are signed with an ECDSA or RSA key", hint=_HINT)
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < _RSA_BITS_MIN:
        raise BadMudSigner(f"the RSA key for MUD files has fewer than {_RSA_BITS_MIN} bits", hint=_HINT)
    if key.public_key() != chain[0].public_key():
        raise BadMudSigner("the key for MUD files is not the one of the first certificate", hint=_HINT)
    return MudSigner(chain[0], key, intermediates=chain[1:])


def sign_mud(
    document: bytes, certificate: x509.Certificate, key: SignerKey, *, intermediates: Sequence[x509.Certificate] = ()
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
