"""Certificates as people paste them: PEM, or base64 of DER."""

from __future__ import annotations

import base64
import binascii
import textwrap
from collections.abc import Iterable
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from vedette.api.errors import InvalidCertificate

TEXT_MAX_CHARS: Final = 65_536
_PEM: Final = "-----BEGIN CERTIFICATE-----"


def read_certificate(text: str) -> bytes:
    """Return the DER of one certificate.

    Raises:
        InvalidCertificate: Neither PEM nor base64 of exactly one certificate.
    """
    try:
        if _PEM in text:
            found = x509.load_pem_x509_certificates(text.encode("utf-8"))
            if len(found) != 1:
                raise InvalidCertificate(f"{len(found)} certificates, where one is expected")
            return found[0].public_bytes(Encoding.DER)
        der = base64.b64decode("".join(text.split()), validate=True)
        x509.load_der_x509_certificate(der)
    except (ValueError, binascii.Error) as error:
        raise InvalidCertificate(
            "the text is not a certificate", hint="send one certificate as PEM, or its DER as base64"
        ) from error
    return der


def write_chain(chain: Iterable[bytes]) -> str:
    """Return certificates in DER as PEM, in their order."""
    return "".join(write_certificate(der) for der in chain)


def write_certificate(der: bytes) -> str:
    """Return a certificate in DER as PEM."""
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode("ascii"), 64))
    return f"{_PEM}\n{body}\n-----END CERTIFICATE-----\n"
