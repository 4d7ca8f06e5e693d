"""What TLS says before it is encrypted: hellos and, up to TLS 1.2, certificates.

Source:
    RFC 8446 §4.1 and §4.2; RFC 5246 §7.4; RFC 6066 (SNI); RFC 7301 (ALPN).
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from vedette.sensor.dissect.interface import Malformed
from vedette.sensor.dissect.ja4 import GREASE
from vedette.sensor.dissect.wording import text_of

_WORD: Final = Struct(">H").unpack_from
_PAIR: Final = Struct(">HH").unpack_from
_SNI: Final = 0
_SIGNATURES: Final = 13
_ALPN: Final = 16
_VERSIONS: Final = 43
_MAX_CERTIFICATE_BYTES: Final = 16_384
_MAX_EXTENSIONS: Final = 128


class ClientHello(NamedTuple):
    """What a client offers."""

    version: int
    """The highest that it supports."""
    ciphers: tuple[int, ...]
    extensions: tuple[int, ...]
    signatures: tuple[int, ...]
    name: str
    alpn: tuple[bytes, ...]


class ServerHello(NamedTuple):
    """What a server chose."""

    version: int
    cipher: int
    alpn: str


class CertificateFacts(NamedTuple):
    """What a certificate says of its holder."""

    subject: str
    common_name: str
    issuer: str
    serial: str
    not_before_s: float
    not_after_s: float
    key: str
    """Kind of key: ``rsa``, ``ecdsa`` or another's name."""
    key_bits: int
    names: tuple[str, ...]
    is_self_signed: bool


def client_hello(body: bytes) -> ClientHello:
    """Read a ClientHello, from its version on.

    Raises:
        Malformed: It contradicts itself; ``IndexError`` or ``struct.error`` if it ends too early.
    """
    version: int = _WORD(body, 0)[0]
    position = 35 + body[34]
    size = _WORD(body, position)[0]
    ciphers = _words(body, position + 2, size)
    position += 2 + size
    position += 1 + body[position]
    found: dict[int, bytes] = {}
    order = _extensions(body, position, found)
    versions = found.get(_VERSIONS, b"")
    offered = [each for each in _words(versions, 1, versions[0] & 0xFE) if each not in GREASE] if versions else []
    schemes = found.get(_SIGNATURES, b"")
    return ClientHello(
        max(offered, default=version),
        ciphers,
        order,
        _words(schemes, 2, _WORD(schemes, 0)[0]) if schemes else (),
        _server_name(found.get(_SNI, b"")),
        _protocols(found.get(_ALPN, b"")),
    )


def server_hello(body: bytes) -> ServerHello:
    """Read a ServerHello, from its version on.

    Raises:
        Malformed: It contradicts itself; ``IndexError`` or ``struct.error`` if it ends too early.
    """
    version: int = _WORD(body, 0)[0]
    position = 35 + body[34]
    cipher: int = _WORD(body, position)[0]
    found: dict[int, bytes] = {}
    _extensions(body, position + 3, found)
    if (chosen := found.get(_VERSIONS)) is not None:
        version = _WORD(chosen, 0)[0]
    alpn = _protocols(found.get(_ALPN, b""))
    return ServerHello(version, cipher, text_of(alpn[0]) if alpn else "")


def first_certificate(body: bytes) -> bytes:
    """Return the server's own certificate from a TLS 1.2 Certificate message, or nothing."""
    if len(body) < 6:
        return b""
    size = int.from_bytes(body[3:6], "big")
    if 6 + size > len(body):
        raise Malformed(f"a certificate of {size} bytes, {len(body) - 6} there")
    return body[6 : 6 + size]


def facts_of(content: bytes) -> CertificateFacts | None:
    """Read a certificate; None for one that can't be read, whatever is wrong with it."""
    if not 0 < len(content) <= _MAX_CERTIFICATE_BYTES:
        return None
    try:
        certificate = x509.load_der_x509_certificate(content)
        subject, issuer = certificate.subject, certificate.issuer
        common = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        key = certificate.public_key()
        kind = "rsa" if isinstance(key, rsa.RSAPublicKey) else "ecdsa"
        is_known = isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
        return CertificateFacts(
            subject.rfc4514_string()[:256],
            str(common[0].value)[:256] if common else "",
            issuer.rfc4514_string()[:256],
            f"{certificate.serial_number:X}"[:64],
            certificate.not_valid_before_utc.timestamp(),
            certificate.not_valid_after_utc.timestamp(),
            kind if is_known else type(key).__name__.removesuffix("PublicKey").lower(),
            key.key_size if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) else 0,
            _alternative_names(certificate),
            subject == issuer,
        )
    except (ValueError, TypeError, OverflowError, x509.InvalidVersion, UnsupportedAlgorithm):
        return None


def _alternative_names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return ()
    return tuple(name[:256] for name in found.get_values_for_type(x509.DNSName)[:16])


def _extensions(body: bytes, position: int, found: dict[int, bytes]) -> tuple[int, ...]:
    if position >= len(body):
        return ()
    end = position + 2 + _WORD(body, position)[0]
    if end > len(body):
        raise Malformed(f"extensions to byte {end}, {len(body)} there")
    position += 2
    order: list[int] = []
    while position < end:
        kind, size = _PAIR(body, position)
        if position + 4 + size > end:
            raise Malformed(f"extension {kind} announces {size} bytes")
        if len(order) >= _MAX_EXTENSIONS:
            raise Malformed(f"more than {_MAX_EXTENSIONS} extensions")
        order.append(kind)
        found[kind] = body[position + 4 : position + 4 + size]
        position += 4 + size
    return tuple(order)


def _words(body: bytes, start: int, size: int) -> tuple[int, ...]:
    if size & 1 or start + size > len(body):
        raise Malformed(f"a list of {size} bytes, {len(body) - start} there")
    return Struct(f">{size // 2}H").unpack_from(body, start)


def _server_name(content: bytes) -> str:
    if len(content) < 5 or content[2]:
        return ""
    size = _WORD(content, 3)[0]
    if 5 + size > len(content):
        raise Malformed(f"a server name of {size} bytes, {len(content) - 5} there")
    return text_of(content[5 : 5 + size])


def _protocols(content: bytes) -> tuple[bytes, ...]:
    found: list[bytes] = []
    position = 2
    while position < len(content) and len(found) < 16:
        size = content[position]
        if position + 1 + size > len(content):
            raise Malformed(f"a protocol name of {size} bytes")
        found.append(content[position + 1 : position + 1 + size])
        position += 1 + size
    return tuple(found)
